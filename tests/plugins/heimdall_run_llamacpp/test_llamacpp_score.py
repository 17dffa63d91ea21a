"""Log-probabilities, against what the logits say one token at a time."""

from __future__ import annotations

import math

import pytest

from heimdall_core.errors import ModelError
from heimdall_run_llamacpp.load import load
from heimdall_run_llamacpp.options import LlamaCppOptions


def by_hand(model, prompt: str, answer: str) -> list[float]:
    """Feeds the answer token by token (as text) and reads each next token's probability."""
    log_probs = []
    for at, token in enumerate(model.tokenize(answer)):
        before = b"".join(model.native.piece(t) for t in model.tokenize(answer)[:at])
        logits = model.logits(prompt + before.decode())
        top = max(logits)
        total = math.log(math.fsum(math.exp(value - top) for value in logits)) + top
        log_probs.append(logits[token] - total)
    return log_probs


def test_scores_are_the_log_probabilities_of_the_answers_tokens(model, ask):
    pairs = [
        (ask("Find all people."), "MATCH (p:Person) RETURN p<|im_end|>"),
        (ask("Count the cities."), "CREATE (n)<|im_end|>"),
    ]
    for (prompt, answer), scores in zip(pairs, model.score(pairs), strict=True):
        expected = by_hand(model, prompt, answer)
        assert scores.log_probs == pytest.approx(expected, abs=2e-3)
    right, wrong = (math.fsum(scores.log_probs) for scores in model.score(pairs))
    assert right > -0.5
    assert wrong < -5


@pytest.mark.parametrize("options", [{"parallel": 1}, {"parallel": 7}, {"batch_size": 32}])
def test_scores_do_not_depend_on_how_they_are_batched(taught_gguf, model, prompts, options):
    pairs = [(prompt, f"RETURN {'x, ' * (at % 9)}y<|im_end|>") for at, prompt in enumerate(prompts)]
    expected = model.score(pairs)
    with load(taught_gguf, LlamaCppOptions(**options)) as other:
        for one, two in zip(other.score(pairs), expected, strict=True):
            assert one.log_probs == pytest.approx(two.log_probs, abs=5e-3)


def test_an_answer_without_tokens_has_no_scores(model, ask):
    assert model.score([(ask("a"), "")])[0].log_probs == ()


def test_few_outputs_at_a_time_give_the_same_scores(model, prompts, monkeypatch):
    pairs = [(prompt, "MATCH (n) RETURN n<|im_end|>") for prompt in prompts[:6]]
    expected = model.score(pairs)
    monkeypatch.setattr(model.native, "most_outputs", 3)
    for one, two in zip(model.score(pairs), expected, strict=True):
        assert one.log_probs == pytest.approx(two.log_probs, abs=5e-3)


def test_refuses_a_pair_that_does_not_fit(model, ask):
    with pytest.raises(ModelError, match=r"pair 1 has \d+ tokens, the context 256"):
        model.score([(ask("a"), "b"), (ask("a"), "word " * 300)])


def test_refuses_a_prompt_that_does_not_fit(model, ask):
    with pytest.raises(ModelError, match=r"the prompt has \d+ tokens, the context 256"):
        model.logits(ask("word " * 300))


def test_logits_cover_the_vocabulary_and_long_prompts(taught_gguf, model, ask):
    prompt = ask("Which three films are newest? " * 3)
    assert len(model.tokenize(prompt)) > 32
    with load(taught_gguf, LlamaCppOptions(batch_size=32)) as small:
        logits = small.logits(prompt)
    assert len(logits) == model.native.vocabulary_size
    assert logits == pytest.approx(model.logits(prompt), abs=2e-2)
