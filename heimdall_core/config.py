"""`TrainingConfig`: every training setting, under the names of the training guide.

A recipe's `[train]` table is structured into it. A trainer names the fields that it reads; a
recipe that sets one of the others is refused, so no setting is accepted and then ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import wraps
from typing import Any, Final, Literal, TypeVar

from attrs import field, fields, frozen, validators

from heimdall_core.errors import RecipeError

Kind = TypeVar("Kind", bound=type)

#: Fields that the core itself reads, whatever the trainer.
READ_BY_CORE: Final = frozenset({"trainer", "seed", "trackers", "wandb_project"})

#: Fields that change what is watched and not what is made: no stage is run again for them.
WATCHING: Final = frozenset({"trackers", "wandb_project", "checkpoints"})


def _positive(*, zero: bool = False) -> Any:
    return validators.ge(0) if zero else validators.gt(0)


def _maybe_positive() -> Any:
    return validators.optional(validators.gt(0))


def _short(name: str) -> dict[str, str]:
    """Metadata of a field that recipes and the command line may also write by a short name."""
    return {"short": name}


def says_what_is_wrong(kind: Kind) -> Kind:
    """The class, with a constructor that raises `RecipeError` for a name that is no setting and for
    a value that a setting cannot have: attrs tells of them as a bare TypeError or ValueError."""
    made = kind.__init__  # type: ignore[misc]

    @wraps(made)
    def init(self: Any, *arguments: Any, **settings: Any) -> None:
        try:
            made(self, *arguments, **settings)
        except ValueError as error:
            named = re.fullmatch(r"'(\w+)' must be (.*): (.*)", str(error), re.DOTALL)
            if named is None:
                raise
            name, wanted, found = named.groups()
            raise RecipeError(f"must be {wanted}, found {found}", where=name) from error
        except TypeError as error:
            from heimdall_core.structure import structure, unstructure

            structure(
                unstructure(settings), kind
            )  # names what has the wrong type, or is no setting
            raise RecipeError(f"cannot be made: {error}", where=kind.__name__) from error

    kind.__init__ = init  # type: ignore[misc]
    return kind


def _takes_short_names(kind: Kind) -> Kind:
    """The class, with a constructor that takes the short names that recipes may write."""
    made = kind.__init__  # type: ignore[misc]

    @wraps(made)
    def init(self: Any, *arguments: Any, **settings: Any) -> None:
        made(self, *arguments, **spelt_out(settings))

    kind.__init__ = init  # type: ignore[misc]
    return kind


@_takes_short_names
@says_what_is_wrong
@frozen(kw_only=True)
class TrainingConfig:
    """How a model is trained. The string below each field is its help text."""

    trainer: str | None = None
    """Name of the trainer plugin; none for `scratch` without a base model, else `lora`."""
    seed: int | None = None
    """Fixes initial weights and data order; none for the recipe's seed."""
    threads: int = field(default=0, validator=_positive(zero=True))
    """CPU threads; 0 takes the cores that this process may use."""

    # Base model
    base_model: str | None = None
    """Hub name or local directory of the model to fine-tune; none when training from scratch."""
    continue_from: str | None = None
    """Adapter directory of an earlier training to go on from; none starts a new adapter."""
    train_from_scratch: bool = False
    """Start from random weights of the shape below."""
    max_seq_length: int = field(default=2048, validator=_positive())
    """Longest row in tokens. Longer rows are counted, shown, and over a threshold refused."""
    device: str = "auto"
    """`auto` (CUDA, then Apple's GPU, then the CPU), `cpu`, `cuda`, `mps`. An estimate also takes
    a card's name, such as `2080ti`."""

    # Shape, for training from scratch
    architecture: Literal["qwen2", "llama"] = "qwen2"
    """Family of the network: `llama` has no biases in attention."""
    tie_word_embeddings: bool = True
    """Whether the output head is the embedding; false gives the head weights of its own."""
    rope_theta: float = field(default=10000.0, validator=_positive())
    """Base of the rotary positions."""
    rms_norm_eps: float = field(default=1e-6, validator=_positive())
    """Smallest divisor of a norm."""
    hidden_size: int = field(default=256, validator=_positive())
    """Width. A multiple of 256 lets K-quants apply."""
    num_hidden_layers: int = field(default=4, validator=_positive())
    """Number of decoder blocks."""
    num_attention_heads: int = field(default=4, validator=_positive())
    """Query heads; must divide `hidden_size`."""
    num_key_value_heads: int | None = field(default=None, validator=_maybe_positive())
    """Key/value heads (grouped-query attention); none for as many as query heads."""
    intermediate_size: int = field(default=768, validator=_positive())
    """Width of the feed-forward part."""
    max_position_embeddings: int = field(default=2048, validator=_positive())
    """Longest context that the model states it can take."""
    vocab_size: int = field(default=2048, validator=_positive())
    """Vocabulary of the tokenizer that is trained with the model."""

    # LoRA
    lora_r: int = field(default=32, validator=_positive())
    """Rank of the adapter."""
    lora_alpha: int = field(default=64, validator=_positive())
    """Scale of the adapter is alpha / r."""
    lora_dropout: float = field(default=0.05, validator=[validators.ge(0), validators.lt(1)])
    """Dropout on the adapter's input."""
    target_modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Linear layers that get an adapter; `["all-linear"]` for all of the decoder. Where the base
    fuses layers (Phi-3), the fused layer that holds all of the named ones is taken."""
    use_qlora: bool = False
    """Load the base model in 4 bits (NF4, double quantisation)."""
    use_rslora: bool = False
    """Scale the adapter by alpha / sqrt(r) in place of alpha / r."""
    use_dora: bool = False
    """Train each adapted row's length apart from its direction."""
    lora_plus_ratio: float = field(default=1.0, validator=validators.ge(1))
    """LoRA+: learning rate of the B matrices over that of the A matrices."""
    lora_init: Literal["default", "gaussian", "pissa", "eva"] = "default"
    """First weights of the adapter: `pissa` from the base's largest singular vectors, `eva` from
    those of the activations on the first training rows."""

    # Optimisation
    learning_rate: float = field(default=3e-4, validator=_positive())
    """Peak learning rate."""
    min_learning_rate_ratio: float = field(
        default=0.0, validator=[validators.ge(0), validators.le(1)]
    )
    """Learning rate at the end, as a share of the peak."""
    num_train_epochs: float = field(default=10.0, validator=_positive(), metadata=_short("epochs"))
    """Passes over the training rows."""
    max_steps: int | None = field(default=None, validator=_maybe_positive())
    """Stop after this many optimiser steps, whatever the epochs say."""
    per_device_train_batch_size: int = field(
        default=8, validator=_positive(), metadata=_short("batch_size")
    )
    """Rows per micro-batch."""
    gradient_accumulation_steps: int = field(
        default=2, validator=_positive(), metadata=_short("gradient_accumulation")
    )
    """Micro-batches per optimiser step."""
    warmup_ratio: float = field(default=0.03, validator=[validators.ge(0), validators.lt(1)])
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = field(default=0.01, validator=_positive(zero=True))
    """AdamW's decoupled decay, on matrices alone."""
    max_grad_norm: float = field(default=1.0, validator=_positive())
    """Gradients are clipped to this norm."""
    micro_batch: Literal["given", "fit"] = "given"
    """`fit` measures the largest micro-batch that fits and is fastest, at the same global batch."""
    layout: Literal["auto", "packed", "padded"] = "auto"
    """`packed`: rows one after the other, no padding, attention within each row; `padded`: rows of
    like length side by side. The weights learnt are the same; `auto` takes the faster one."""
    pack_tokens: int | None = field(default=None, validator=_maybe_positive())
    """Most tokens of a micro-batch: the rows of an optimiser step are packed into as few as they
    need; none for micro-batches of `per_device_train_batch_size` rows."""
    compile: bool = False
    """Compile the decoder with torch.compile: pays after some hundred steps."""
    shard: bool = False
    """With several processes: share out the weights among them (FSDP); else each has them all."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon` moves the hidden matrices along their orthogonalised momentum: fewer tokens for the
    same loss, about 1.3 times the time per step. The other parameters stay with AdamW."""
    matrix_learning_rate: float = field(default=0.02, validator=_positive())
    """Peak learning rate of the matrices that Muon moves."""
    copy_drill_steps: int = field(default=0, validator=_positive(zero=True))
    """Steps on random tokens followed by themselves, before the first row: a small model learns
    to copy names and values in a hundred of them."""
    adam_beta2: float = field(default=0.999, validator=[validators.gt(0), validators.lt(1)])
    """AdamW's second-moment decay."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a fifth slower."""
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    """Number format of the computation."""

    # Tasks, replay, forgetting
    task_field: Literal["category", "source", "family"] = "category"
    """Field of a row that names its task: validation is shown for each."""
    task_weights: Mapping[str, float] = field(factory=dict)
    """Weight of a task's tokens in the loss, by name; 1 where it is not named."""
    replay_dataset: str | None = None
    """Rows of earlier trainings (JSONL file, or a folder of them) that are mixed in."""
    replay_ratio: float = field(default=0.3, validator=[validators.ge(0), validators.lt(1)])
    """Share of the training rows that are replayed ones."""
    max_forgetting: float = field(default=2.0, validator=_positive(zero=True))
    """Points (per cent of rows answered exactly) that an old task may lose; a model that lost
    more is set aside."""

    # Watching
    early_stopping_patience: int | None = field(default=None, validator=_maybe_positive())
    """Validations without a better loss after which training stops; none to go on to the end."""
    trackers: tuple[str, ...] = ("tensorboard", "files")
    """Where metrics go, besides the screen: `tensorboard`, `files` (CSV and JSONL), `wandb`, or
    the `NAME` of a plugin called `…-NAME`."""
    wandb_project: str | None = None
    """Weights & Biases project; naming one turns that tracker on."""
    logging_steps: int = field(default=10, validator=_positive())
    """Steps between two log lines."""
    eval_steps: int | None = field(default=None, validator=_maybe_positive())
    """Steps between two validations; none for ten validations per run."""
    save_steps: int | None = field(default=None, validator=_maybe_positive())
    """Steps between two checkpoints; none for one at each validation."""
    checkpoints: str | None = None
    """Folder or URL (`s3://…`, `gs://…`: any that fsspec knows) that checkpoints are copied to and
    continued from, for machines that may be replaced by others; none for the run's own folder."""
    max_truncated: float = field(default=0.0, validator=[validators.ge(0), validators.le(1)])
    """Share of rows that may be longer than `max_seq_length`; more stops the run."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingConfig:
        """Settings from plain data, as a recipe's `[train]` table has them; short names are taken.
        Raises `RecipeError` with every mistake, one per line."""
        from heimdall_core.structure import structure

        return structure(spelt_out(data), cls)

    @property
    def trainer_name(self) -> str:
        """The trainer that runs: the one named, else the one that fits."""
        if self.trainer:
            return self.trainer
        return "lora" if self.base_model and not self.train_from_scratch else "scratch"


#: Short names that recipes and the command line may use as well.
ALIASES: Final[Mapping[str, str]] = {
    f.metadata["short"]: f.name for f in fields(TrainingConfig) if "short" in f.metadata
}


#: Switches of the training guide that name a number format: `fp16 = true` is `precision = "fp16"`.
FORMATS: Final = ("fp16", "bf16")


def spelt_out(data: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Training settings with the short names spelt out. Raises `RecipeError` for one that is given
    by both of its names; `where` is the path of the table."""
    result: dict[str, Any] = {}
    for key, value in data.items():
        path = f"{where}.{key}" if where else key
        name, meant = ALIASES.get(key, key), value
        if key in FORMATS:
            if not isinstance(value, bool):
                raise RecipeError(f"expected true or false, found {value!r}", where=path)
            if not value:
                if any(data.get(other) is True for other in FORMATS) or "precision" in data:
                    continue  # the other one is meant
                hint = 'write precision = "fp32", or leave it out'
                raise RecipeError("names no number format when it is off", where=path, hint=hint)
            name, meant = "precision", key
        if name in result:
            raise RecipeError(f"is given twice, also as '{name}'", where=path)
        result[name] = meant
    return result
