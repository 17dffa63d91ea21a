"""EXPLAIN and PROFILE, and reading the plan that NornicDB gives."""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.families import Draft, Family, prose
from heimdall_repo_nornicdb.rows.names import domain, either
from heimdall_repo_nornicdb.rows.plans import explain, operators
from heimdall_repo_nornicdb.rows.queries import sample
from heimdall_repo_nornicdb.rows.slots import operators as meanings

CATEGORY = "nornicdb_plans"


def _plan(rng: random.Random) -> Draft:
    of = domain(rng)
    found = sample(of, rng)
    if rng.random() < 0.55:
        asked = either(
            rng,
            f"Show the plan, without running it, of the query for {found.ask}.",
            f"EXPLAIN the query for {found.ask}.",
            f"How would NornicDB plan the query for {found.ask}?",
            f"plan only: {found.ask}",
        )
        return Draft(asked, f"EXPLAIN {found.cypher}", of.name)
    asked = either(
        rng,
        f"Run the query for {found.ask} with its measured plan.",
        f"PROFILE the query for {found.ask}.",
        f"How long does the query for {found.ask} take, and where? Have it measured.",
        f"profile: {found.ask}",
    )
    return Draft(asked, f"PROFILE {found.cypher}", of.name)


def _given(rng: random.Random) -> Draft:
    of = domain(rng)
    found = sample(of, rng)
    word, asked = rng.choice(
        (
            ("EXPLAIN", "Show the plan of this query without running it."),
            ("EXPLAIN", "How would NornicDB plan this?"),
            ("PROFILE", "Run this query and show its measured plan."),
            ("PROFILE", "Measure this query."),
        )
    )
    return Draft(asked, f"{word} {found.cypher}", of.name, input=found.cypher)


def _read(rng: random.Random) -> Draft:
    of = domain(rng)
    found = sample(of, rng)
    if "EXISTS" in found.cypher or "*1.." in found.cypher:
        return _plan(rng)
    steps = operators(found.cypher)
    scan, description, rows = steps[-1]
    asked = either(
        rng,
        "Where does this plan begin, and what does that mean?",
        "Explain the first step of this plan of NornicDB.",
        "What does the lowest operator of this plan do?",
    )
    answer = (
        f"It begins with {scan} ({description}): it {meanings()[scan]}. "
        f"{len(steps) - 1} operators follow up to {steps[0][0]}, which {meanings()[steps[0][0]]}."
    )
    meta = {"estimated_rows": rows}
    return prose(
        asked,
        answer,
        f"operators:{scan}+{steps[0][0]}",
        input=f"EXPLAIN {found.cypher}\n{explain(found.cypher)}",
        meta=meta,
    )


FAMILIES = (
    Family("plan_of_question", CATEGORY, _plan, 2.0),
    Family("plan_of_query", CATEGORY, _given, 1.6),
    Family("read_plan", CATEGORY, _read, 0.4),
)
