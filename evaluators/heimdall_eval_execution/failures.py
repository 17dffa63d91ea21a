"""Why an answer is wrong: one word of a short list, from its text and the reference's alone.

Both queries are brought into their canonical form first, so that spelling, names of variables and
the place of a condition make no difference. What differs first, in the order of `KINDS`, is the
cause: a query over the wrong pattern has wrong conditions, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

from attrs import frozen

from heimdall_core.types import CheckRequest, Finding, Json
from heimdall_eval_execution.parts import Parts, parts_of
from heimdall_eval_execution.reference import writes
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

Kind = Literal[
    "empty",
    "does_not_parse",
    "writes",
    "unknown_name",
    "wrong_direction",
    "wrong_pattern",
    "wrong_aggregation",
    "wrong_filter",
    "wrong_projection",
    "wrong_order",
    "fails",
    "timeout",
    "other",
]
#: All causes, the first that applies is given.
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_UNKNOWN = frozenset(
    (
        "ProcedureNotFound",
        "UndefinedVariable",
        "UnknownFunction",
        "UnknownLabel",
        "UnknownProperty",
        "UnknownRelationshipType",
        "UnknownYieldColumn",
    )
)


@frozen
class Failure:
    """Why an answer is wrong."""

    kind: Kind
    detail: str = ""
    """What differs, in words."""


def explain(reference: str, answer: str, schema: Json | None = None) -> Failure:
    """The cause of a wrong `answer`, a query or ''. `other` where the two queries differ in
    nothing that is looked at."""
    if not answer.strip():
        return Failure("empty", "no query in the answer")
    findings = check(answer, CheckRequest(dialect="neo4j5", schema=schema, performance=False))
    errors = [each for each in findings if each.severity == "error"]
    if problem := _first(errors, "syntax"):
        return Failure("does_not_parse", problem.message)
    if writes(answer) and not writes(reference):
        return Failure("writes", "the question asks for a query that only reads")
    # A function may come with a database's own plugins, so that it is no error by itself.
    unknown = [
        each
        for each in findings
        if each.code in _UNKNOWN and (each.severity == "error" or each.code == "UnknownFunction")
    ]
    if unknown:
        return Failure("unknown_name", unknown[0].message)
    try:
        wanted, found = parts_of(reference), parts_of(answer)
    except CypherSyntaxError as error:
        return Failure("does_not_parse", str(error))
    return compare(wanted, found)


def compare(wanted: Parts, found: Parts) -> Failure:
    """The first part in which two queries differ."""
    if wanted.undirected == found.undirected and wanted.directed != found.directed:
        return Failure("wrong_direction", _difference(wanted.directed, found.directed))
    if turned := wanted.turned(found):
        return Failure("wrong_direction", turned)
    if not wanted.same_pattern(found):
        return Failure("wrong_pattern", _difference(wanted.pattern, found.pattern))
    if wanted.aggregates != found.aggregates:
        return Failure("wrong_aggregation", _difference(wanted.aggregates, found.aggregates))
    if wanted.filters != found.filters:
        return Failure("wrong_filter", _difference(wanted.filters, found.filters))
    if wanted.items != found.items:
        # A grouping key is a column as well; of two aggregating queries it makes other groups.
        kind: Kind = "wrong_aggregation" if wanted.grouped else "wrong_projection"
        return Failure(kind, _difference(wanted.items, found.items))
    if wanted.order != found.order:
        return Failure("wrong_order", f"{wanted.order or 'no order'} ≠ {found.order or 'no order'}")
    if wanted.sequence != found.sequence:
        return Failure("wrong_projection", "the columns stand in another order")
    if wanted.changes != found.changes:
        return Failure("wrong_projection", _difference(wanted.changes, found.changes))
    return Failure("other", "the same parts, put together in another way")


def _difference(wanted: Sequence[str], found: Sequence[str]) -> str:
    missing = [each for each in wanted if each not in found]
    extra = [each for each in found if each not in wanted]
    parts = []
    if missing:
        parts.append("missing: " + ", ".join(missing))
    if extra:
        parts.append("instead: " + ", ".join(extra))
    return "; ".join(parts) or "as often as it should be not"


def _first(findings: Sequence[Finding], kind: str) -> Finding | None:
    return next((each for each in findings if each.kind == kind), None)
