"""Batches and the loss on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from heimdall_run_transformers.batches import collate, epoch_batches, length_batches
from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.loss import answer_loss
from heimdall_run_transformers.model import TransformersModel


def row(length: int, prompt: int, seed: int = 0) -> EncodedRow:
    tokens = np.random.default_rng(seed).integers(3, 200, length, dtype=np.int32)
    return EncodedRow(tokens, prompt)


ROWS = [row(12, 7, 1), row(5, 2, 2), row(9, 8, 3)]


def naive_loss(model: TransformersModel, rows: list[EncodedRow]) -> float:
    """The library's own loss, row by row, every logit computed."""
    total = 0.0
    for one in rows:
        ids = torch.from_numpy(one.tokens.astype(np.int64))[None]
        labels = ids.clone()
        labels[:, : one.prompt_length] = -100
        total += model.model(input_ids=ids, labels=labels).loss.item() * one.trained
    return total


def test_loss_and_gradient_are_those_of_whole_rows(model: TransformersModel) -> None:
    batch = collate(ROWS, pad=0)
    assert batch.tokens.shape == (3, 12)
    assert batch.real_tokens == 26
    assert len(batch.targets) == len(batch.positions) == 5 + 3 + 1
    assert answer_loss(model.model, batch).item() == pytest.approx(naive_loss(model, ROWS))

    weight = model.model.model.layers[0].mlp.up_proj.weight
    (together,) = torch.autograd.grad(answer_loss(model.model, batch), weight)
    apart = torch.zeros_like(weight)
    for one in ROWS:
        (gradient,) = torch.autograd.grad(answer_loss(model.model, collate([one], 0)), weight)
        apart += gradient
    assert torch.allclose(together, apart, atol=1e-5 * float(apart.abs().max()))


def test_padding_changes_nothing(model: TransformersModel) -> None:
    losses = [answer_loss(model.model, collate(ROWS, pad)).item() for pad in (0, 5)]
    assert losses[0] == losses[1]


def test_an_epoch_has_every_row_once() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(5, 90, 1003)]
    batches = epoch_batches(lengths, 8, seed=3, epoch=0)
    assert sorted(number for batch in batches for number in batch) == list(range(1003))
    assert sorted(map(len, batches)) == [3] + [8] * 125


def test_an_epochs_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = [10, 20, 30, 40] * 50
    first = epoch_batches(lengths, 8, seed=3, epoch=0)
    assert first == epoch_batches(lengths, 8, seed=3, epoch=0)
    assert first != epoch_batches(lengths, 8, seed=3, epoch=1)
    assert first != epoch_batches(lengths, 8, seed=4, epoch=0)


def padding_share(lengths: list[int], batches: list[list[int]]) -> float:
    computed = sum(len(batch) * max(lengths[number] for number in batch) for batch in batches)
    return 1 - sum(lengths) / computed


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(10, 100, 4000)]
    drawn = np.random.default_rng(1).permutation(4000).reshape(-1, 32).tolist()
    assert padding_share(lengths, drawn) > 0.4
    batches = epoch_batches(lengths, 32, seed=0, epoch=0)
    assert padding_share(lengths, batches) < 0.02
    # Long and short batches take turns: the first tenth is not all short, or all long.
    means = [np.mean([lengths[n] for n in batch]) for batch in batches]
    assert 40 < np.mean(means[: len(means) // 10]) < 70


def test_evaluation_goes_from_short_to_long() -> None:
    assert length_batches([30, 10, 20, 10, 40], 2) == [[1, 3], [2, 0], [4]]
