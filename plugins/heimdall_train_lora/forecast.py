"""Forecast of a run: parameters are counted, memory is counted part by part, time is measured on
this machine or worked out for a named card.

The activations are not guessed by a formula. The real network of the base's shape, with the real
adapter layers, goes forward on PyTorch's `meta` device, which computes shapes and holds no data;
every tensor that autograd keeps for the backward pass is counted. Two depths are counted, and the
rest follows, because a block keeps as much as any other.
"""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import numpy as np
import torch
from attrs import frozen
from peft import LoraConfig, get_peft_model
from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM, PreTrainedModel

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import ModelError
from heimdall_core.types import Estimate
from heimdall_run_transformers.base import find_base
from heimdall_run_transformers.batches import Batch, pack
from heimdall_run_transformers.device import cpu_threads
from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.loss import answer_loss
from heimdall_run_transformers.training.memory import resident_bytes
from heimdall_run_transformers.training.meter import device_peak
from heimdall_run_transformers.training.plan import Plan, plan_run
from heimdall_run_transformers.training.precision import check_format
from heimdall_train_lora.cards import Card, find_card
from heimdall_train_lora.gguf_size import gguf_bytes
from heimdall_train_lora.guide import Fixed, explain
from heimdall_train_lora.models import BaseFacts, facts_of, layer_names
from heimdall_train_lora.targets import resolve_targets

#: Share of a row's tokens that are its answer, in Cypher datasets without a long system prompt.
TRAINED_SHARE = 1 / 3

#: Bytes of a weight in NF4 with double quantisation: half a byte, and for each block of 64 one
#: byte of scale, and for each 256 of those four bytes.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)

#: Share of a device's peak that training reaches where nothing was measured.
_ASSUMED_MFU = 0.35

#: What PyTorch and its libraries take on a card before the first tensor, and what the allocator
#: loses in gaps, as a share.
_CUDA_CONTEXT = 450_000_000
_CUDA_GAPS = 0.05

#: What the C library's heap loses on the CPU, as a share of the tensors that come and go in a step;
#: fitted to `benchmarks/estimate.py`. (Mapping every tensor by itself loses next to nothing and
#: makes a step three times slower.)
_CPU_GAPS = 0.4

#: The same where every block is computed again in the backward pass: what comes and goes is then
#: most of what there is.
_CPU_GAPS_CHECKPOINTED = 0.85


@frozen
class Memory:
    """Bytes, by part."""

    process: int
    """Python and libraries on the CPU; context of the card on CUDA."""
    base: int
    adapter: int
    """Weights of the adapter in fp32."""
    gradients: int
    optimizer: int
    best: int
    """Best weights so far; on a card they are kept in the host's memory."""
    activations: int
    head: int
    """The logits and their gradient, on top of what is kept."""
    gaps: int = 0
    """What the allocator loses between tensors."""

    @property
    def total(self) -> int:
        return sum(attrs.astuple(self))


def forecast(config: TrainingConfig, rows: int, tokens_per_row: float) -> Estimate:
    """Parameters, peak memory by part, time per epoch and the largest micro-batch that fits."""
    try:
        folder = find_base(config.base_model or "", download=False)
    except ModelError:
        folder = None
    facts = facts_of(config.base_model or "", folder)
    if config.max_seq_length > facts.max_position_embeddings:
        raise ModelError(
            f"max_seq_length = {config.max_seq_length} is more than the base model's context of "
            f"{facts.max_position_embeddings} tokens",
            where="train.max_seq_length",
            hint=f"lower it to {facts.max_position_embeddings}",
        )
    targets = resolve_targets(config.target_modules, layer_names(facts))
    card = card_for(config)
    typical = max(2, min(round(tokens_per_row), config.max_seq_length))
    plan = plan_run(config, rows, seed=0, packed=True)
    batch = min(_rows_at_once(config, plan, typical), max(1, rows))
    count = _Counter(facts, config, targets, card)
    memory = count.memory(batch, typical)
    most = min(_rows_at_once(config, plan, config.max_seq_length), max(1, rows))
    longest = count.memory(most, config.max_seq_length)
    tokens = rows * typical
    speed, basis = _speed(facts, config, targets, card, batch, typical)
    lora = facts.lora_parameters(targets, config.lora_r, dora=config.use_dora)
    details: dict[str, Any] = {
        "base_model": facts.name,
        "base_licence": facts.licence or "unknown",
        "parameters": facts.parameters,
        "lora_parameters": lora,
        "lora_share": lora / facts.parameters,
        "target_modules": list(targets),
        "device": card.name,
        "precision": card.precision,
        "rows_at_once": batch,
        "tokens_per_row": typical,
        "bytes_by_part": attrs.asdict(memory),
        "bytes_longest_rows": longest.total,
        "tokens_longest_rows": config.max_seq_length,
        "tokens_per_second": speed,
        "seconds_per_epoch": tokens / speed,
        "steps": plan.steps,
        "gguf_bytes": dict(gguf_bytes(facts)),
        "basis": basis,
    }
    if card.memory:
        details["device_bytes"] = card.memory
        total = plan.batch_size * plan.accumulation
        details["recommended"] = _recommended(count, total, typical, card.memory)
        details["recommended_longest_rows"] = _recommended(
            count, total, config.max_seq_length, card.memory
        )
    details.update(_guide(facts, config, count, memory))
    return Estimate(
        seconds=plan.epochs(plan.steps) * tokens / speed, bytes=memory.total, details=details
    )


def card_for(config: TrainingConfig) -> Card:
    """The device in the number format that the recipe asks for. Raises `RecipeError` as training
    does for one that the device does not compute in."""
    card = find_card(config.device)
    if config.precision == "auto":
        return card
    check_format(config.precision, card.kind, old=card.kind == "cuda" and card.precision == "fp16")
    return attrs.evolve(card, precision=config.precision)


def _rows_at_once(config: TrainingConfig, plan: Plan, length: int) -> int:
    """Rows of a micro-batch: as many as a budget of tokens holds, where there is one."""
    if not plan.packed or plan.pack_tokens is None:
        return plan.batch_size
    return min(plan.batch_size * plan.accumulation, max(1, plan.pack_tokens // length))


def _recommended(count: _Counter, total: int, length: int, room: int) -> dict[str, Any] | None:
    """The largest micro-batch that fits, with gradient checkpointing where nothing else does."""
    for one in (count, count.checkpointed()):
        if best := _largest(one, total, length, room):
            found: dict[str, Any] = {
                "per_device_train_batch_size": best,
                "gradient_accumulation_steps": total // best,
            }
            if one.config.gradient_checkpointing:
                found["gradient_checkpointing"] = True
            return found
    return None


def _largest(count: _Counter, total: int, length: int, room: int) -> int:
    """The largest divisor of the global batch whose memory stays below nine tenths of `room`."""
    fitting = [
        n
        for n in range(1, total + 1)
        if total % n == 0 and count.memory(n, length).total <= 0.9 * room
    ]
    return max(fitting, default=0)


class _Counter:
    """Memory of one configuration at any micro-batch."""

    def __init__(
        self, facts: BaseFacts, config: TrainingConfig, targets: tuple[str, ...], card: Card
    ) -> None:
        self.facts, self.config, self.targets, self.card = facts, config, targets, card
        self.lora = facts.lora_parameters(targets, config.lora_r, dora=config.use_dora)
        self._process = resident_bytes() if card.kind == "cpu" else _CUDA_CONTEXT
        self._known: dict[int, tuple[int, int]] = {}
        self._models: dict[int, PreTrainedModel] = {}

    def checkpointed(self) -> _Counter:
        """The same with gradient checkpointing."""
        config = attrs.evolve(self.config, gradient_checkpointing=True)
        return _Counter(self.facts, config, self.targets, self.card)

    def token_bytes(self) -> float:
        """Activations and logits that each token has, in rows of 128."""
        one, two = self.memory(1, 128), self.memory(2, 128)
        return (two.activations + two.head - one.activations - one.head) / 128

    @property
    def base_bytes(self) -> int:
        each = 4 if self.card.precision == "fp32" else 2
        if not self.config.use_qlora:
            return self.facts.parameters * each
        linear = self.facts.linear_parameters
        return round(linear * NF4_BYTES + (self.facts.parameters - linear) * each)

    def memory(self, rows: int, length: int) -> Memory:
        """Bytes by part for micro-batches of `rows` rows of `length` tokens."""
        trained = max(1, round(length * TRAINED_SHARE))
        logits = rows * trained * self.facts.vocab_size * 4
        activations = self.activations(rows, length)
        on_cpu = self.card.kind == "cpu"
        parts = Memory(
            process=self._process,
            base=self.base_bytes,
            adapter=4 * self.lora,
            gradients=4 * self.lora,
            optimizer=8 * self.lora,
            best=4 * self.lora if on_cpu else 0,
            activations=activations,
            head=2 * logits,
        )
        if on_cpu:
            share = _CPU_GAPS_CHECKPOINTED if self.config.gradient_checkpointing else _CPU_GAPS
            return attrs.evolve(parts, gaps=round(share * (parts.activations + parts.head)))
        return attrs.evolve(parts, gaps=round(_CUDA_GAPS * (parts.total - parts.process)))

    def activations(self, rows: int, length: int) -> int:
        """Bytes that autograd keeps, of the whole model. Each row keeps as much as any other, and
        so does each block; DoRA keeps matrices of the weights' size beside them, whatever the
        rows. So one and two rows, of one and two blocks, tell all."""
        if length not in self._known:
            one, more = self._line(1, length), self._line(2, length)
            blocks = self.facts.num_hidden_layers - 1
            if self.config.gradient_checkpointing:
                # Every block keeps its input; one block at a time is computed again.
                each = 4 if self.card.precision == "fp32" else 2
                inputs = (blocks + 1) * length * self.facts.hidden_size * each
                self._known[length] = (one[0], one[1] + inputs)
            else:
                fixed, row = (a + (b - a) * blocks for a, b in zip(one, more, strict=True))
                self._known[length] = (fixed, row)
        fixed, row = self._known[length]
        return fixed + rows * row

    def _line(self, layers: int, length: int) -> tuple[int, int]:
        """`(a, b)`: so many layers keep a + rows * b bytes."""
        one, two = (self._kept(layers, rows, length) for rows in (1, 2))
        return (2 * one - two, two - one)

    def _kept(self, layers: int, rows: int, length: int) -> int:
        if layers not in self._models:
            self._models[layers] = meta_model(self.facts, layers, self.config, self.targets)
        model = self._models[layers]
        dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(self.card.precision)
        return kept_bytes(model, _batch(rows, length), dtype)


def meta_model(
    facts: BaseFacts, layers: int, config: TrainingConfig, targets: tuple[str, ...]
) -> PreTrainedModel:
    """The base's network with the adapter on it, without data."""
    shape = AutoConfig.for_model(
        facts.architecture,
        vocab_size=facts.vocab_size,
        hidden_size=facts.hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=facts.num_attention_heads,
        num_key_value_heads=facts.num_key_value_heads,
        intermediate_size=facts.intermediate_size,
        tie_word_embeddings=facts.tie_word_embeddings,
        max_position_embeddings=facts.max_position_embeddings,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=0,
    )
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        use_dora=config.use_dora,
        target_modules=list(targets),
    )
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = AutoModelForCausalLM.from_config(shape)  # type: ignore[no-untyped-call]
        made: Any = get_peft_model(network, lora)
    model: PreTrainedModel = made.get_base_model()
    AttentionInterface.register(_COUNTED, _attend)
    model.set_attn_implementation(_COUNTED)
    model.train(True)
    return model


_COUNTED = "heimdall_counted"


class _Attention(torch.autograd.Function):
    """What every fused kernel keeps: its inputs, its output and a number for each row of scores,
    and never the scores themselves. (On the `meta` device PyTorch would take its plain version,
    which keeps them.)"""

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any) -> torch.Tensor:
        out = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1]))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("this one is counted, not trained")


def _attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, **_: Any
) -> tuple[torch.Tensor, None]:
    return _Attention.apply(query, key, value).transpose(1, 2).contiguous(), None  # type: ignore[no-untyped-call]


def _batch(rows: int, length: int) -> Batch:
    tokens = np.zeros(length, dtype=np.int32)
    prompt = length - max(1, round(length * TRAINED_SHARE))
    return pack([EncodedRow(tokens, max(1, prompt)) for _ in range(rows)])


def kept_bytes(model: PreTrainedModel, batch: Batch, dtype: torch.dtype | None) -> int:
    """Bytes that one forward pass on the `meta` device keeps for the backward pass, parameters
    left out; `dtype` is what autocast would compute in."""
    own: set[int] = set()
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = (storage.nbytes(), tensor)  # held: the address stays taken
        return tensor

    saved = {p: p.dtype for p in model.parameters()}
    meta = batch.to(torch.device("meta"))
    if dtype is not None:
        for parameter in model.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(dtype)
    # After the change of format: a storage that is let go leaves its address to a later one.
    own |= {p.untyped_storage()._cdata for p in model.parameters()}
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = answer_loss(model, meta)
    finally:
        for parameter, before in saved.items():
            parameter.data = parameter.data.to(before)
    total = sum(size for size, _ in kept.values())
    del loss
    return total


def _speed(
    facts: BaseFacts,
    config: TrainingConfig,
    targets: tuple[str, ...],
    card: Card,
    rows: int,
    length: int,
) -> tuple[float, str]:
    """Tokens a second, and what the figure rests on."""
    factor = 6 if config.gradient_checkpointing else 4
    per_token = factor * facts.parameters
    if card.flops:
        speed = card.flops * _ASSUMED_MFU / per_token
        return speed, (
            f"{card.name}: {card.flops / 1e12:g} TFLOP/s × {_ASSUMED_MFU:.0%} / ({factor} × "
            f"{facts.parameters / 1e6:,.0f} M); the {_ASSUMED_MFU:.0%} is assumed, not measured"
        )
    with cpu_threads(config.threads) as threads:
        peak = device_peak(torch.device("cpu")).flops
    share = 0.5
    return peak * share / per_token, (
        f"CPU, {threads} threads: {peak / 1e9:.0f} GFLOP/s measured on a plain product × "
        f"{share:.0%} / ({factor} × {facts.parameters / 1e6:,.0f} M)"
    )


def _guide(
    facts: BaseFacts, config: TrainingConfig, count: _Counter, here: Memory
) -> dict[str, Any]:
    """The training guide's own figures for the Qwen2.5-1.5B model, part by part."""
    if facts.name.rpartition("/")[2] != "Qwen2.5-1.5B-Instruct":
        return {}
    plain = attrs.evolve(config, gradient_checkpointing=False)
    there = _Counter(facts, plain, count.targets, find_card("2080ti"))
    fixed = Fixed(
        _CUDA_CONTEXT,
        there.base_bytes,
        _CUDA_GAPS,
        there.token_bytes(),
        there.checkpointed().token_bytes(),
    )
    return explain(fixed, qlora=config.use_qlora, lora=count.lora, here=attrs.asdict(here))
