"""Rows over the queries that a checkout holds: its documentation and its test suite.

A row asks for the plan of such a query, or for the action that runs it; the query stands in the
prompt, so the answer follows. Queries that the dialect's check refuses are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from heimdall_core.types import CheckRequest, Finding
from heimdall_repo_nornicdb.checkout.sources import Snippet, is_template
from heimdall_repo_nornicdb.rows.families import Draft, Family

CATEGORY = "nornicdb_checkout"
_LONGEST = 600


def usable(
    snippets: Sequence[Snippet], check: Callable[[str, CheckRequest], Sequence[Finding]]
) -> Iterator[Snippet]:
    """The snippets that are one statement which the dialect accepts, each text once."""
    seen: set[str] = set()
    for snippet in snippets:
        text = " ".join(_without_comments(snippet.text).split())
        if text in seen or len(text) > _LONGEST or ";" in text.rstrip(";") or is_template(text):
            continue
        text = text.rstrip("; ")
        seen.add(text)
        if not text or text.upper().startswith(("EXPLAIN", "PROFILE")):
            continue
        request = CheckRequest(dialect="nornicdb", performance=False)
        if not any(f.severity == "error" for f in check(text, request)):
            yield Snippet(text, snippet.path, snippet.line)


def families(snippets: Sequence[Snippet], weight: float) -> tuple[Family, ...]:
    """Families over usable snippets; empty where there is none."""
    if not snippets:
        return ()

    def plan(rng: random.Random) -> Draft:
        snippet = rng.choice(snippets)
        word, asked = rng.choice(
            (
                ("EXPLAIN", "Show the plan of this query without running it."),
                ("EXPLAIN", "How would NornicDB plan this?"),
                ("PROFILE", "Run this query and show its measured plan."),
                ("PROFILE", "Measure this query."),
            )
        )
        return Draft(
            asked,
            f"{word} {snippet.text}",
            input=snippet.text,
            meta={"checkout": f"{snippet.path}:{snippet.line}"},
        )

    return (Family("plan_of_checkout_query", CATEGORY, plan, weight),)


def _without_comments(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("//"))
    return "\n".join(line.split(" //")[0] for line in lines)
