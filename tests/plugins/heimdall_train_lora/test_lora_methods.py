"""Every method on every family: the loss falls, the adapter reloads, merged and not it says the
same, and the end token is learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_bases import FAMILIES, ROWS
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from heimdall_core.prompt import IM_END, messages_for, render_prompt
from heimdall_core.types import TrainContext, TrainResult
from heimdall_run_transformers.adapter import attach, load_merged
from heimdall_run_transformers.load import load
from heimdall_run_transformers.tokens import load_tokenizer

Trained = Callable[..., tuple[TrainContext, TrainResult]]
Bases = Callable[[str], Path]

LONGER: dict[str, Any] = {
    "max_steps": 40,
    "logging_steps": 10,
    "eval_steps": 40,
    "lora_r": 8,
    "learning_rate": 2e-2,
    "per_device_train_batch_size": 12,
}


def logits_of(model: Any, folder: Path) -> torch.Tensor:
    ids = load_tokenizer(folder)(
        [render_prompt(messages_for(ROWS[3].instruction)) + ROWS[3].output], return_tensors="pt"
    )["input_ids"]
    model.eval()
    with torch.no_grad():
        return model(input_ids=ids).logits


@pytest.mark.parametrize("family", FAMILIES)
def test_it_learns_answers_and_to_end_them(trained: Trained, bases: Bases, family: str) -> None:
    made, result = trained(family, **LONGER)
    losses = [entry["loss"] for entry in result.history if "loss" in entry]
    assert losses[-1] < 0.5 * losses[0], losses
    with load(made.output) as model:
        prompts = [render_prompt(messages_for(row.instruction)) for row in ROWS]
        answers = model.generate(prompts, max_new_tokens=30)
        assert {answer.finish for answer in answers} == {"stop"}
        assert all(answer.text.startswith("MATCH (n:") for answer in answers)
        assert len(model.tokenize(IM_END)) == 1
    facts = json.loads((made.output / "heimdall.json").read_text("utf-8"))
    assert facts["base_path"] == str(bases(family))
    assert len(facts["added_tokens"]) == (0 if family == "qwen2" else 3)
    assert set(facts["trained_tokens"]) >= set(facts["added_tokens"])


@pytest.mark.parametrize(
    ("family", "method"),
    [
        *((family, {}) for family in FAMILIES),
        ("qwen2", {"use_rslora": True, "lora_plus_ratio": 4.0}),
        ("phi3", {"use_dora": True}),
        ("qwen2", {"lora_init": "pissa"}),
        ("llama", {"lora_init": "eva"}),
        ("phi3", {"gradient_checkpointing": True, "layout": "padded"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value) or "lora",
)
def test_merged_and_adapter_agree_on_the_same_base(
    trained: Trained, bases: Bases, family: str, method: dict[str, Any]
) -> None:
    made, _ = trained(family, **method)
    base = AutoModelForCausalLM.from_pretrained(bases(family), dtype=torch.float32)
    before = logits_of(base, made.output) if family != "llama" else None
    adapter = logits_of(attach(base, made.output, trainable=False), made.output)
    merged = logits_of(load_merged(made.output, torch.float32), made.output)
    assert torch.allclose(adapter, merged, atol=1e-5, rtol=1e-5)
    if before is not None:
        assert (adapter - before).abs().max() > 0.1  # the adapter does something
    assert json.loads((made.output / "adapter_config.json").read_text("utf-8"))["init_lora_weights"]


@pytest.mark.parametrize("family", FAMILIES)
def test_qlora_is_four_bits_and_says_how_far_it_is_from_full_precision(
    trained: Trained, bases: Bases, family: str
) -> None:
    made, result = trained(family, use_qlora=True, **LONGER)
    losses = [entry["loss"] for entry in result.history if "loss" in entry]
    assert losses[-1] < 0.6 * losses[0], losses
    nf4 = AutoModelForCausalLM.from_pretrained(
        bases(family),
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        ),
        device_map={"": "cpu"},
    )
    kinds = {type(p).__name__ for p in nf4.parameters()}
    assert "Params4bit" in kinds
    on_nf4 = logits_of(attach(nf4, made.output, trainable=False), made.output)
    merged = logits_of(load_merged(made.output, torch.float32), made.output)
    full = AutoModelForCausalLM.from_pretrained(bases(family), dtype=torch.float32)
    on_full = logits_of(attach(full, made.output, trainable=False), made.output)
    assert torch.allclose(on_full, merged, atol=1e-5, rtol=1e-5)
    assert 1e-3 < (on_nf4 - merged).abs().max() < 10  # quantisation, not a fault
    facts = json.loads((made.output / "heimdall.json").read_text("utf-8"))
    assert facts["trained_on"] == "4-bit base (NF4)"


def test_the_written_adapter_is_peft_s_own_format(trained: Trained, bases: Bases) -> None:
    made, result = trained("phi3")
    base = AutoModelForCausalLM.from_pretrained(bases("phi3"), dtype=torch.float32)
    loaded = PeftModel.from_pretrained(base, str(made.output))
    tensors = load_file(made.output / "adapter_model.safetensors")
    assert sum(t.numel() for t in tensors.values()) == result.metrics["trained_parameters"]
    assert sorted(loaded.peft_config["default"].target_modules) == [
        "down_proj",
        "gate_up_proj",
        "o_proj",
        "qkv_proj",
    ]


def test_lora_plus_gives_b_its_own_rate(trained: Trained) -> None:
    one, _ = trained("qwen2", lora_plus_ratio=16.0, max_steps=1, lora_dropout=0.0)
    other, _ = trained("qwen2", max_steps=1, lora_dropout=0.0, weight_decay=0.01, lora_r=4)
    first, second = (load_file(m.output / "adapter_model.safetensors") for m in (one, other))
    for name in first:
        if "lora_B" in name:
            ratio = first[name].abs().mean() / second[name].abs().mean()
            assert ratio == pytest.approx(16, rel=0.05)
        elif "lora_A" in name:
            assert torch.allclose(first[name], second[name])


def test_going_on_from_an_adapter(
    trained: Trained, context: Callable[..., TrainContext], config: Callable[..., Any]
) -> None:
    from heimdall_train_lora.train import train

    made, first = trained("qwen2", max_steps=40, logging_steps=1)
    again = context("again")
    second = train(
        again, config("qwen2", continue_from=str(made.output), max_steps=4, logging_steps=1)
    )
    assert second.history[0]["loss"] < 0.5 * first.history[0]["loss"]


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_what_was_trained_is_exported(
    trained: Trained, family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A base without the markers too: served, it needs every special token of the contract."""
    from heimdall_core.cli.main import entry

    made, _ = trained(family, max_steps=2)
    with pytest.raises(SystemExit) as left:
        entry(
            [
                *("export", "--model-dir", str(made.output)),
                *("--output", str(tmp_path / "model.gguf"), "--quant-type", "F16"),
            ]
        )
    assert not left.value.code, capsys.readouterr().err
    assert (tmp_path / "model.gguf").stat().st_size > 100_000
