"""Compares each answer with the one right answer, in three ways that are told apart."""

from __future__ import annotations

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import normalise_text
from heimdall_core.types import Completion, EvaluateContext, Example, Language, Measurement
from heimdall_eval_exact_match.options import ExactMatchOptions, Mode


def measure(
    context: EvaluateContext, options: ExactMatchOptions | None = None
) -> list[Measurement]:
    """1 for an answer that matches by the chosen mode, 0 for one that does not.

    An answer that was cut off is wrong, even where it is right up to there: served, the model
    would have gone on. `detail` holds `raw`, `whitespace` and `canonical` (1, 0, or None where
    there is no language to ask), and `by`: the mode that gave the value.
    """
    mode = (options or ExactMatchOptions()).mode
    if len(context.completions) != len(context.examples):
        raise HeimdallError(
            f"{len(context.completions)} answers for {len(context.examples)} rows",
            where="exact_match",
        )
    return [
        _compare(example, completion, context.language(example.language), mode)
        for example, completion in zip(context.examples, context.completions, strict=True)
    ]


def _compare(
    example: Example, completion: Completion, language: Language | None, mode: Mode
) -> Measurement:
    # The contract renders NFC alone, so that is what a model can have learnt.
    expected = normalise_text(example.output)
    ended = completion.finish == "stop"
    raw = ended and completion.text == expected
    spaced = ended and _spaced(completion.text) == _spaced(expected)
    canonical: bool | None = None
    if language is not None:
        canonical = raw or (ended and _same_meaning(expected, completion.text, language))
    by: Mode = "whitespace" if mode == "canonical" and canonical is None else mode
    found = {"raw": raw, "whitespace": spaced, "canonical": canonical}
    return Measurement(
        value=float(found[by] or 0),
        detail={
            **{name: None if value is None else int(value) for name, value in found.items()},
            "by": by,
        },
    )


def _spaced(text: str) -> str:
    """With runs of whitespace as one space, those inside a string literal included."""
    return " ".join(text.split())


def _same_meaning(expected: str, answer: str, language: Language) -> bool | None:
    """Whether both have one canonical form; None where the right answer has none."""
    try:
        wanted = language.normalise(expected).canonical
    except HeimdallError:
        return None
    try:
        return language.normalise(answer).canonical == wanted
    except HeimdallError:
        return False
