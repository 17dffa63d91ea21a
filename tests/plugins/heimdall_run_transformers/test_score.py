"""Scores and logits against the model's own forward pass, one row at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_models import LESSONS

from heimdall_core.errors import ModelError
from heimdall_core.prompt import IM_END, IM_START, messages_for, render_prompt
from heimdall_run_transformers.load import load
from heimdall_run_transformers.model import TransformersModel
from heimdall_run_transformers.options import TransformersOptions

PAIRS = [(render_prompt(messages_for(question)), answer + IM_END) for question, answer in LESSONS]


def reference(model: TransformersModel, prompt: str, answer: str) -> list[float]:
    """Log-probabilities of the answer's tokens from one unpadded forward pass."""
    before, after = model.tokenize(prompt), model.tokenize(answer)
    with torch.no_grad():
        logits = model.model(input_ids=torch.tensor([before + after])).logits[0].double()
    logs = torch.log_softmax(logits, dim=-1)
    return [float(logs[len(before) - 1 + at, token]) for at, token in enumerate(after)]


def test_scores_are_the_models_own(model: TransformersModel) -> None:
    pairs = [*PAIRS, (PAIRS[0][0], PAIRS[2][1]), (PAIRS[1][0], "")]
    scores = model.score(pairs)
    for (prompt, answer), score in zip(pairs, scores, strict=True):
        assert list(score.log_probs) == pytest.approx(reference(model, prompt, answer), abs=1e-4)
    assert len(scores[-1].log_probs) == 0
    # A learnt answer is likely, another question's is not.
    assert sum(scores[0].log_probs) > -1 > sum(scores[len(PAIRS)].log_probs)


def test_scores_do_not_depend_on_the_batch(taught: Path, model: TransformersModel) -> None:
    with load(taught, TransformersOptions(batch_size=1, device="cpu")) as single:
        apart = single.score(PAIRS)
    for one, many in zip(apart, model.score(PAIRS), strict=True):
        assert one.log_probs == pytest.approx(many.log_probs, abs=1e-4)


def test_pairs_that_cannot_be_scored_are_refused(model: TransformersModel) -> None:
    with pytest.raises(ModelError, match=r"pair 1 has \d+ tokens; the model's context is 256"):
        model.score([PAIRS[0], (PAIRS[0][0], "x " * 256)])
    with pytest.raises(ModelError, match="pair 0 has no prompt"):
        model.score([("", "x")])


def test_logits_are_the_next_tokens(model: TransformersModel) -> None:
    prompt, answer = PAIRS[0]
    logits = model.logits(prompt)
    assert len(logits) == model.model.config.vocab_size
    assert logits.index(max(logits)) == model.tokenize(answer)[0]
    with pytest.raises(ModelError, match="the prompt has 0 tokens"):
        model.logits("")


def test_markers_are_single_tokens(model: TransformersModel) -> None:
    ids = model.tokenize(f"{IM_START}user\nhi{IM_END}\n")
    assert ids[0] == 1
    assert ids.count(2) == 1
    assert model.tokenize("") == []
