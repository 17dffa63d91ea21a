"""Batches of rows: drawn by length, and laid out packed (one after the other, no padding) or padded
(side by side).

On the CPU half of a batch padded to its longest row is padding when rows are drawn at random, and
next to nothing when they are drawn by length; packed, there is none at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from attrs import evolve, frozen

from heimdall_run_transformers.documents import Documents, layout_of
from heimdall_run_transformers.encode import EncodedRow

#: Batches whose rows are drawn together and sorted by length: larger pads less, smaller mixes more.
_POOL = 64


@frozen(eq=False)
class Batch:
    """Rows of a micro-batch. Padded on the right to one length, no real token sees a pad (attention
    is causal), so the model needs no mask; packed, `documents` says where each row lies.

    Shapes: B rows of T tokens (packed: one row of all of them), P trained positions.
    """

    tokens: torch.Tensor
    """(B, T) int64."""
    positions: torch.Tensor
    """(P,) places in the flattened (B * T,) whose state predicts a trained token."""
    targets: torch.Tensor
    """(P,) the trained tokens."""
    real_tokens: int
    """Tokens that are no padding."""
    rows: torch.Tensor
    """(P,) number of the row, in this batch, that each trained position belongs to."""
    documents: Documents | None = None
    """Packed batches alone."""
    position_ids: torch.Tensor | None = None
    """(1, T): the place of each token in its own row. Packed batches alone."""
    weights: torch.Tensor | None = None
    """(P,) weight of each trained token in the loss; None for 1."""

    @property
    def weight(self) -> float:
        """Sum of the weights of the trained tokens."""
        return float(self.weights.sum()) if self.weights is not None else float(len(self.targets))

    def to(self, device: torch.device, kernel: str = "groups") -> Batch:
        """The same batch on a device; `kernel` as in `documents.best_kernel`."""
        if device.type == "cpu" and kernel == "groups":
            return self
        return evolve(
            self,
            tokens=self.tokens.to(device),
            positions=self.positions.to(device),
            targets=self.targets.to(device),
            rows=self.rows.to(device),
            documents=self.documents.to(device, kernel) if self.documents else None,
            position_ids=None if self.position_ids is None else self.position_ids.to(device),
            weights=None if self.weights is None else self.weights.to(device),
        )


def collate(
    rows: Sequence[EncodedRow], pad: int, weights: Mapping[int, float] | None = None
) -> Batch:
    """A padded batch. `weights` gives the weight in the loss of each task that has one."""
    width = max(len(row.tokens) for row in rows)
    tokens = np.full((len(rows), width), pad, dtype=np.int64)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = row.tokens
    return _batch(rows, tokens, [index * width for index in range(len(rows))], weights)


def pack(rows: Sequence[EncodedRow], weights: Mapping[int, float] | None = None) -> Batch:
    """A packed batch: the rows, shortest first, one after the other."""
    rows = sorted(rows, key=lambda row: len(row.tokens))
    lengths = [len(row.tokens) for row in rows]
    tokens = np.concatenate([row.tokens for row in rows]).astype(np.int64)[None, :]
    places = np.concatenate([np.arange(length) for length in lengths])
    made = _batch(rows, tokens, (np.cumsum(lengths) - lengths).tolist(), weights)
    return evolve(
        made, documents=layout_of(lengths), position_ids=torch.from_numpy(places)[None, :]
    )


def _batch(
    rows: Sequence[EncodedRow],
    tokens: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    starts: Sequence[int],
    weights: Mapping[int, float] | None,
) -> Batch:
    positions, targets = [], []
    for row, start in zip(rows, starts, strict=True):
        first = start + row.prompt_length - 1  # the prompt's last token predicts the first
        positions.append(np.arange(first, first + row.trained, dtype=np.int64))
        targets.append(row.tokens[row.prompt_length :].astype(np.int64))
    trained = [row.trained for row in rows]
    weighted = None
    if weights:
        each = np.asarray([weights.get(row.task, 1.0) for row in rows], dtype=np.float32)
        weighted = torch.from_numpy(np.repeat(each, trained))
    return Batch(
        torch.from_numpy(tokens),
        torch.from_numpy(np.concatenate(positions)),
        torch.from_numpy(np.concatenate(targets)),
        sum(len(row.tokens) for row in rows),
        torch.from_numpy(np.repeat(np.arange(len(rows)), trained)),
        weights=weighted,
    )


def length_batches(lengths: Sequence[int] | npt.NDArray[np.int64], size: int) -> list[list[int]]:
    """All rows, shortest first, `size` to a batch: the fixed order of an evaluation."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size].tolist() for start in range(0, len(order), size)]


def epoch_batches(
    lengths: Sequence[int] | npt.NDArray[np.int64], size: int, *, seed: int, epoch: int
) -> list[list[int]]:
    """Every row once, `size` to a batch, as row numbers; only the last batch may be smaller.

    Rows are drawn at random into pools, sorted by length within a pool, and the batches
    shuffled. The same arguments give the same batches, so a resumed run needs the epoch's number
    and nothing else.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    by_row = np.asarray(lengths)
    sorted_pools = [
        pool[np.argsort(by_row[pool], kind="stable")]
        for pool in np.split(order, range(size * _POOL, len(order), size * _POOL))
    ]
    rows = np.concatenate(sorted_pools)
    batches = [rows[start : start + size].tolist() for start in range(0, len(rows), size)]
    return [batches[index] for index in random.permutation(len(batches))]


def within_budget(rows: Sequence[EncodedRow], tokens: int) -> list[list[EncodedRow]]:
    """The rows of an optimiser step in as few groups of at most `tokens` tokens as first-fit
    decreasing finds; a row that is longer than that has a group of its own."""
    groups: list[list[EncodedRow]] = []
    room: list[int] = []
    for row in sorted(rows, key=lambda row: -len(row.tokens)):
        length = len(row.tokens)
        place = next((n for n, left in enumerate(room) if left >= length), None)
        if place is None:
            groups.append([row])
            room.append(tokens - length)
        else:
            groups[place].append(row)
            room[place] -= length
    return groups


def split_rows(groups: Sequence[list[EncodedRow]], parts: int) -> list[list[EncodedRow]]:
    """Each group in `parts` groups of nearly as many rows, in order; a group of fewer rows gives
    as many groups as it has rows."""
    made = []
    for group in groups:
        pieces = np.array_split(np.arange(len(group)), min(parts, len(group)))
        made += [[group[index] for index in piece] for piece in pieces]
    return made
