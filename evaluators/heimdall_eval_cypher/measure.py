"""One measurement per answer, from what the language `cypher` finds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import (
    CheckRequest,
    EvaluateContext,
    Example,
    Finding,
    Json,
    Language,
    Measurement,
)
from heimdall_eval_cypher.options import CypherOptions

LANGUAGE = "cypher"


#: `judge(findings)`: the measurement of one answer that holds a query.
Judge = Callable[[Sequence[Finding]], Measurement]


def measure_syntax(context: EvaluateContext, options: CypherOptions) -> Sequence[Measurement]:
    """1 for an answer that parses, 0 for one that does not or holds no query."""

    def judge(findings: Sequence[Finding]) -> Measurement:
        return _verdict([each for each in _errors(findings) if each.kind == "syntax"])

    return _measure(context, options, judge, no_query=Measurement(0.0, detail={"no_query": True}))


def measure_semantics(context: EvaluateContext, options: CypherOptions) -> Sequence[Measurement]:
    """1 for an answer without any error: syntax, scopes, types, and the names and types of the
    row's graph schema, where it names one."""

    def judge(findings: Sequence[Finding]) -> Measurement:
        return _verdict(_errors(findings))

    return _measure(context, options, judge, no_query=Measurement(0.0, detail={"no_query": True}))


def measure_performance(context: EvaluateContext, options: CypherOptions) -> Sequence[Measurement]:
    """1 for an answer without a performance warning, 0 for one with any; advice (`info`) does not
    count. An answer that is no query or does not parse says nothing about performance and has no
    weight."""

    def judge(findings: Sequence[Finding]) -> Measurement:
        if any(each.kind == "syntax" for each in _errors(findings)):
            return Measurement(0.0, weight=0.0, detail={"skipped": "does not parse"})
        slow = [each for each in findings if each.kind == "performance"]
        return _verdict([each for each in slow if each.severity != "info"])

    skipped = Measurement(0.0, weight=0.0, detail={"skipped": "no query"})
    return _measure(context, options, judge, no_query=skipped, performance=True)


def _measure(
    context: EvaluateContext,
    options: CypherOptions,
    judge: Judge,
    *,
    no_query: Measurement,
    performance: bool = False,
) -> Sequence[Measurement]:
    language = _language(context, options)
    measurements = []
    for example, completion in zip(context.examples, context.completions, strict=True):
        if example.language != LANGUAGE:
            detail = {"skipped": f"language is '{example.language}'"}
            measurements.append(Measurement(0.0, weight=0.0, detail=detail))
            continue
        query = language.extract(completion.text)
        if not query:
            measurements.append(no_query)
            continue
        request = CheckRequest(
            dialect=options.dialect, schema=_schema(context, example), performance=performance
        )
        found = judge(language.check(query, request))
        measurements.append(_placed(found, completion.text.find(query)))
    return measurements


def _placed(found: Measurement, offset: int) -> Measurement:
    """With the place of the query in the answer, where it does not begin it."""
    if not found.detail or offset <= 0:
        return found
    return attrs.evolve(found, detail={**found.detail, "offset": offset})


def _language(context: EvaluateContext, options: CypherOptions) -> Language:
    language = context.language(LANGUAGE)
    if language is None:
        raise HeimdallError(
            "the Cypher evaluators need the language plugin 'lang-cypher'",
            hint="install heimdall-slm with its own plugins, or do not block it",
        )
    if options.dialect and options.dialect not in language.dialects:
        hint = did_you_mean(options.dialect, language.dialects)
        raise HeimdallError(f"unknown dialect '{options.dialect}'", hint=hint)
    return language


def _schema(context: EvaluateContext, example: Example) -> Json | None:
    """The graph schema that a row names; None where it names none or an unknown one."""
    return context.schemas.get(example.schema) if example.schema else None


def _errors(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.severity == "error"]


def _verdict(problems: Sequence[Finding]) -> Measurement:
    detail = {
        "findings": [
            {
                "code": each.code,
                "message": each.message,
                "severity": each.severity,
                "line": each.line,
                "column": each.column,
                "end_line": each.end_line,
                "end_column": each.end_column,
            }
            for each in problems
        ]
    }
    return Measurement(0.0 if problems else 1.0, detail=detail if problems else {})
