"""Queries that are wrong, with what the checker really finds in them, and the right ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heimdall_core.types import CheckRequest, Finding, lazy
from heimdall_gen_cypher.plans import PLANS
from heimdall_gen_cypher.plans.drawing import Draw
from heimdall_gen_cypher.plans.plan import Plan, PlanFamily
from heimdall_gen_cypher.plans.voice import Voice
from heimdall_gen_cypher.schema import Schema
from heimdall_gen_cypher.tasks import broken

#: Imported when it is first called, so that the plugin itself is there at once.
check = lazy("heimdall_lang_cypher.language:check")

_ASKED = (
    "Fix this query.",
    "This query fails. Correct it.",
    "Repair this Cypher query.",
    "What is the right form of this query?",
    "Correct the mistake in this query.",
)
_SAID = (
    "The checker says: {m}.",
    "It is refused with: {m}.",
    "Error at column {c}: {m}.",
    "Message: {m}.",
)
_MEANT = ("It should answer: {q}", "What was asked: {q}", "The question was: {q}", "Wanted: {q}")

#: Families whose queries are broken.
_SOURCES: tuple[PlanFamily, ...] = tuple(
    family
    for family in PLANS
    if family.name.startswith("plan_")
    and family.name not in ("plan_names", "plan_lists", "plan_profile", "plan_nodes")
)


def error_of(query: str, dialect: str, schema: Schema | None, *codes: str) -> Finding | None:
    """The first error that the checker finds (or finding of one of `codes`)."""
    request = CheckRequest(
        dialect=dialect, schema=None if schema is None else schema.json, performance=False
    )
    found: Sequence[Finding] = check(query, request)
    for finding in found:
        if finding.severity == "error" and (not codes or finding.code in codes):
            return finding
    return None


def _source(draw: Draw, voice: Voice, prefix: str = "") -> Plan | None:
    family = draw.one(_SOURCES)
    if draw.dialect not in family.dialects or not family.name.startswith(prefix):
        return None
    return family.make(draw, voice)


def _asked(draw: Draw, finding: Finding, question: str, *, always: bool = False) -> str:
    """The prompt: what to do, what the checker says, and what the query was to answer."""
    message = re.sub(r"\s+", " ", finding.message).rstrip(".")
    if finding.suggestion and draw.chance(0.3) and "instead" not in message:
        message = (
            f"{message} (did you mean {finding.suggestion}?)"
            if finding.kind == "schema"
            else message
        )
    parts = [draw.one(_ASKED)]
    if draw.chance(0.75):
        parts.append(draw.one(_SAID).format(m=message, c=finding.column))
    if always or draw.chance(0.5):
        parts.append(draw.one(_MEANT).format(q=question))
    return " ".join(parts)


def misspelt(draw: Draw, voice: Voice) -> Plan | None:
    """Syntax: a keyword, bracket, comma or arrow. The question stands beside it, for a query that
    does not parse may be mended in more than one way."""
    plan = _source(draw, voice)
    if plan is None:
        return None
    wrong = draw.one(broken.SYNTAX)(draw.rng, plan.query)
    if wrong is None or wrong == plan.query:
        return None
    finding = error_of(wrong, draw.dialect, None)
    if finding is None:
        return None
    return Plan(_asked(draw, finding, plan.prompt, always=True), plan.query, input=wrong)


def misnamed(draw: Draw, voice: Voice) -> Plan | None:
    """A label, type or property that the schema does not have."""
    plan = _source(draw, voice)
    if plan is None:
        return None
    wrong = broken.misname(draw.rng, plan.query, draw.schema)
    if wrong is None:
        return None
    codes = ("UnknownLabel", "UnknownRelationshipType", "UnknownProperty")
    finding = error_of(wrong, draw.dialect, draw.schema, *codes)
    if finding is None:
        return None
    return Plan(_asked(draw, finding, plan.prompt), plan.query, input=wrong)


def meant(draw: Draw, voice: Voice) -> Plan | None:
    """A variable out of scope, an aggregate in the wrong place."""
    how = draw.one(broken.MEANING)
    family = draw.one(_SOURCES)
    if how is not broken.unbound:
        family = next(f for f in _SOURCES if f.name == "plan_having")
    if draw.dialect not in family.dialects:
        return None
    plan = family.make(draw, voice)
    if plan is None:
        return None
    wrong = how(draw.rng, plan.query)
    if wrong is None:
        return None
    finding = error_of(wrong, draw.dialect, draw.schema)
    if finding is None or finding.kind != "semantics":
        return None
    return Plan(_asked(draw, finding, plan.prompt, always=True), plan.query, input=wrong)


_EXISTS = re.compile(r"(NOT )?EXISTS \{ MATCH ((?:[^{}']|'(?:[^'\\]|\\.)*'|\{[^{}]*\})+?) \}")
_RANGE = re.compile(r"(\w+\.\w+) >= (-?[\d.]+) AND \1 <= (-?[\d.]+)")


def rewritten(draw: Draw, voice: Voice) -> Plan | None:
    """What is right Cypher and NornicDB answers wrong: the query that it answers right."""
    name = draw.one(("plan_exists", "plan_exists", "plan_filter", "plan_one_hop"))
    family = next(f for f in _SOURCES if f.name == name)
    plan = family.make(draw, voice)
    if plan is None:
        return None
    if name == "plan_exists":
        found = _EXISTS.search(plan.query)
        if found is None or " WHERE " in found[2]:
            return None
        bare = draw.chance(0.6)
        inner = found[2] if bare else f"EXISTS {{ {found[2]} }}"
        wrong = f"{plan.query[: found.start()]}{found[1] or ''}{inner}{plan.query[found.end() :]}"
    else:
        found = _RANGE.search(plan.query)
        if found is None:
            return None
        chained = f"{found[2]} <= {found[1]} <= {found[3]}"
        wrong = f"{plan.query[: found.start()]}{chained}{plan.query[found.end() :]}"
    finding = error_of(wrong, "nornicdb", draw.schema)
    if finding is None or finding.kind != "dialect":
        return None
    message = finding.message.rstrip(".")
    lead = draw.one(
        (
            "NornicDB answers this query wrong. Rewrite it so that NornicDB answers it right.",
            "Rewrite this query for NornicDB.",
            "This query gives a wrong result on NornicDB. Give the form that works there.",
        )
    )
    told = f" The checker says: {message}." if draw.chance(0.7) else ""
    asked = f" {draw.one(_MEANT).format(q=plan.prompt)}" if draw.chance(0.4) else ""
    return Plan(f"{lead}{told}{asked}", plan.query, input=wrong)
