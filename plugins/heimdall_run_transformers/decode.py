"""Batched decoding with a key/value cache: greedy, or sampled with a seed of each row's own.

Shapes: B rows, T the longest prompt of the batch, V the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from attrs import define, field, frozen
from transformers import DynamicCache, PreTrainedConfig, PreTrainedModel

#: Picks the next token of each row: `(logits (n, V), which rows they are of) -> n token ids`.
Picker = Callable[[torch.Tensor, Sequence[int]], list[int]]


@define
class Decoded:
    """The answer of one row as it grows."""

    limit: int
    """Tokens it may have, the end token included."""
    tokens: list[int] = field(factory=list)
    stopped: bool = False
    """The last token is a stop token."""

    @property
    def finished(self) -> bool:
        return self.stopped or len(self.tokens) >= self.limit

    def add(self, token: int, stop: frozenset[int]) -> None:
        """Appends a token."""
        self.tokens.append(token)
        self.stopped = token in stop


def greedy(logits: torch.Tensor, rows: Sequence[int]) -> list[int]:
    """The likeliest token of each row."""
    return logits.argmax(dim=-1).tolist()


def sampler(temperature: float, seed: int, rows: Sequence[int]) -> Picker:
    """Samples with one random stream per row, so that an answer does not depend on which other
    prompts it was batched with. `rows[n]` numbers the batch's n-th prompt among all prompts."""
    # The factor keeps the streams of (seed, row + 1) and (seed + 1, row) apart.
    streams = [torch.Generator().manual_seed((seed * 1_000_003 + row) % 2**63) for row in rows]

    def pick(logits: torch.Tensor, rows: Sequence[int]) -> list[int]:
        chances = torch.softmax(logits.float().cpu() / temperature, dim=-1)  # (n, V)
        return [
            int(torch.multinomial(chance, 1, generator=streams[row]))
            for chance, row in zip(chances, rows, strict=True)
        ]

    return pick


class TextStream:
    """Hands out an answer's text piece by piece; the pieces joined are the whole text."""

    def __init__(self, to_text: Callable[[Sequence[int]], str], out: Callable[[str], None]) -> None:
        self._to_text = to_text
        self._out = out
        self._shown = 0

    def show(self, tokens: Sequence[int], *, done: bool) -> None:
        """Shows what is new in `tokens`. A character whose bytes are spread over several tokens
        decodes to U+FFFD until the last of them is there; it is held back until then."""
        text = self._to_text(tokens)
        if len(text) > self._shown and (done or not text.endswith("\ufffd")):
            self._out(text[self._shown :])
            self._shown = len(text)


def left_padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, ...]:
    """`(ids, mask)`, both (B, T): real tokens end at the right edge, where decoding goes on.

    Pads are id 0, which exists in every vocabulary; the mask hides them.
    """
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = torch.tensor(row)
        mask[index, width - len(row) :] = 1
    return ids.to(device), mask.to(device)


@frozen(eq=False)
class Prefix:
    """What several prompts begin with, computed once. Shapes: H heads, C tokens, D of a head."""

    tokens: tuple[int, ...]
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Keys and values of each layer, (1, H, C, D)."""

    def cache(self, config: PreTrainedConfig, rows: int) -> DynamicCache:
        """A cache for so many rows that begins with it."""
        made = DynamicCache(config=config)
        for number, (keys, values) in enumerate(self.layers):
            shape = (rows, -1, -1, -1)
            made.update(keys.expand(shape), values.expand(shape), number)
        return made


def common_start(prompts: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The tokens that all prompts begin with, at least one less than the shortest has: the last
    token of a prompt is run for each, since its logits are wanted."""
    first = prompts[0]
    most = min(map(len, prompts)) - 1
    for prompt in prompts[1:]:
        most = next((i for i in range(most) if prompt[i] != first[i]), most)
    return tuple(first[:most])


@torch.inference_mode()
def compute_prefix(model: PreTrainedModel, tokens: Sequence[int]) -> Prefix | None:
    """Runs `tokens` once; None for a model whose layers do not see all of what stands before (a
    sliding window, a recurrence): what they keep cannot be handed on."""
    kinds = getattr(model.config, "layer_types", None) or ()
    if any(kind != "full_attention" for kind in kinds):
        return None
    cache = DynamicCache(config=model.config)
    ids = torch.tensor([list(tokens)], device=model.device)
    model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    layers: list[tuple[torch.Tensor, torch.Tensor]] = []
    for layer in cache.layers:
        keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
        if keys is None or values is None or keys.shape[-2] != len(tokens):
            return None
        layers.append((keys, values))
    return Prefix(tuple(tokens), tuple(layers))


@torch.inference_mode()
def decode(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    limits: Sequence[int],
    *,
    stop: frozenset[int],
    pick: Picker = greedy,
    on_token: Callable[[int, Decoded], None] = lambda row, answer: None,
    prefix: Prefix | None = None,
) -> list[Decoded]:
    """Answers to a batch of tokenised prompts, in order; none empty, every limit at least 1. With
    a `prefix`, every prompt begins with its tokens, which are not run again.

    `on_token(row, answer)` is called after each token of each row. A row that has finished leaves
    the batch, so the longest answer costs what it costs alone.
    """
    answers = [Decoded(limit) for limit in limits]
    known = len(prefix.tokens) if prefix else 0
    ids, mask = left_padded([prompt[known:] for prompt in prompts], model.device)
    positions = known + (mask.cumsum(dim=1) - 1).clamp(min=0)
    if prefix:
        cache = prefix.cache(model.config, len(prompts))
        mask = torch.cat([mask.new_ones(len(prompts), known), mask], dim=1)
    else:
        cache = DynamicCache(config=model.config)
    active = list(range(len(prompts)))
    while True:
        output = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        tokens = pick(output.logits[:, -1], active)
        going = []
        for slot, (row, token) in enumerate(zip(active, tokens, strict=True)):
            answers[row].add(token, stop)
            if not answers[row].finished:
                going.append(slot)
            on_token(row, answers[row])
        if not going:
            return answers
        ids = torch.tensor(tokens, device=model.device)[:, None]
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(active), 1)], dim=1)
        if len(going) < len(active):
            keep = torch.tensor(going, device=model.device)
            cache.batch_select_indices(keep)
            ids, positions, mask = ids[keep], positions[keep], mask[keep]
            active = [active[slot] for slot in going]
