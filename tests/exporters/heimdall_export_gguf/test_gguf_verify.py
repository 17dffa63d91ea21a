"""The proof passes for the right file, and each check fails for the fault it is there for."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import torch
from tiny_models import LESSONS, build_model

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import SPECIAL_TOKENS, normalise_text
from heimdall_core.types import Check, Example, ExportContext, VerifyContext
from heimdall_export_gguf import export as exporter
from heimdall_export_gguf import verify as proof
from heimdall_export_gguf.probe_texts import QUESTIONS, probe_texts
from heimdall_export_gguf.quant_types import canonical_type
from heimdall_export_gguf.verify import divergence, prompt_of, verify
from heimdall_export_gguf.write import Plan, write_float
from heimdall_run_llamacpp.load import load as load_gguf
from heimdall_run_transformers.load import load as load_directory

EXAMPLES = tuple(Example(question, output=answer) for question, answer in LESSONS)


def prove(model: Path, artefact: Path, **changes: object) -> dict[str, Check]:
    context = VerifyContext(model, artefact, EXAMPLES, texts=60, answers=8, max_new_tokens=40)
    return {check.name: check for check in verify(attrs.evolve(context, **changes))}


@pytest.fixture
def forge(taught_model: Path, tmp_path: Path):
    """Writes the taught model with a changed plan: `forge(vocabulary={"pad": 3})`."""

    def write(vocabulary: dict[str, object] | None = None, swap: tuple[str, str] | None = None):
        plan: Plan = exporter._plan(ExportContext(taught_model, tmp_path))
        if vocabulary:
            changed = attrs.evolve(plan.vocabulary, **vocabulary)
            plan = attrs.evolve(plan, vocabulary=changed)
        if swap:
            stored = dict(plan.tensors)
            one, other = swap
            stored[one], stored[other] = stored[other], stored[one]
            plan = attrs.evolve(plan, tensors=list(stored.items()))
        path = tmp_path / "forged.gguf"
        write_float(plan, path, canonical_type("F16"), lambda done: None)
        return plan, path

    return write


def test_the_right_file_passes_every_check(taught_model, taught_gguf):
    checks = prove(taught_model, taught_gguf, texts=200)
    assert list(checks) == ["token ids", "prompt", "special tokens", "answers", "distributions"]
    assert all(check.passed for check in checks.values()), checks
    assert int(checks["token ids"].detail.split()[0]) > 120
    assert checks["answers"].detail == "8 of 8 greedy answers are the same (F16)"


def test_without_examples_it_asks_questions_of_its_own(taught_model, taught_gguf):
    checks = prove(taught_model, taught_gguf, examples=(), answers=50, max_new_tokens=12)
    assert all(check.passed for check in checks.values()), checks
    assert "of 50 greedy answers" in checks["answers"].detail


def test_nothing_compared_is_nothing_proved(taught_model, taught_gguf):
    long = Example("word " * 400, output="x")
    checks = prove(taught_model, taught_gguf, examples=(long,))
    assert not checks["answers"].passed
    assert not checks["distributions"].passed
    checks = prove(taught_model, taught_gguf, examples=(long, *EXAMPLES))
    assert checks["answers"].detail.startswith("8 of 8")


def test_pytorchs_threads_are_left_as_they_were(taught_model, taught_gguf):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    prove(taught_model, taught_gguf, texts=5, answers=1)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_of_a_quantised_file_the_share_of_equal_answers_is_told(
    taught_model, tmp_path, monkeypatch
):
    from heimdall_export_gguf.options import GGUFOptions

    (artefact,) = exporter.export(
        ExportContext(taught_model, tmp_path / "out"), GGUFOptions(quant_types=("Q4_K_M",))
    )
    checks = prove(taught_model, artefact.path)
    assert all(check.passed for check in checks.values()), checks
    assert checks["answers"].detail.endswith("of 8 greedy answers are the same (Q4_K_M)")
    assert "mean KL divergence" in checks["distributions"].detail


def test_another_models_file_fails_in_answers_and_distributions(taught_model, tmp_path):
    other = build_model(tmp_path / "other")
    plan = exporter._plan(ExportContext(other, tmp_path))
    write_float(plan, tmp_path / "other.gguf", "F16", lambda done: None)
    checks = prove(taught_model, tmp_path / "other.gguf")
    assert [name for name, check in checks.items() if not check.passed] == [
        "answers",
        "distributions",
    ]


def test_answers_that_part_at_a_tie_are_the_models_own(
    taught_model, taught_gguf, tmp_path, monkeypatch
):
    other = build_model(tmp_path / "other")
    plan = exporter._plan(ExportContext(other, tmp_path))
    write_float(plan, tmp_path / "other.gguf", "F16", lambda done: None)
    assert not prove(taught_model, tmp_path / "other.gguf", max_new_tokens=1)["answers"].passed
    monkeypatch.setattr(proof, "_TIE", 1e9)
    check = prove(taught_model, tmp_path / "other.gguf", max_new_tokens=1)["answers"]
    assert check.passed
    assert "8 part where two tokens are equally likely" in check.detail
    prompt = prompt_of(EXAMPLES[0])
    with load_directory(taught_model) as theirs, load_gguf(tmp_path / "other.gguf") as ours:
        context = VerifyContext(taught_model, taught_gguf, EXAMPLES, max_new_tokens=1)
        pair = proof._Pair(theirs, ours, EXAMPLES, context, "F16")
        logits = theirs.logits(prompt)
        ((token,),) = ours.generate_ids([prompt], max_new_tokens=1)
        expected = max(logits) - logits[token]
        assert expected > 1
        assert proof._margin(pair, prompt) == pytest.approx(expected, abs=1e-3)


def test_swapped_tensors_are_found(taught_model, forge):
    _, path = forge(swap=("blk.0.attn_v.bias", "blk.1.attn_v.bias"))
    assert not prove(taught_model, path)["distributions"].passed


def test_other_merges_are_found_in_the_token_ids(taught_model, forge):
    plan, _ = forge()
    merges = plan.vocabulary.merges
    _, path = forge(vocabulary={"merges": merges[::-1]})
    check = prove(taught_model, path)["token ids"]
    assert not check.passed
    assert "texts differ" in check.detail


def test_another_template_is_found(taught_model, forge):
    _, path = forge(vocabulary={"chat_template": "{{ messages[0]['content'] }}"})
    check = prove(taught_model, path)["prompt"]
    assert not check.passed
    assert check.detail.startswith("the GGUF's template renders")
    _, path = forge(vocabulary={"chat_template": "{% broken"})
    assert not prove(taught_model, path)["prompt"].passed


def test_a_template_cannot_run_code(taught_model, forge):
    _, path = forge(vocabulary={"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"})
    check = prove(taught_model, path)["prompt"]
    assert not check.passed
    assert "not a template" in check.detail


@pytest.mark.parametrize("kind", [1, 4])  # an ordinary token, a user-defined one
def test_markers_that_are_plain_text_are_found(taught_model, forge, kind):
    plan, _ = forge()
    types = list(plan.vocabulary.types)
    types[1] = kind  # <|im_start|>
    _, path = forge(vocabulary={"types": tuple(types)})
    check = prove(taught_model, path)["special tokens"]
    assert not check.passed
    assert "<|im_start|> is not a single control token" in check.detail


def test_another_end_token_is_found(taught_model, forge):
    _, path = forge(vocabulary={"eos": 0})
    check = prove(taught_model, path)["special tokens"]
    assert not check.passed
    assert "<|im_end|> is token 2, but the answer ends at 0" in check.detail


def test_a_broken_file_is_a_failed_check_not_an_error(taught_model, taught_gguf, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(taught_gguf.read_bytes()[:5000])
    checks = prove(taught_model, cut)
    assert list(checks) == ["file"]
    assert not checks["file"].passed


def test_a_broken_model_directory_is_an_error(taught_gguf, tmp_path):
    with pytest.raises(HeimdallError):
        prove(tmp_path, taught_gguf)


def test_divergence_is_that_of_the_definition():
    # p = (1/2, 1/2), q = (1/4, 3/4): ½·ln 2 + ½·ln ⅔
    assert divergence([0.0, 0.0], [0.0, 1.0986122886681098]) == pytest.approx(0.1438410362)
    assert divergence([3.0, 1.0, -2.0], [5.0, 3.0, 0.0]) == pytest.approx(0, abs=1e-12)
    assert divergence([1.0], [1.0, 2.0]) == float("inf")


def test_probe_texts_are_nfc_many_and_hold_the_examples():
    texts = probe_texts(EXAMPLES * 40, 200)
    assert len(texts) == len(set(texts)) >= 110
    assert all(text == normalise_text(text) for text in texts)
    assert any("Find all people." in text for text in texts)
    for needed in (
        *SPECIAL_TOKENS,
        "Ж",
        "Σ",
        "ש",
        "ع",
        "न",
        "ส",
        "我",
        "한",
        "👩‍👩‍👧‍👦",
        "\r\n",
        "١٢٣",
    ):
        assert any(needed in text for text in texts), needed
    many = [Example(f"Question {n}", output=f"Answer {n}") for n in range(300)]
    texts = probe_texts(many, 200)
    assert len(texts) == 200
    assert sum("Question" in text for text in texts) > 20
    assert len(probe_texts([], 10)) == 10
    assert len({question.instruction for question in QUESTIONS}) == 50
