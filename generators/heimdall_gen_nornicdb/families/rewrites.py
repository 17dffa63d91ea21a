"""What NornicDB answers wrong or lacks, and the query that gives the same answer there."""

from __future__ import annotations

import random
from collections.abc import Callable

from heimdall_repo_nornicdb.rows.domains import Domain
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import domain, either
from heimdall_repo_nornicdb.rows.rewrites import REWRITES, Pair

CATEGORY = "nornicdb_rewrites"


def _drawing(
    make: Callable[[Domain, random.Random], Pair | None],
) -> Callable[[random.Random], Draft | None]:
    def draw(rng: random.Random) -> Draft | None:
        of = domain(rng)
        pair = make(of, rng)
        if pair is None:
            return None
        if rng.random() < 0.6:
            asked = either(
                rng,
                "NornicDB answers this query wrong or refuses it. Rewrite it.",
                "Make this work on NornicDB.",
                f"This uses {pair.word}. What do I send to NornicDB instead?",
                "Port this from Neo4j to NornicDB.",
                "The result on NornicDB is not what Neo4j gives. Mend the query.",
                *(["Rewrite for NornicDB with the same result."] if pair.same else []),
            )
            told = not pair.same or "$" in pair.right or rng.random() < 0.35
            wanted = f" Wanted: {pair.ask}." if told else ""
            return Draft(
                asked + wanted, pair.right, of.name, input=pair.wrong, meta={"wrong": pair.wrong}
            )
        asked = either(
            rng,
            f"Query for NornicDB, without {pair.word}: {pair.ask}.",
            f"On NornicDB {pair.word.split(',')[0]} does not work. How do I ask for {pair.ask}?",
            f"Write for NornicDB, avoiding {pair.word}: {pair.ask}.",
        )
        return Draft(asked, pair.right, of.name, meta={"wrong": pair.wrong})

    return draw


FAMILIES = tuple(
    Family(f"rewrite_{name}", CATEGORY, _drawing(make), weight) for name, make, weight in REWRITES
)
