"""Log-probabilities of given answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from heimdall_run_llamacpp.log import Log
from heimdall_run_llamacpp.native import Batch, NativeModel

#: (prompt, answer) as token ids.
Pair = tuple[Sequence[int], Sequence[int]]


def score_pairs(
    native: NativeModel, pairs: Sequence[Pair], log: Log, *, parallel: int
) -> list[list[float]]:
    """Natural-log probability of each answer's tokens, given all before each. No prompt is empty.

    Pairs of similar length are run together.
    """
    scores: list[list[float]] = [[] for _ in pairs]
    order = sorted(range(len(pairs)), key=lambda row: len(pairs[row][0]) + len(pairs[row][1]))
    for first in range(0, len(order), parallel):
        rows = order[first : first + parallel]
        longest = sum(map(len, pairs[rows[-1]]))
        native.prepare(parallel, longest, shared=False)
        batch = Batch()
        targets: list[tuple[int, int]] = []
        for place, row in enumerate(rows):
            prompt, answer = pairs[row]
            ids = [*prompt, *answer]
            for position, token in enumerate(ids[:-1]):
                if len(batch) == native.batch_size or len(targets) == native.most_outputs:
                    _run(native, batch, targets, scores, log)
                    batch, targets = Batch(), []
                wanted = position >= len(prompt) - 1
                batch.add([token], position, place, wanted=int(wanted))
                if wanted:
                    targets.append((row, ids[position + 1]))
        _run(native, batch, targets, scores, log)
    return scores


def _run(
    native: NativeModel,
    batch: Batch,
    targets: Sequence[tuple[int, int]],
    scores: list[list[float]],
    log: Log,
) -> None:
    """Runs a batch, and appends the log-probability of each target token to its row's scores."""
    if not len(batch):
        return
    logits = native.decode(batch, log)
    found = log_probabilities(logits, [token for _, token in targets])
    for (row, _), value in zip(targets, found.tolist(), strict=True):
        scores[row].append(value)


def log_probabilities(
    logits: npt.NDArray[np.float32], tokens: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Of one token in each row of (W, V). The sum is taken in double precision: a vocabulary has
    many small terms; the terms themselves lose nothing that shows in single precision."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    wanted = shifted[np.arange(len(tokens)), tokens].astype(np.float64)
    np.exp(shifted, out=shifted)
    found: npt.NDArray[np.float64] = wanted - np.log(shifted.sum(axis=-1, dtype=np.float64))
    return found


def log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Of each row of (W, V), in double precision."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted
