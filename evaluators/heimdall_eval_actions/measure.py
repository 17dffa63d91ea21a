"""One measurement per answer, from what NornicDB would do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Completion, EvaluateContext, Example, Language, Measurement
from heimdall_eval_actions.catalogue import ACTIONS
from heimdall_eval_actions.handler import Reply, read_answer
from heimdall_eval_actions.options import ActionsOptions


def measure(
    context: EvaluateContext, options: ActionsOptions | None = None
) -> Sequence[Measurement]:
    """1 where the answer makes the handler run the right action with the right parameters.

    Rows whose right answer is no action have no weight. Parameters are right where they mean the
    same: numbers by value, Cypher by its canonical form, and one that is left out or has the value
    that the handler would take anyway.
    """
    options = options or ActionsOptions()
    language = context.language("cypher")
    return [_row(example, completion, options, language) for example, completion in _pairs(context)]


def measure_shown(
    context: EvaluateContext, options: ActionsOptions | None = None
) -> Sequence[Measurement]:
    """1 where the user sees something: the outcome of a known action, or a text. Answers in a query
    language are for programs and have no weight."""
    options = options or ActionsOptions()
    found = []
    for example, completion in _pairs(context):
        if _is_query(example):
            found.append(_skipped(f"the answer is in '{example.language}'"))
            continue
        reply = _read(completion.text, options)
        shown = reply.kind in ("action", "text")
        found.append(Measurement(float(shown), detail=_detail(reply)))
    return found


def _pairs(context: EvaluateContext) -> list[tuple[Example, Completion]]:
    if len(context.completions) != len(context.examples):
        raise HeimdallError(
            f"{len(context.completions)} answers for {len(context.examples)} rows", where="actions"
        )
    return list(zip(context.examples, context.completions, strict=True))


def _row(
    example: Example, completion: Completion, options: ActionsOptions, language: Language | None
) -> Measurement:
    if _is_query(example):
        return _skipped(f"the answer is in '{example.language}'")
    known = (*options.known, read_answer(example.output, streaming=False).action)
    wanted = read_answer(example.output, streaming=False, known=known)
    if wanted.kind != "action":
        return _skipped("the right answer is no action")
    reply = _read(completion.text, options)
    if completion.finish != "stop":
        return Measurement(0.0, detail={**_detail(reply), "failure": "cut_off"})
    if reply.kind != "action" and reply.action != wanted.action:
        return Measurement(0.0, detail={**_detail(reply), "failure": reply.kind})
    if reply.action != wanted.action:
        why = f"'{reply.action}' instead of '{wanted.action}'"
        return Measurement(0.0, detail={"failure": "wrong_action", "why": why})
    if reply.kind == "missing_parameter":
        return Measurement(0.0, detail={**_detail(reply), "failure": reply.kind})
    wrong = _wrong_parameter(wanted, reply, language)
    if wrong:
        return Measurement(0.0, detail={"failure": "wrong_parameter", "why": wrong})
    return Measurement(1.0)


def _wrong_parameter(wanted: Reply, reply: Reply, language: Language | None) -> str:
    """The first parameter that differs, in words; '' where none does."""
    defaults: Mapping[str, Any] = (
        ACTIONS[wanted.action].optional if wanted.action in ACTIONS else {}
    )
    for name in sorted({*wanted.params, *reply.params}):
        one, other = (
            params.get(name, defaults.get(name)) for params in (wanted.params, reply.params)
        )
        if name == "cypher" and _same_query(one, other, language):
            continue
        if not _same(one, other):
            return f"{name}: {str(other)[:200]!r} instead of {str(one)[:200]!r}"
    return ""


def _same_query(one: Any, other: Any, language: Language | None) -> bool:
    if language is None or not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return language.normalise(one).canonical == language.normalise(other).canonical
    except HeimdallError:
        return False


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one; `10` and `10.0` are, `true` and `1` are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one.strip() == other.strip()
    return bool(one == other)


def _read(text: str, options: ActionsOptions) -> Reply:
    return read_answer(text, streaming=options.streaming, known=options.known)


def _is_query(example: Example) -> bool:
    return example.language == "cypher"


def _detail(reply: Reply) -> dict[str, Any]:
    detail = {"shown_as": reply.kind, "why": reply.why[:500]}
    return {key: value for key, value in detail.items() if value}


def _skipped(reason: str) -> Measurement:
    return Measurement(0.0, weight=0.0, detail={"skipped": reason})
