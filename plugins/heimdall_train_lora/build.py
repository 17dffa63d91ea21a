"""The model to train: the base, read as the recipe says, with its adapter on it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from attrs import define, field, frozen
from peft import (
    EvaConfig,
    LoraConfig,
    get_eva_state_dict,
    get_peft_model,
    initialize_lora_eva_weights,
)
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import ModelError, RecipeError
from heimdall_run_transformers.adapter import attach
from heimdall_run_transformers.batches import collate
from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.quiet import no_progress_bars
from heimdall_run_transformers.tokens import one_line
from heimdall_run_transformers.training.precision import Precision
from heimdall_train_lora.chatml import Markers, start_rows
from heimdall_train_lora.going_on import check_targets
from heimdall_train_lora.targets import linear_names, resolve_targets

#: Widest base whose singular vectors are computed exactly for PiSSA; wider ones approximately.
_EXACT = 1024

#: Rows whose activations EVA looks at, and how often at most.
_EVA_ROWS, _EVA_PASSES = 64, 200


@frozen(eq=False)
class Adapted:
    """A base model with an adapter."""

    peft: Any
    """The `PeftModel`."""
    targets: tuple[str, ...]
    start: Path | None = None
    """Where the adapter's first weights lie, which PiSSA needs when it is saved."""
    trained: dict[str, torch.nn.Parameter] = field(factory=dict)

    @property
    def model(self) -> PreTrainedModel:
        """The base model with the adapter's layers inside it."""
        found: PreTrainedModel = self.peft.get_base_model()
        return found


def load_base(folder: Path, config: TrainingConfig, precision: Precision) -> PreTrainedModel:
    """The base model: in the run's number format, or with its linear layers in 4 bits (NF4, with
    quantised constants). Raises `ModelError` where it cannot be loaded."""
    extra: dict[str, Any] = {}
    if config.use_qlora:
        extra["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=precision.dtype,
        )
        extra["device_map"] = {"": precision.device}
    try:
        with no_progress_bars(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=precision.dtype,
                **extra,
            )
    except Exception as error:  # config, shapes, safetensors: many types, one cause
        raise ModelError(
            f"the base model cannot be loaded: {one_line(error)}", where=str(folder)
        ) from error
    if not config.use_qlora:
        model = model.to(precision.device)  # type: ignore[arg-type]
    return model


def check_length(model: PreTrainedModel, config: TrainingConfig) -> None:
    """Raises `ModelError` for rows longer than the base's context."""
    context = getattr(model.config, "max_position_embeddings", None)
    if context is not None and config.max_seq_length > context:
        raise ModelError(
            f"max_seq_length = {config.max_seq_length} is more than the base model's context of "
            f"{context} tokens",
            where="train.max_seq_length",
            hint=f"lower it to {context}, or choose a base with a longer context",
        )


def adapt(
    model: PreTrainedModel,
    base: str,
    config: TrainingConfig,
    markers: Markers,
    *,
    seed: int,
    rows: Sequence[EncodedRow],
    pad: int,
    work: Path,
) -> Adapted:
    """Puts the adapter on the base, with its first weights; the same arguments give the same.

    Raises `RecipeError` for layers that the base does not have, `ModelError` for an adapter to go
    on from that was made for another base.
    """
    torch.manual_seed(seed)
    linear = linear_names(
        name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)
    )
    targets = resolve_targets(config.target_modules, linear - {"lm_head"})
    check_rank(model, config, targets)
    if config.continue_from:
        found = attach(
            model, Path(config.continue_from), trainable=True, dropout=config.lora_dropout
        )
        check_targets(targets, found.peft_config["default"].target_modules)
        return _finish(found, targets, None)
    state: Any = None
    if config.lora_init == "eva":
        # Looked at without the markers' rows, whose layers EVA would take for adapted ones.
        plain = _with_adapter(model, _lora(config, targets, None, model))
        device = next(model.parameters()).device
        batches = _batches(rows[:_EVA_ROWS], pad, device)
        looks = _Looks(batches, config.lora_r)
        with redirect_stdout(io.StringIO()):  # a line for each layer and batch of few tokens
            state = get_eva_state_dict(plain, batches, forward_fn=looks, show_progress_bar=False)
        model = plain.unload()
    made = _with_adapter(model, _lora(config, targets, markers, model))
    made.peft_config["default"].base_model_name_or_path = base
    start_rows(model, markers, seed)
    start = None
    if state is not None:
        initialize_lora_eva_weights(made, eva_state_dict=state)
    if config.lora_init == "pissa":
        start = work / "start"
        made.peft_config["default"].init_lora_weights = True
        made.save_pretrained(str(start))
        made.peft_config["default"].init_lora_weights = _pissa(model)
    return _finish(made, targets, start)


def check_rank(model: PreTrainedModel, config: TrainingConfig, targets: Sequence[str]) -> None:
    """Raises `RecipeError` where the adapter's first weights are to be directions of a layer that
    has fewer of them."""
    if config.lora_init not in ("eva", "pissa"):
        return
    layers = [
        (name, min(module.in_features, module.out_features))
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.rpartition(".")[2] in targets
    ]
    name, most = min(layers, key=lambda layer: layer[1])
    if config.lora_r > most:
        raise RecipeError(
            f"'{config.lora_init}' wants lora_r = {config.lora_r} directions of "
            f"{name.rpartition('.')[2]}, which has {most}",
            where="train.lora_init",
            hint=f"lower lora_r to {most}, or leave lora_init out",
        )


def _with_adapter(model: PreTrainedModel, lora: LoraConfig) -> Any:
    with warnings.catch_warnings():  # of what the libraries will call their own things next year
        warnings.simplefilter("ignore")
        return get_peft_model(model, lora, autocast_adapter_dtype=True)


def _finish(made: Any, targets: tuple[str, ...], start: Path | None) -> Adapted:
    trained = {}
    for name, parameter in made.named_parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
            trained[name] = parameter
    return Adapted(made, targets, start, trained)


def _lora(
    config: TrainingConfig,
    targets: Sequence[str],
    markers: Markers | None,
    model: PreTrainedModel,
) -> LoraConfig:
    init: Any = True
    if config.lora_init == "pissa":
        init = _pissa(model)
    elif config.lora_init != "default":
        init = config.lora_init
    tokens: Any = None
    if markers is not None and markers.trained:
        tokens = list(markers.trained)
        if not model.config.tie_word_embeddings:
            tokens = {"embed_tokens": tokens, "lm_head": list(markers.trained)}
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(targets),
        use_rslora=config.use_rslora,
        use_dora=config.use_dora,
        init_lora_weights=init,
        trainable_token_indices=tokens,
        # As many ranks for each layer: the size of the adapter stays what was asked for.
        eva_config=EvaConfig(rho=1.0, use_label_mask=False) if init == "eva" else None,
    )


def _pissa(model: PreTrainedModel) -> str:
    return "pissa" if model.config.hidden_size <= _EXACT else "pissa_niter_16"


@define
class _Looks:
    """Forward passes of EVA, counted: it goes over its batches until every direction of every layer
    has settled, and where they have fewer tokens than directions are asked for, that is never."""

    batches: Sequence[dict[str, torch.Tensor]]
    rank: int
    done: int = 0

    def __call__(self, model: Any, inputs: dict[str, torch.Tensor]) -> Any:
        self.done += 1
        if self.done > _EVA_PASSES * len(self.batches):
            tokens = sum(int(batch["attention_mask"].sum()) for batch in self.batches)
            raise RecipeError(
                f"'eva' finds no {self.rank} directions that stay the same in {_EVA_PASSES} passes "
                f"over {tokens} tokens of training rows",
                where="train.lora_init",
                hint="lower lora_r, train on more rows, or leave lora_init out",
            )
        return model(**inputs)


def _batches(
    rows: Sequence[EncodedRow], pad: int, device: torch.device
) -> list[dict[str, torch.Tensor]]:
    def made() -> Iterator[dict[str, torch.Tensor]]:
        for first in range(0, len(rows), 8):
            chosen = rows[first : first + 8]
            tokens = collate(chosen, pad).tokens.to(device)
            mask = torch.zeros_like(tokens)
            for index, row in enumerate(chosen):
                mask[index, : len(row.tokens)] = 1
            yield {"input_ids": tokens, "attention_mask": mask}

    return list(made())


def parameter_groups(
    trained: dict[str, torch.nn.Parameter], config: TrainingConfig
) -> list[dict[str, object]]:
    """AdamW's groups: A matrices, B matrices (LoRA+ gives them a rate of their own), and what does
    not decay: lengths of DoRA, rows of the markers."""
    groups: dict[str, list[torch.nn.Parameter]] = {"a": [], "b": [], "rest": []}
    for name, parameter in trained.items():
        kind = "a" if ".lora_A." in name else "b" if ".lora_B." in name else "rest"
        groups[kind].append(parameter)
    settings = {
        "a": (config.weight_decay, 1.0),
        "b": (config.weight_decay, config.lora_plus_ratio),
        "rest": (0.0, 1.0),
    }
    return [
        {"params": groups[kind], "weight_decay": decay, "ratio": ratio}
        for kind, (decay, ratio) in settings.items()
        if groups[kind]
    ]


def load_base_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The base's tokenizer. Raises `ModelError` where it has no tokenizer.json."""
    from heimdall_run_transformers.tokens import load_tokenizer

    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            "the base model has no tokenizer.json",
            where=str(folder),
            hint="convert its tokenizer to the fast format and save it there",
        )
    return load_tokenizer(folder)
