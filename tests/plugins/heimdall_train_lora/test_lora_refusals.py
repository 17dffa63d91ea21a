"""What cannot be trained is said in one clear line, before anything is spent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tiny_bases import ROWS, make_base
from transformers import AutoModelForCausalLM

from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import write_examples
from heimdall_core.errors import DatasetError, HeimdallError, ModelError, RecipeError
from heimdall_core.testing import TrainerContract
from heimdall_core.types import TrainContext
from heimdall_run_transformers.adapter import attach
from heimdall_run_transformers.load import load
from heimdall_train_lora import build
from heimdall_train_lora.going_on import check_adapter, check_targets
from heimdall_train_lora.settings import DEFAULTS, READS
from heimdall_train_lora.targets import resolve_targets
from heimdall_train_lora.train import train

MakeConfig = Callable[..., TrainingConfig]
MakeContext = Callable[..., TrainContext]

QWEN = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
PHI = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")


class TestContract(TrainerContract):
    plugin = "heimdall_train_lora.plugin"


@pytest.mark.parametrize(
    ("wanted", "present", "found"),
    [
        (("q_proj", "v_proj"), QWEN, ("q_proj", "v_proj")),
        (("all-linear",), QWEN, tuple(sorted(QWEN))),
        (("all-linear",), PHI, tuple(sorted(PHI))),
        (("q_proj", "k_proj", "v_proj", "o_proj"), PHI, ("o_proj", "qkv_proj")),
        (("qkv_proj",), PHI, ("qkv_proj",)),
    ],
)
def test_targets_are_resolved(
    wanted: tuple[str, ...], present: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert resolve_targets(wanted, present) == found


@pytest.mark.parametrize(
    ("wanted", "present", "said"),
    [
        (("q_proj", "v_proj"), PHI, "'q_proj' is a part of the fused layer 'qkv_proj'.*k_proj"),
        (("up_proj",), PHI, "gate_proj, up_proj together, or 'gate_up_proj'"),
        (("q_prok",), QWEN, "no layer 'q_prok'; did you mean 'q_proj'"),
        (("qkv_proj",), QWEN, "no layer 'qkv_proj'"),
        (("all-linear", "q_proj"), QWEN, "stands alone"),
        ((), QWEN, "names no layer"),
    ],
)
def test_targets_are_refused(wanted: tuple[str, ...], present: tuple[str, ...], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        resolve_targets(wanted, present)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"base_model": None}, RecipeError, "needs a base model"),
        ({"train_from_scratch": True}, RecipeError, "choose the trainer 'scratch'"),
        ({"use_qlora": True, "lora_init": "pissa"}, RecipeError, "4 bits cannot follow"),
        ({"use_dora": True, "lora_init": "eva"}, RecipeError, "cannot go together"),
        ({"continue_from": "x", "lora_init": "eva"}, RecipeError, "brings its own"),
        ({"pack_tokens": 64, "layout": "padded"}, RecipeError, "nothing to pack"),
        ({"device": "2080ti"}, RecipeError, "is for `heimdall estimate`"),
        ({"precision": "fp16"}, RecipeError, "the CPU does not train in fp16"),
        ({"max_seq_length": 4096}, ModelError, "more than the base model's context of 128"),
        ({"max_seq_length": 8}, ModelError, "36 of 36 rows are longer than max_seq_length = 8"),
        ({"task_weights": {"listin": 2.0}}, RecipeError, "did you mean 'listing'"),
        ({"replay_dataset": "nowhere.jsonl"}, DatasetError, "no such replay dataset"),
        ({"base_model": "./no/such"}, ModelError, "there is no such model directory"),
        ({"shard": True, "use_qlora": True}, RecipeError, "not shared out"),
        ({"shard": True, "compile": True}, RecipeError, "gathers them block by block"),
        ({"pack_tokens": 64, "micro_batch": "fit"}, RecipeError, "would not be used"),
        ({"replay_ratio": 0.5}, RecipeError, "there is no replay_dataset"),
        ({"max_forgetting": 5.0}, RecipeError, "max_forgetting = 5.0 does nothing"),
        ({"continue_from": "nowhere"}, ModelError, "is no adapter"),
        ({"lora_init": "eva", "lora_r": 65}, RecipeError, "directions of .*_proj, which has 32"),
        ({"lora_init": "pissa", "lora_r": 33}, RecipeError, "lower lora_r to 32"),
    ],
)
def test_settings_that_cannot_work(
    context: MakeContext, config: MakeConfig, changes: dict[str, Any], error: type, said: str
) -> None:
    made = context()
    with pytest.raises(error, match=said) as caught:
        train(made, attrs.evolve(config(), **changes))
    assert isinstance(caught.value, HeimdallError)
    assert "\n" not in str(caught.value)
    assert not made.output.exists()


def test_a_base_that_is_not_here_says_where_it_was_looked_for_and_how_to_fetch_it(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        train(context(), config(base_model="acme/model-of-nobody"))
    for said in (constants.HF_HUB_CACHE, "acme/model-of-nobody", "hf download acme/", "OFFLINE"):
        assert said in str(caught.value)


def test_rows_without_a_trainable_token(context: MakeContext, config: MakeConfig) -> None:
    made = context()
    write_examples(made.train, [attrs.evolve(row, output="", id="") for row in ROWS])
    with pytest.raises(DatasetError, match=r"train.jsonl:1: the field 'output' is empty"):
        train(made, config())


def test_an_adapter_of_another_base(
    context: MakeContext, config: MakeConfig, bases: Callable[[str], Path], tmp_path: Path
) -> None:
    made = context("first")
    train(made, config(max_steps=1))
    other = make_base(tmp_path / "wider", hidden_size=96, num_attention_heads=6)
    with pytest.raises(ModelError, match=r"does not fit this base model \(qwen2, width 96\)"):
        train(context("second"), config(base_model=str(other), continue_from=str(made.output)))
    twin = make_base(tmp_path / "twin")  # of the same shape, with other weights
    weights = load_file(twin / "model.safetensors")
    weights["model.embed_tokens.weight"] += 0.01
    save_file(weights, twin / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="was trained on other weights, those of"):
        train(context("third"), config(base_model=str(twin), continue_from=str(made.output)))
    # The runtime says so as well, and says what is missing where the base is gone.
    facts = made.output / "heimdall.json"
    facts.write_text(facts.read_text("utf-8").replace(str(bases("qwen2")), str(other)), "utf-8")
    with pytest.raises(ModelError, match="does not fit this base model"):
        load(made.output)
    facts.unlink()
    config_file = made.output / "adapter_config.json"
    text = config_file.read_text("utf-8").replace(str(bases("qwen2")), str(tmp_path / "gone"))
    config_file.write_text(text, "utf-8")
    with pytest.raises(ModelError, match="there is no such model directory"):
        load(made.output)


def test_a_full_disk_keeps_the_checkpoint_before(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heimdall_run_transformers.training import checkpoint

    real, written = checkpoint.save_file, []

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        if written:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        real(tensors, path, metadata)
        written.append(path)

    monkeypatch.setattr(checkpoint, "save_file", full)
    made = context()
    with pytest.raises(ModelError, match=r"No space left on device.*make room and start again"):
        train(made, config())
    assert [p.name for p in made.work.iterdir() if p.is_file()] == [checkpoint.FILE]
    assert not made.output.exists()


class Recorder:
    """Stands in for a config and notes which fields are read."""

    def __init__(self, config: TrainingConfig) -> None:
        object.__setattr__(self, "_config", config)
        object.__setattr__(self, "read", set())

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._config, name)


def test_every_setting_that_is_accepted_is_read(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heimdall_train_lora import save, training

    asdict, real = attrs.asdict, config()
    for module in (save, training):
        for name in ("asdict", "attrs"):
            if hasattr(module, name) and name == "asdict":
                monkeypatch.setattr(
                    module, name, lambda c, **k: asdict(real if isinstance(c, Recorder) else c, **k)
                )
    monkeypatch.setattr(training, "fingerprint", lambda *_: "x")
    recorder = Recorder(real)
    train(context(), recorder)  # type: ignore[arg-type]
    # Read by the plan for the trainer from scratch, which has defaults that change nothing here.
    scratch = {"optimizer", "matrix_learning_rate", "copy_drill_steps"}
    only_with_replay = {"max_forgetting"}
    assert READS - recorder.read <= only_with_replay
    assert recorder.read - READS <= scratch
    assert set(DEFAULTS) <= READS


def _adapter(folder: Path, **shape: Any) -> str:
    folder.mkdir()
    values = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], **shape}
    (folder / "adapter_config.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "adapter_model.safetensors").touch()
    return str(folder)


def test_going_on_from_an_adapter_of_another_shape_says_which(
    context: MakeContext, config: MakeConfig, tmp_path: Path
) -> None:
    """The adapter has its shape; what the recipe says of it must not be passed over."""
    check_adapter(config(continue_from=_adapter(tmp_path / "same")))
    other = config(continue_from=_adapter(tmp_path / "other", r=8, use_dora=True), use_rslora=True)
    made = context()
    with pytest.raises(RecipeError) as caught:
        train(made, other)
    said = str(caught.value)
    assert "the adapter has lora_r = 8, use_rslora = false, use_dora = true" in said
    assert "the recipe says lora_r = 4, use_rslora = true, use_dora = false" in said
    assert "--set train.lora_r=8 --set train.use_rslora=false" in said
    assert not made.output.exists()
    with pytest.raises(RecipeError, match=r"the adapter is on q_proj.*recipe says k_proj, q_proj"):
        check_targets({"k_proj", "q_proj"}, ["q_proj"])


def test_dropout_of_the_recipe_is_that_of_the_adapter_that_is_gone_on_from(
    bases: Callable[[str], Path], tmp_path: Path
) -> None:
    base = str(bases("qwen2"))
    lora = LoraConfig(task_type="CAUSAL_LM", r=2, lora_dropout=0.5, target_modules=["q_proj"])
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(tmp_path / "a")
    model = AutoModelForCausalLM.from_pretrained(base)
    found = attach(model, tmp_path / "a", trainable=True, dropout=0.25)
    shares = {m.p for n, m in found.named_modules() if n.endswith("lora_dropout.default")}
    assert shares == {0.25}


def test_eva_does_not_look_for_directions_for_ever(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_EVA_PASSES", 4)
    made = context()
    write_examples(made.train, ROWS[:1])
    with pytest.raises(RecipeError, match=r"no 60 directions .* in 4 passes over \d\d tokens"):
        train(made, config(lora_init="eva", lora_r=60, target_modules=("q_proj",)))
    assert not made.output.exists()
