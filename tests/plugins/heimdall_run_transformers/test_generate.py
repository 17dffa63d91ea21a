"""Answers: right, cut where they must be, and the same whatever they are batched with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tiny_models import LESSONS, build_model, edit_json
from transformers import AutoModelForCausalLM

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import messages_for, render_prompt
from heimdall_run_transformers import model as runtime
from heimdall_run_transformers.decode import TextStream
from heimdall_run_transformers.load import load
from heimdall_run_transformers.model import TransformersModel
from heimdall_run_transformers.options import TransformersOptions

PROMPTS = [render_prompt(messages_for(question)) for question, _ in LESSONS]
ANSWERS = [answer for _, answer in LESSONS]


def test_taught_answers_come_back(model: TransformersModel) -> None:
    completions = model.generate(PROMPTS, max_new_tokens=60)
    assert [c.text for c in completions] == ANSWERS
    assert {c.finish for c in completions} == {"stop"}
    # The end token is counted.
    assert [c.tokens for c in completions] == [len(model.tokenize(a)) + 1 for a in ANSWERS]
    assert all(c.seconds > 0 for c in completions)


def test_batch_size_does_not_change_answers(tmp_path: Path) -> None:
    """On random weights, where answers are long and nothing is certain; 33 prompts make a second
    batch of one."""
    path = build_model(tmp_path / "random", hidden=64, layers=1)
    prompts = [render_prompt(messages_for("x y " * n + "?")) for n in range(33)]
    answers = []
    for batch_size in (1, 32):
        with load(path, TransformersOptions(batch_size=batch_size, device="cpu")) as loaded:
            completions = loaded.generate(prompts, max_new_tokens=24)
            answers.append([(c.text, c.tokens, c.finish) for c in completions])
    assert answers[0] == answers[1]
    assert len({text for text, _, _ in answers[0]}) > 1  # not one degenerate answer


def test_a_batch_that_nobody_has_set_grows_where_the_model_is_small(
    model: TransformersModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def decoded(network: object, prompts: list[object], limits: object, **rest: object) -> object:
        sizes.append(len(prompts))
        return real(network, prompts, limits, **rest)  # type: ignore[arg-type]

    real = runtime.decode
    monkeypatch.setattr(runtime, "decode", decoded)
    monkeypatch.setattr(model, "batch_size", 0)
    prompts = [PROMPTS[0]] * 150
    model.generate(prompts, max_new_tokens=1)
    assert sizes == [128, 22]
    sizes.clear()
    monkeypatch.setattr(runtime, "_ROOM", 1)  # what more rows need does not fit
    model.generate(prompts[:40], max_new_tokens=1)
    assert sizes == [32, 8]


def test_agrees_with_the_librarys_own_decoding(taught: Path, model: TransformersModel) -> None:
    prompt = render_prompt(messages_for("An unknown question, about nothing."))
    reference = AutoModelForCausalLM.from_pretrained(taught)
    ids = torch.tensor([model.tokenize(prompt)])
    output = reference.generate(ids, max_new_tokens=20, do_sample=False)[0, ids.shape[1] :]
    (completion,) = model.generate([prompt], max_new_tokens=20)
    assert completion.tokens == len(output)
    assert completion.text == model.tokenizer.decode(output, skip_special_tokens=True)


def test_a_cut_answer_says_so(model: TransformersModel) -> None:
    (completion,) = model.generate(PROMPTS[:1], max_new_tokens=3)
    assert (completion.tokens, completion.finish) == (3, "length")
    assert ANSWERS[0].startswith(completion.text)


def test_an_end_token_on_the_last_place_is_a_stop(model: TransformersModel) -> None:
    length = len(model.tokenize(ANSWERS[0])) + 1
    (completion,) = model.generate(PROMPTS[:1], max_new_tokens=length)
    assert (completion.text, completion.finish) == (ANSWERS[0], "stop")


def test_the_models_own_end_token_stops(
    taught: Path, tmp_path: Path, model: TransformersModel
) -> None:
    third = model.tokenize(ANSWERS[0])[2]
    path = Path(shutil.copytree(taught, tmp_path / "own"))
    edit_json(path / "generation_config.json", eos_token_id=[third])
    with load(path, TransformersOptions(device="cpu")) as loaded:
        (completion,) = loaded.generate(PROMPTS[:1], max_new_tokens=60)
    assert (completion.tokens, completion.finish) == (3, "stop")
    assert ANSWERS[0].startswith(completion.text)


def test_a_full_context_ends_the_answer(tmp_path: Path, model: TransformersModel) -> None:
    prompt = PROMPTS[2]
    room = 5
    context = len(model.tokenize(prompt)) + room
    path = build_model(tmp_path / "small", hidden=64, layers=1, context=context)
    too_long = render_prompt(messages_for("x " * context))
    with load(path, TransformersOptions(device="cpu")) as loaded:
        cut, empty, length = loaded.generate([prompt, too_long, prompt], max_new_tokens=room + 1)
        assert (cut.tokens, cut.finish) == (room, "context")
        assert (empty.text, empty.tokens, empty.finish) == ("", 0, "context")
        assert length == cut or length.text == cut.text
        (exact,) = loaded.generate([prompt], max_new_tokens=room)
        assert (exact.tokens, exact.finish) == (room, "length")


def test_sampling_follows_its_seed(model: TransformersModel) -> None:
    prompt = render_prompt(messages_for("Say anything."))

    def sample(seed: int, temperature: float = 3.0) -> str:
        options = {"max_new_tokens": 12, "temperature": temperature, "seed": seed}
        return model.generate([prompt], **options)[0].text  # type: ignore[arg-type]

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(5)}) == 5
    (greedy,) = model.generate([prompt], max_new_tokens=12)
    assert sample(3, temperature=1e-4) == greedy.text


def test_a_sampled_answer_does_not_depend_on_its_batch(
    taught: Path, model: TransformersModel
) -> None:
    settings = {"max_new_tokens": 10, "temperature": 2.0, "seed": 5}
    together = model.generate(PROMPTS, **settings)  # type: ignore[arg-type]
    with load(taught, TransformersOptions(batch_size=1, device="cpu")) as single:
        apart = single.generate(PROMPTS, **settings)  # type: ignore[arg-type]
    assert [c.text for c in together] == [c.text for c in apart]
    same_prompt = model.generate(PROMPTS[:1] * 4, **settings)  # type: ignore[arg-type]
    assert len({c.text for c in same_prompt}) == 4  # a stream of its own for each


def test_streamed_pieces_make_the_answer(model: TransformersModel) -> None:
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        pieces: list[str] = []
        model.generate([prompt], max_new_tokens=60, on_text=pieces.append)
        assert "".join(pieces) == answer


def test_a_character_of_several_tokens_is_shown_when_it_is_whole() -> None:
    """One token per byte: the emoji's four come one at a time."""
    text = "aé😀b"
    pieces: list[str] = []
    stream = TextStream(lambda ids: bytes(ids).decode("utf-8", "replace"), pieces.append)
    tokens = list(text.encode())
    for end in range(1, len(tokens) + 1):
        stream.show(tokens[:end], done=end == len(tokens))
    assert pieces == list(text)


def test_an_answer_cut_inside_a_character_is_still_shown() -> None:
    pieces: list[str] = []
    stream = TextStream(lambda ids: bytes(ids).decode("utf-8", "replace"), pieces.append)
    stream.show(b"a", done=False)
    stream.show("aé".encode()[:2], done=True)
    assert pieces == ["a", "\ufffd"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grammar": 'root ::= "a"'}, "grammar"),
        ({"on_text": lambda text: None}, "one prompt"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
    ],
)
def test_what_cannot_be_done_is_refused(
    model: TransformersModel, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(HeimdallError, match=message):
        model.generate(PROMPTS[:2], **{"max_new_tokens": 4, **settings})  # type: ignore[arg-type]


def test_no_prompts_no_answers(model: TransformersModel) -> None:
    assert model.generate([], max_new_tokens=4) == []
