"""Packed rows: the same losses and gradients as apart, and no token sees another document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from heimdall_run_transformers.batches import collate, pack, split_rows, within_budget
from heimdall_run_transformers.documents import layout_of, use_documents
from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.loss import answer_logits, answer_loss

KINDS: dict[str, Any] = {
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
    "phi3": (Phi3Config, Phi3ForCausalLM),
}


def network(kind: str, **changes: Any) -> PreTrainedModel:
    make_config, make_model = KINDS[kind]
    torch.manual_seed(1)
    return make_model(
        make_config(
            vocab_size=90,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=48,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=0,
            **changes,
        )
    )


def some_rows(lengths: Sequence[int]) -> list[EncodedRow]:
    random = np.random.default_rng(4)
    return [
        EncodedRow(random.integers(3, 90, n, dtype=np.int32), max(1, n // 3), task=i % 2)
        for i, n in enumerate(lengths)
    ]


def reference(model: PreTrainedModel, rows: Sequence[EncodedRow]) -> tuple[float, dict[str, Any]]:
    """Loss and gradients with every row by itself, as transformers computes it."""
    model.zero_grad()
    total = 0.0
    for row in rows:
        ids = torch.from_numpy(row.tokens[None].astype(np.int64))
        logits = model(input_ids=ids, use_cache=False).logits[0]
        loss = functional.cross_entropy(
            logits[row.prompt_length - 1 : -1], ids[0, row.prompt_length :], reduction="sum"
        )
        loss.backward()
        total += loss.item()
    return total, {n: p.grad.clone() for n, p in model.named_parameters()}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("lengths", [(9, 9, 9), (5, 31, 8, 12, 13, 14, 31, 2), (20,)])
def test_packed_padded_and_apart_have_equal_losses_and_gradients(
    kind: str, lengths: tuple[int, ...]
) -> None:
    model = network(kind, **({"sliding_window": 10} if kind == "phi3" else {}))
    rows = some_rows(lengths)
    expected, gradients = reference(model, rows)
    use_documents(model)
    for batch in (pack(rows), collate(rows, 0)):
        model.zero_grad()
        loss = answer_loss(model, batch)
        loss.backward()
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        for name, parameter in model.named_parameters():
            scale = gradients[name].abs().max()
            assert (parameter.grad - gradients[name]).abs().max() <= 1e-5 * scale, name


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_document_attends_to_another(kind: str) -> None:
    """Every token of one document is changed; not one bit of the others' logits is."""
    model = network(kind)
    use_documents(model)
    rows = some_rows((7, 8, 21, 22))
    batch = pack(rows)
    with torch.no_grad():
        before = answer_logits(model, batch)
        for changed in range(len(rows)):
            other = list(rows)
            other[changed] = EncodedRow(
                (rows[changed].tokens + 1) % 90, rows[changed].prompt_length
            )
            after = answer_logits(model, pack(other))
            same = (after == before).all(dim=1)
            assert bool(same[batch.rows != changed].all())
            assert not bool(same[batch.rows == changed].all())


def test_a_batch_without_documents_does_leak() -> None:
    """The check above can fail: one row of everything is not isolated."""
    model = network("qwen2")
    use_documents(model)
    rows = some_rows((7, 8))
    flat = np.concatenate([rows[0].tokens, rows[1].tokens])
    joined = collate([EncodedRow(flat, 7 + rows[1].prompt_length)], 0)
    alone = collate([rows[1]], 0)
    with torch.no_grad():
        difference = answer_logits(model, joined) - answer_logits(model, alone)
    assert difference.abs().max() > 1e-3


def test_groups_hold_all_tokens_and_little_padding() -> None:
    lengths = sorted(np.random.default_rng(1).integers(3, 200, 60).tolist())
    layout = layout_of(lengths)
    assert sum(group.count for group in layout.groups) == sum(lengths)
    assert sum(group.documents for group in layout.groups) == len(lengths)
    computed = sum(group.documents * group.width for group in layout.groups)
    assert 1 - sum(lengths) / computed < 0.15
    assert layout.borders.tolist() == [0, *np.cumsum(lengths)]


def test_task_weights_weigh_tokens() -> None:
    model = network("qwen2")
    use_documents(model)
    rows = some_rows((9, 12, 15))
    whole = {task: answer_loss(model, pack([r for r in rows if r.task == task])) for task in (0, 1)}
    weighted = pack(rows, {1: 3.0})
    loss = answer_loss(model, weighted)
    assert loss.item() == pytest.approx((whole[0] + 3 * whole[1]).item(), rel=1e-5)
    ones = sum(r.trained for r in rows if r.task == 0)
    assert weighted.weight == ones + 3 * sum(r.trained for r in rows if r.task == 1)


def test_a_budget_is_kept_and_every_row_is_there_once() -> None:
    rows = some_rows((30, 5, 70, 20, 40, 9))
    groups = within_budget(rows, 60)
    assert [sum(len(r.tokens) for r in group) <= 60 for group in groups].count(False) == 1  # the 70
    assert sorted(len(r.tokens) for g in groups for r in g) == [5, 9, 20, 30, 40, 70]
    assert len(groups) == 3
    assert sum(len(g) for g in split_rows(groups, 2)) == 6
