"""What a query does, in a sentence that its plan determines."""

from __future__ import annotations

from heimdall_gen_cypher.plans import PLANS
from heimdall_gen_cypher.plans.drawing import Draw
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.voice import Voice

#: Families whose plans say what their query does, by how often they are drawn.
_SOURCES = (
    ("plan_filter", 4),
    ("plan_sorted", 4),
    ("plan_one_hop", 5),
    ("plan_two_hops", 4),
    ("plan_three_hops", 2),
    ("plan_exists", 4),
    ("plan_having", 4),
    ("plan_count", 2),
    ("plan_measure", 2),
    ("plan_group", 4),
    ("plan_relationship", 2),
    ("plan_reach", 2),
    ("plan_branches", 1),
    ("plan_profile", 1),
)
_ASKED = (
    "What does this query do?",
    "Explain this Cypher query.",
    "Say in a sentence what this query returns.",
    "What is this query for?",
    "Describe what the following query does.",
    "explain this query",
)
_FAMILIES = {family.name: family for family in PLANS}


def explained(draw: Draw, voice: Voice) -> Plan | None:
    """A query, and what it does."""
    names, weights = zip(*_SOURCES, strict=True)
    family = _FAMILIES[draw.rng.choices(names, weights)[0]]
    if draw.dialect not in family.dialects:
        return None
    plan = family.make(draw, voice)
    if plan is None or not plan.explanation:
        return None
    return Plan(
        draw.one(_ASKED),
        plan.query,
        input=plan.query,
        output=plan.explanation,
        source=family.name,
    )
