"""True counts of every preset, and memory that is counted as it will be used."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from heimdall_core import Recipe, Registry
from heimdall_core.config import TrainingConfig
from heimdall_core.errors import ModelError, RecipeError
from heimdall_run_transformers.documents import use_documents
from heimdall_run_transformers.loss import answer_loss
from heimdall_train_lora.cards import find_card
from heimdall_train_lora.forecast import _batch, _Counter, forecast, kept_bytes, meta_model
from heimdall_train_lora.gguf_size import gguf_bytes
from heimdall_train_lora.models import BaseFacts, find_facts, known_models
from heimdall_train_lora.targets import LINEAR

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")

#: Parameters as the models' own cards and weights have them.
PUBLISHED = {
    "Qwen/Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen/Qwen2.5-1.5B-Instruct": 1_543_714_304,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "microsoft/Phi-3-mini-4k-instruct": 3_821_079_552,
    "microsoft/Phi-3.5-mini-instruct": 3_821_079_552,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1_100_048_384,
}


def test_parameters_are_the_published_ones() -> None:
    assert {name: facts.parameters for name, facts in known_models().items()} == PUBLISHED


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_network_of_that_shape_has_as_many(name: str) -> None:
    facts = find_facts(name)
    assert facts is not None
    config = TrainingConfig(base_model=name, lora_r=8)
    targets = tuple(facts.layers)
    model = meta_model(facts, facts.num_hidden_layers, config, targets)
    lora = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert sum(p.numel() for p in model.parameters()) - lora == facts.parameters
    assert lora == facts.lora_parameters(targets, 8)


def test_the_count_that_the_guide_gets_wrong() -> None:
    facts = find_facts("Qwen/Qwen2.5-1.5B-Instruct")
    assert facts is not None
    assert facts.lora_parameters(ATTENTION, 32) == 8_716_288
    assert facts.lora_parameters(LINEAR, 32) == 36_929_536


PRESETS = {
    "heimdall": ("Qwen/Qwen2.5-1.5B-Instruct", "Apache-2.0", 2048),
    "heimdall_all_linear": ("Qwen/Qwen2.5-1.5B-Instruct", "Apache-2.0", 2048),
    "heimdall_nornicdb": ("Qwen/Qwen2.5-1.5B-Instruct", "Apache-2.0", 4096),
    "heimdall_mit": ("microsoft/Phi-3-mini-4k-instruct", "MIT", 2048),
    "heimdall_tiny": ("Qwen/Qwen2.5-0.5B-Instruct", "Apache-2.0", 2048),
    "heimdall_standard": ("Qwen/Qwen2.5-1.5B-Instruct", "Apache-2.0", 2048),
    "heimdall_pro": ("microsoft/Phi-3-mini-4k-instruct", "MIT", 2048),
    "heimdall_max": ("Qwen/Qwen2.5-7B-Instruct", "Apache-2.0", 2048),
    "qwen_0_5b": ("Qwen/Qwen2.5-0.5B-Instruct", "Apache-2.0", 2048),
    "qwen_1_5b": ("Qwen/Qwen2.5-1.5B-Instruct", "Apache-2.0", 2048),
    "phi3_mini": ("microsoft/Phi-3-mini-4k-instruct", "MIT", 2048),
    "phi3_5_mini": ("microsoft/Phi-3.5-mini-instruct", "MIT", 2048),
    "tinyllama_1b": ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "Apache-2.0", 2048),
}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_names_a_known_base_and_its_licence(name: str) -> None:
    registry = Registry(third_party=False, environ={})
    recipe = Recipe.load(name, registry)
    config = recipe.training(registry)
    base, licence, length = PRESETS[name]
    facts = find_facts(config.base_model or "")
    assert facts is not None
    assert (config.base_model, facts.licence, config.max_seq_length) == (base, licence, length)
    assert recipe.licence == licence
    assert config.trainer_name == "lora"
    assert config.per_device_train_batch_size * config.gradient_accumulation_steps == 16


def test_the_heimdall_preset_is_the_guide_s() -> None:
    registry = Registry(third_party=False, environ={})
    config = Recipe.load("heimdall", registry).training(registry)
    assert (config.lora_r, config.lora_alpha, config.lora_dropout) == (32, 64, 0.05)
    assert config.target_modules == ATTENTION
    assert (config.learning_rate, config.num_train_epochs) == (3e-4, 10)
    assert (config.per_device_train_batch_size, config.gradient_accumulation_steps) == (8, 2)
    assert (config.warmup_ratio, config.weight_decay, config.max_grad_norm) == (0.03, 0.01, 1.0)


TOY = BaseFacts("toy", None, "qwen2", 64, 3, 4, 2, 96, 300, True, 256)


@pytest.mark.parametrize("family", ["qwen2", "llama", "phi3"])
@pytest.mark.parametrize("more", [{}, {"use_dora": True}, {"lora_dropout": 0.0}], ids=str)
def test_activations_are_counted_to_the_byte(family: str, more: dict[str, Any]) -> None:
    """What the network without data says it will keep is what the real one keeps."""
    import attrs

    facts = attrs.evolve(TOY, architecture=family)
    config = TrainingConfig(base_model="toy", lora_r=4, **more)
    targets = tuple(facts.layers)
    model = meta_model(facts, 2, config, targets)
    batch = _batch(3, 20)
    counted = kept_bytes(model, batch, None)
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=4,
        lora_dropout=config.lora_dropout,
        use_dora=config.use_dora,
        target_modules=list(targets),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: Any = get_peft_model(AutoModelForCausalLM.from_config(model.config), lora)
    real = made.get_base_model()
    use_documents(real)
    real.train()
    own = {p.untyped_storage().data_ptr() for p in real.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = answer_loss(real, batch)
    assert counted == pytest.approx(sum(size for size, _ in kept.values()), rel=0.02)
    del loss


def test_a_forecast_in_parts() -> None:
    config = TrainingConfig(base_model="Qwen/Qwen2.5-0.5B-Instruct", device="2080ti", lora_r=16)
    found = forecast(config, rows=1000, tokens_per_row=120)
    parts = found.details["bytes_by_part"]
    assert sum(parts.values()) == found.bytes
    assert parts["base"] == 494_032_768 * 2
    assert parts["adapter"] == parts["gradients"] == 4 * found.details["lora_parameters"]
    assert parts["optimizer"] == 2 * parts["adapter"]
    assert found.details["bytes_longest_rows"] > 3 * found.bytes
    assert found.details["recommended"]["per_device_train_batch_size"] >= 8
    assert "assumed" in found.details["basis"]
    small = forecast(
        TrainingConfig(
            base_model="Qwen/Qwen2.5-0.5B-Instruct", device="2080ti", lora_r=16, use_qlora=True
        ),
        rows=1000,
        tokens_per_row=120,
    )
    assert small.details["bytes_by_part"]["base"] < 0.6 * parts["base"]
    saved = forecast(
        TrainingConfig(
            base_model="Qwen/Qwen2.5-0.5B-Instruct", device="2080ti", gradient_checkpointing=True
        ),
        rows=1000,
        tokens_per_row=120,
    )
    assert saved.details["bytes_by_part"]["activations"] < 0.5 * parts["activations"]


def test_unknown_things_are_named() -> None:
    with pytest.raises(RecipeError, match="no device is called '2081ti'; did you mean '2080ti'"):
        find_card("2081ti")
    assert find_card("RTX 2080 Ti") == find_card("2080ti")
    with pytest.raises(ModelError, match="nothing is known of the base model 'acme/none'"):
        forecast(TrainingConfig(base_model="acme/none"), 10, 10)
    with pytest.raises(ModelError, match="context of 2048"):
        forecast(
            TrainingConfig(base_model="TinyLlama/TinyLlama-1.1B-Chat-v1.0", max_seq_length=4096),
            10,
            10,
        )


@pytest.mark.parametrize("dora", [False, True])
def test_any_number_of_rows_is_counted_from_two(dora: bool) -> None:
    """What DoRA keeps of its weights is there once, however many rows there are."""
    config = TrainingConfig(base_model="toy", lora_r=4, use_dora=dora, device="cpu")
    whole = kept_bytes(meta_model(TOY, 3, config, ATTENTION), _batch(5, 40), None)
    counted = _Counter(TOY, config, ATTENTION, find_card("cpu")).activations(5, 40)
    assert counted == pytest.approx(whole, rel=0.001)


#: Files on the Hugging Face hub, as llama.cpp's quantiser made them.
FILES = {
    "Qwen/Qwen2.5-0.5B-Instruct": 397_808_192,
    "Qwen/Qwen2.5-1.5B-Instruct": 986_048_768,
    "Qwen/Qwen2.5-7B-Instruct": 4_683_074_240,
    "microsoft/Phi-3-mini-4k-instruct": 2_393_231_072,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 668_788_096,
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_size_of_a_gguf_is_that_of_the_published_file(name: str) -> None:
    facts = find_facts(name)
    assert facts is not None
    assert gguf_bytes(facts)["Q4_K_M"] == pytest.approx(FILES[name], rel=0.015)


def settings_for(**changes: Any) -> TrainingConfig:
    return TrainingConfig(
        **{"base_model": "Qwen/Qwen2.5-0.5B-Instruct", "device": "2080ti", **changes}
    )


def test_a_forecast_counts_in_the_format_that_is_asked_for() -> None:
    usual = forecast(settings_for(), 1000, 120).details
    wide = forecast(settings_for(precision="fp32"), 1000, 120).details
    assert (usual["precision"], wide["precision"]) == ("fp16", "fp32")
    assert wide["bytes_by_part"]["base"] == 2 * usual["bytes_by_part"]["base"]
    assert wide["bytes_by_part"]["activations"] > usual["bytes_by_part"]["activations"]
    with pytest.raises(RecipeError, match="this card does not compute in bf16"):
        forecast(settings_for(precision="bf16"), 1000, 120)
    with pytest.raises(RecipeError, match="the CPU does not train in fp16"):
        forecast(settings_for(precision="fp16", device="cpu"), 1000, 120)


def test_a_budget_of_tokens_is_what_is_held_at_once() -> None:
    few = forecast(settings_for(pack_tokens=500, max_seq_length=200), 1000, 100)
    assert few.details["rows_at_once"] == 5
    assert few.bytes < forecast(settings_for(max_seq_length=200), 1000, 100).bytes
    all_of_a_step = forecast(settings_for(pack_tokens=8192), 1000, 100)
    assert all_of_a_step.details["rows_at_once"] == 16
    assert forecast(settings_for(pack_tokens=50), 1000, 100).details["rows_at_once"] == 1


def test_checkpointing_is_recommended_where_nothing_else_fits() -> None:
    long = {"max_seq_length": 4096, "base_model": "Qwen/Qwen2.5-1.5B-Instruct"}
    found = forecast(settings_for(**long), 5000, 2300).details["recommended"]
    assert found["gradient_checkpointing"] is True
    assert found["per_device_train_batch_size"] * found["gradient_accumulation_steps"] == 16
    assert (
        "gradient_checkpointing" not in forecast(settings_for(), 5000, 100).details["recommended"]
    )


@pytest.mark.parametrize(("qlora", "said"), [(False, 8.2e9), (True, 5.1e9)])
def test_the_guide_s_figure_is_taken_apart(qlora: bool, said: float) -> None:
    config = settings_for(base_model="Qwen/Qwen2.5-1.5B-Instruct", use_qlora=qlora)
    found = forecast(config, 5000, 150)
    there = [part[0] for part in found.details["guide_parts"].values()]
    here = [part[1] for part in found.details["guide_parts"].values()]
    assert sum(there) == pytest.approx(said, rel=1e-6)
    assert sum(here) == found.bytes
    assert there[2] == 16 * 31_000_000
    assert f"{said / 1e9:.1f} GB at batch_size = {4 if qlora else 8}" in found.details["guide_note"]


def test_a_batch_of_the_longest_rows_has_a_recommendation_of_its_own() -> None:
    found = forecast(settings_for(max_seq_length=2048), 5000, 100).details
    usual, longest = found["recommended"], found["recommended_longest_rows"]
    rows = [each["per_device_train_batch_size"] for each in (usual, longest)]
    assert rows[0] > rows[1] > 0
    for each in (usual, longest):
        steps = each["gradient_accumulation_steps"]
        assert each["per_device_train_batch_size"] * steps == 16
