"""Batches of rows of like length: on the CPU, half of a batch padded to its longest row is
padding when rows are drawn at random, and next to nothing when they are drawn by length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from attrs import frozen

from heimdall_run_transformers.encode import EncodedRow

#: Batches whose rows are drawn together and sorted by length: larger pads less, smaller mixes more.
_POOL = 64


@frozen(eq=False)
class Batch:
    """Rows padded on the right to one length. With causal attention no real token sees a pad, so
    the model needs no mask.

    Shapes: B rows, T tokens, P trained positions in the whole batch.
    """

    tokens: torch.Tensor
    """(B, T) int64."""
    positions: torch.Tensor
    """(P,) places in the flattened (B * T,) whose state predicts a trained token."""
    targets: torch.Tensor
    """(P,) the trained tokens."""
    real_tokens: int
    """Tokens that are no padding."""


def collate(rows: Sequence[EncodedRow], pad: int) -> Batch:
    """One batch from rows."""
    width = max(len(row.tokens) for row in rows)
    tokens = np.full((len(rows), width), pad, dtype=np.int64)
    positions, targets = [], []
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = row.tokens
        first = index * width + row.prompt_length - 1  # the prompt's last token predicts the first
        positions.append(np.arange(first, first + row.trained, dtype=np.int64))
        targets.append(row.tokens[row.prompt_length :].astype(np.int64))
    return Batch(
        torch.from_numpy(tokens),
        torch.from_numpy(np.concatenate(positions)),
        torch.from_numpy(np.concatenate(targets)),
        sum(len(row.tokens) for row in rows),
    )


def length_batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """All rows, shortest first, `size` to a batch: the fixed order of an evaluation."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size].tolist() for start in range(0, len(order), size)]


def epoch_batches(lengths: Sequence[int], size: int, *, seed: int, epoch: int) -> list[list[int]]:
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
