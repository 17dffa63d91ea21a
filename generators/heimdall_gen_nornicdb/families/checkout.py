"""Rows over the queries that a checkout holds: its documentation and its test suite.

The facts of such a row are certain, because they follow from the query alone: what it does, in the
describer's words, which name every value, direction and order; the query that those words ask for;
its plan; and the query itself again, where it was spoilt in a way that has one remedy. Queries that
the dialect's check refuses are left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

from heimdall_core.errors import HeimdallError
from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.describe import describe
from heimdall_repo_nornicdb.checkout.sources import Snippet, is_template
from heimdall_repo_nornicdb.rows.families import Draft, Family, prose

CATEGORY = "nornicdb_checkout"
#: The graph of these queries, which nobody has described: they are checked without its names.
SCHEMA = "checkout"
_LONGEST = 600
#: Longer descriptions are no questions that anybody asks.
_LONGEST_QUESTION = 400

_PLANS = (
    ("EXPLAIN", "Show the plan of this query without running it."),
    ("EXPLAIN", "How would NornicDB plan this?"),
    ("PROFILE", "Run this query and show its measured plan."),
    ("PROFILE", "Measure this query."),
)
_WRITE = ("{}", "Write this for NornicDB: {}", "Cypher, please: {}", "Which query does this? {}")
_DESCRIBE = (
    "What does this query do?",
    "Explain this query.",
    "Describe in words what this does.",
    "What does this do, step by step?",
)
_FIX = (
    "This does not parse. Fix it.",
    "Fix this query.",
    "This is no valid Cypher. What is right?",
    "Correct the mistake in this query.",
)
_KEYWORD = re.compile(r"\b(MATCH|RETURN|WHERE|CREATE|MERGE|UNWIND|LIMIT|DELETE)\b")
_QUOTED = re.compile(r"`[^`]*`")

Check = Callable[[str, CheckRequest], Sequence[Finding]]


def usable(snippets: Sequence[Snippet], check: Check) -> Iterator[Snippet]:
    """The snippets, or else their paragraphs, that are one statement which the dialect accepts
    without a warning (of a function that no server has, say), each text once."""
    seen: set[str] = set()
    for whole in snippets:
        for snippet in (whole, *_paragraphs(whole)):
            text = " ".join(_without_comments(snippet.text).split()).rstrip("; ")
            if not text or len(text) > _LONGEST or ";" in text or is_template(text):
                continue
            if text.upper().startswith(("EXPLAIN", "PROFILE")):
                continue
            good = text in seen or not _severities(text, check) & {"error", "warning"}
            if good and text not in seen:
                seen.add(text)
                yield Snippet(text, snippet.path, snippet.line)
            if good and snippet is whole:
                break


def families(snippets: Sequence[Snippet], check: Check) -> tuple[Family, ...]:
    """Families over usable snippets, of weights that come to 1; empty where there is none."""
    if not snippets:
        return ()

    def plan(rng: random.Random) -> Draft:
        snippet = rng.choice(snippets)
        word, asked = rng.choice(_PLANS)
        return Draft(asked, f"{word} {snippet.text}", SCHEMA, snippet.text, meta=_place(snippet))

    def write(rng: random.Random) -> Draft | None:
        snippet = rng.choice(snippets)
        text = in_words(snippet.text)
        if not text or len(text) > _LONGEST_QUESTION or _mostly_code(text):
            return None
        return Draft(rng.choice(_WRITE).format(text), snippet.text, SCHEMA, meta=_place(snippet))

    def explain(rng: random.Random) -> Draft | None:
        snippet = rng.choice(snippets)
        text = in_words(snippet.text)
        if not text:
            return None
        fact = f"{snippet.path}:{snippet.line}"
        return prose(rng.choice(_DESCRIBE), text, fact, input=snippet.text, meta=_place(snippet))

    def fix(rng: random.Random) -> Draft | None:
        snippet = rng.choice(snippets)
        spoilt = spoil(snippet.text, rng)
        if not spoilt or "error" not in _severities(spoilt, check):
            return None
        return Draft(rng.choice(_FIX), snippet.text, SCHEMA, spoilt, meta=_place(snippet))

    return (
        Family("plan_of_checkout_query", CATEGORY, plan, 0.2),
        Family("checkout_query", CATEGORY, write, 0.35),
        Family("checkout_query_in_words", CATEGORY, explain, 0.25),
        Family("checkout_query_mended", CATEGORY, fix, 0.2),
    )


def in_words(query: str) -> str:
    """What a query does; empty where the describer would have to quote it."""
    try:
        text = describe(query)
    except HeimdallError:
        return ""
    return "" if "un `" in text else text


def _mostly_code(text: str) -> bool:
    """Whether a question would give its answer away."""
    return sum(map(len, _QUOTED.findall(text))) > 0.4 * len(text)


def spoil(query: str, rng: random.Random) -> str:
    """The query with one mistake that has one remedy: two letters of a keyword changed places, the
    last bracket lost, a comma too many, or `==`. Empty where this one does not apply."""
    match rng.randrange(4):
        case 0:
            places = [m for m in _KEYWORD.finditer(query) if _outside(query, m.start())]
            if not places:
                return ""
            found = rng.choice(places)
            word, at = found[0], rng.randrange(1, len(found[0]) - 1)
            changed = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            return (
                "" if changed == word else query[: found.start()] + changed + query[found.end() :]
            )
        case 1:
            return query[:-1] if query.endswith((")", "]", "}")) else ""
        case 2:
            at = query.rfind(", ")
            return f"{query[:at]},{query[at:]}" if at > 0 and _outside(query, at) else ""
        case _:
            at = query.find(" = ", max(query.find("WHERE "), 0))
            if "WHERE " not in query or at < 0 or not _outside(query, at):
                return ""
            return f"{query[:at]} == {query[at + 3 :]}"


def _outside(query: str, at: int) -> bool:
    """Whether a place lies outside strings and quoted names, as far as quotes tell."""
    return all(query.count(quote, 0, at) % 2 == 0 for quote in "'\"`")


def _severities(text: str, check: Check) -> set[str]:
    """The severities of what the dialect's check finds."""
    request = CheckRequest(dialect="nornicdb", performance=False)
    return {finding.severity for finding in check(text, request)}


def _paragraphs(snippet: Snippet) -> Iterator[Snippet]:
    """Parts of a snippet between blank lines; none where there is one part."""
    start, lines = 0, [*snippet.text.splitlines(), ""]
    parts = []
    for number, line in enumerate(lines):
        if not line.strip():
            if text := "\n".join(lines[start:number]).strip():
                parts.append(Snippet(text, snippet.path, snippet.line + start))
            start = number + 1
    if len(parts) > 1:
        yield from parts


def _place(snippet: Snippet) -> dict[str, str]:
    return {"checkout": f"{snippet.path}:{snippet.line}"}


def _without_comments(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith(("//", "-- ")))
    return "\n".join(line.split(" //")[0] for line in lines)
