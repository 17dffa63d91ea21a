"""Answers: right ones, the same ones however they are batched, and why each ended."""

from __future__ import annotations

import llama_cpp.llama_cpp as library
import pytest
from tiny_models import LESSONS

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_run_llamacpp import generate as batching
from heimdall_run_llamacpp.load import load
from heimdall_run_llamacpp.options import LlamaCppOptions


def texts(completions) -> list[str]:
    return [completion.text for completion in completions]


def test_answers_what_the_model_was_taught_in_the_order_of_the_prompts(model, ask):
    answers = model.generate([ask(question) for question, _ in LESSONS], max_new_tokens=64)
    assert texts(answers) == [answer for _, answer in LESSONS]
    assert {answer.finish for answer in answers} == {"stop"}
    assert all("<|" not in answer.text for answer in answers)
    assert all(answer.seconds > 0 for answer in answers)


@pytest.mark.parametrize("options", [{"parallel": 4}, {"parallel": 16}, {"parallel": 40}])
def test_answers_do_not_depend_on_how_many_are_made_at_once(taught_gguf, prompts, options):
    with load(taught_gguf, LlamaCppOptions(parallel=1)) as one:
        alone = one.generate(prompts, max_new_tokens=40)
    with load(taught_gguf, LlamaCppOptions(**options)) as many:
        together = many.generate(prompts, max_new_tokens=40)
    assert texts(together) == texts(alone)
    assert [a.tokens for a in together] == [a.tokens for a in alone]


def test_prompts_longer_than_a_batch_are_fed_in_parts(taught_gguf, model, prompts):
    assert max(len(model.tokenize(prompt)) for prompt in prompts) > 32
    with load(taught_gguf, LlamaCppOptions(batch_size=32, parallel=8)) as small:
        assert texts(small.generate(prompts, max_new_tokens=24)) == texts(
            model.generate(prompts, max_new_tokens=24)
        )


def test_a_common_system_prompt_is_computed_once_and_changes_nothing(model, ask, monkeypatch):
    system = "You answer with one Cypher query and nothing else. " * 2
    rows = [ask(question, system) for question, _ in LESSONS]
    decoded = []
    decode = model.native.decode
    monkeypatch.setattr(
        model.native, "decode", lambda batch, log: decoded.append(len(batch)) or decode(batch, log)
    )
    shared = model.generate(rows, max_new_tokens=24)
    shared_tokens, decoded[:] = sum(decoded), []
    monkeypatch.setattr(batching, "_WORTH_SHARING", 10**9)
    apart = model.generate(rows, max_new_tokens=24)
    assert texts(shared) == texts(apart)
    common = len(model.tokenize(system))
    assert shared_tokens < sum(decoded) - (len(rows) - 2) * common


def test_one_long_prompt_among_short_ones_takes_a_small_cache(model, ask, monkeypatch):
    rows = [ask("Find all people."), ask("Smile."), ask("x " * 90)] + [ask("Smile.")] * 12
    prepared = []
    prepare = model.native.prepare

    def spy(sequences, cells, *, shared):
        prepared.append((sequences, cells, shared))
        prepare(sequences, cells, shared=shared)

    monkeypatch.setattr(model.native, "prepare", spy)
    answers = texts(model.generate(rows, max_new_tokens=8))
    ((sequences, cells, shared),) = prepared
    assert shared
    assert library.llama_n_ctx(model.native._context) < cells + 256
    assert cells < sequences * max(len(model.tokenize(row)) for row in rows) / 2
    assert answers[:2] == ["MATCH (p:Person) RETURN p", "😀"]
    assert answers[3:] == ["😀"] * 12


def test_says_that_an_answer_was_cut_off_at_the_limit(model, ask):
    (answer,) = model.generate([ask("Find all people.")], max_new_tokens=3)
    assert (answer.finish, answer.tokens) == ("length", 3)
    first = model.tokenize("MATCH (p:Person) RETURN p")[:3]
    assert answer.text == b"".join(map(model.native.piece, first)).decode()


def test_says_that_the_context_ended(taught_gguf, ask, model):
    prompt = ask("Find all people.")
    room = len(model.tokenize(prompt)) + 2
    with load(taught_gguf, LlamaCppOptions(context_size=room)) as tight:
        short, none = tight.generate([prompt, ask("x " * 200)], max_new_tokens=30)
    assert (short.finish, short.tokens) == ("context", 2)
    assert (none.finish, none.tokens, none.text) == ("context", 0, "")


def test_a_seed_gives_the_same_samples_however_they_are_batched(taught_gguf, prompts, model):
    chosen = {"max_new_tokens": 12, "temperature": 1.5}
    first = texts(model.generate(prompts[:12], seed=3, **chosen))
    with load(taught_gguf, LlamaCppOptions(parallel=1)) as one:
        assert texts(one.generate(prompts[:12], seed=3, **chosen)) == first
    assert texts(model.generate(prompts[:12], seed=4, **chosen)) != first
    assert texts(model.generate(prompts[:12], max_new_tokens=12)) != first


def test_equal_prompts_get_samples_of_their_own(model, ask):
    samples = model.generate([ask("zzz")] * 8, max_new_tokens=8, temperature=3.0, seed=1)
    assert len(set(texts(samples))) > 4


def test_streams_whole_characters(model, ask):
    pieces: list[str] = []
    (answer,) = model.generate(
        [ask("Delete the film Zoë saw.")], max_new_tokens=64, on_text=pieces.append
    )
    assert "".join(pieces) == answer.text
    assert len(pieces) > 5
    pieces.clear()
    model.generate([ask("Smile.")], max_new_tokens=8, on_text=pieces.append)
    assert pieces == ["😀"]


def test_an_error_while_streaming_leaves_the_model_usable(model, ask):
    def fail(text: str) -> None:
        raise RuntimeError("closed pipe")

    with pytest.raises(RuntimeError, match="closed pipe"):
        model.generate([ask("Find all people.")], max_new_tokens=9, on_text=fail)
    assert texts(model.generate([ask("Smile.")], max_new_tokens=9)) == ["😀"]


def test_no_prompts_no_answers(model):
    assert model.generate([], max_new_tokens=5) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_new_tokens": 0}, "at least 1"),
        ({"max_new_tokens": 5, "temperature": -1.0}, "temperature"),
        ({"max_new_tokens": 5, "on_text": print}, "one prompt"),
    ],
)
def test_refuses_what_makes_no_sense(model, ask, arguments, message):
    with pytest.raises(HeimdallError, match=message):
        model.generate([ask("a"), ask("b")], **arguments)


def test_refuses_an_empty_prompt_and_broken_unicode(model):
    with pytest.raises(ModelError, match="empty"):
        model.generate([""], max_new_tokens=5)
    with pytest.raises(ModelError, match="surrogate"):
        model.tokenize("\ud800")
