"""Broken queries: one mistake in a query that was right, so that the repair is that query.

What the checker finds in the broken query is the symptom. A mistake that it does not find, or that
another query than the right one would mend as well, is not used.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache

from attrs import frozen

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.explanations import explanations
from heimdall_repo_nornicdb.rows.domains import Domain, domains
from heimdall_repo_nornicdb.rows.families import Draft, Family, prose
from heimdall_repo_nornicdb.rows.names import domain, either
from heimdall_repo_nornicdb.rows.queries import sample
from heimdall_repo_nornicdb.rows.rewrites import REWRITES, Pair

FIX = "troubleshooting_fix_query"
FINDING = "troubleshooting_findings"


@frozen
class Broken:
    """A query with one mistake."""

    wrong: str
    right: str
    domain: Domain
    asked: str = ""
    """What it is meant to give, where the mistake hides it."""


@cache
def _request(name: str, performance: bool) -> CheckRequest:
    of = next(d for d in domains() if d.name == name)
    return CheckRequest(dialect="nornicdb", schema=of.as_json(), performance=performance)


def findings(query: str, of: Domain, *, performance: bool = False) -> Sequence[Finding]:
    """What the checker finds in a query over a schema, errors first."""
    found = check(query, _request(of.name, performance))
    return sorted(found, key=lambda f: f.severity != "error")


def _typo(word: str, rng: random.Random) -> str:
    """The word with two letters swapped, one doubled, or one left out."""
    if len(word) < 4:
        return word + word[-1]
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1 :]


def _replace(pattern: str, make: Callable[[re.Match[str], random.Random], str | None]) -> _Mistake:
    """A mistake at one random match of a pattern."""
    compiled = re.compile(pattern)

    def spoil(query: str, rng: random.Random) -> str | None:
        matches = list(compiled.finditer(query))
        if not matches:
            return None
        match = rng.choice(matches)
        new = make(match, rng)
        return None if new is None else query[: match.start()] + new + query[match.end() :]

    return spoil


_Mistake = Callable[[str, random.Random], str | None]


def _drop(what: str) -> _Mistake:
    def spoil(query: str, rng: random.Random) -> str | None:
        places = [i for i, c in enumerate(query) if c == what]
        if not places:
            return None
        at = rng.choice(places)
        return query[:at] + query[at + 1 :]

    return spoil


def _flip(query: str, rng: random.Random) -> str | None:
    """One arrow turned round."""
    if "]->" in query:
        start = query.index("]->")
        opening = query.rindex("-[", 0, start)
        return query[:opening] + "<" + query[opening:start] + "]-" + query[start + 3 :]
    if "<-[" in query:
        start = query.index("<-[")
        closing = query.index("]-", start)
        return query[:start] + "-" + query[start + 2 : closing] + "]->" + query[closing + 2 :]
    return None


def _undefined(query: str, rng: random.Random) -> str | None:
    """A variable of RETURN that nothing binds."""
    match = re.search(r"RETURN (?:DISTINCT )?(?:\w+\()?([a-z]\d?)\b(?=[.)])", query)
    if match is None:
        return None
    bound = set(re.findall(r"\(([a-z]\d?):", query))
    new = rng.choice([v for v in "acdefghmnpstuwz" if v not in bound])
    return query[: match.start(1)] + new + query[match.end(1) :]


#: Names that other languages have for aggregates.
_OTHER = {"count": "cnt", "avg": "average", "sum": "total", "min": "minimum", "max": "maximum"}

#: Name of the mistake, how a query is spoilt, and its share.
_MISTAKES: tuple[tuple[str, _Mistake, float], ...] = (
    (
        "keyword",
        _replace(r"\b(?:RETURN|WHERE|ORDER|LIMIT|MATCH)\b", lambda m, r: _typo(m[0], r)),
        1.2,
    ),
    ("label", _replace(r"(?<=:)[A-Z][a-z]\w+", lambda m, r: _typo(m[0], r)), 1.4),
    ("type", _replace(r"(?<=\[:)[A-Z_]{4,}|(?<=rel:)[A-Z_]{4,}", lambda m, r: _typo(m[0], r)), 1.2),
    ("property", _replace(r"(?<=\.)[a-z]\w{3,}", lambda m, r: _typo(m[0], r)), 1.4),
    ("direction", _flip, 1.1),
    ("variable", _undefined, 1.0),
    ("parenthesis", _drop(")"), 0.9),
    ("brace", _drop("}"), 0.5),
    ("bracket", _drop("]"), 0.7),
    ("quote", _drop("'"), 0.6),
    ("equals", _replace(r" = ", lambda m, r: " == "), 0.7),
    (
        "function",
        _replace(r"\b(?:count|avg|sum|min|max)(?=\()", lambda m, r: _OTHER[m[0]]),
        0.9,
    ),
    ("comma", _replace(r", (?=\w+\.)", lambda m, r: " "), 0.4),
    ("order", _replace(r"ORDER BY", lambda m, r: "ORDER"), 0.4),
    ("null", _replace(r"IS NULL", lambda m, r: "= NULL"), 0.2),
    ("starts", _replace(r"STARTS WITH", lambda m, r: "STARTSWITH"), 0.3),
    ("colon", _replace(r"(?<=\()[a-z]\d?:(?=[A-Z])", lambda m, r: m[0][:-1] + " "), 0.6),
)


def _line(of: Domain, query: str) -> str:
    """The parts of the schema that a query touches, on one line."""
    labels = [each for each in of.labels if re.search(rf"\b{each.name}\b", query)]
    told = [f"{each.name}({', '.join(p.name for p in each.properties)})" for each in labels]
    edges = [e for e in of.edges if re.search(rf"\b{e.type}\b", query)]
    told += [f"({e.start.name})-[:{e.type}]->({e.end.name})" for e in edges]
    return "; ".join(told)


def _told(finding: Finding) -> str:
    return f"{finding.line}:{finding.column}: {finding.message} [{finding.code}]"


def _broken(mistake: _Mistake, rng: random.Random) -> Broken | None:
    of = domain(rng)
    found = sample(of, rng)
    wrong = mistake(found.cypher, rng)
    if wrong is None or wrong == found.cypher:
        return None
    return Broken(wrong, found.cypher, of, found.ask)


def _repair(mistake: _Mistake) -> Callable[[random.Random], Draft | None]:
    def draw(rng: random.Random) -> Draft | None:
        broken = _broken(mistake, rng)
        if broken is None:
            return None
        if rng.random() < 0.4:
            found = findings(broken.wrong, broken.domain)
            if not found or found[0].severity != "error":
                return None
            symptom = _told(found[0])
        else:
            symptom = ""
        asked = either(
            rng,
            "Mend this query.",
            "This query does not work. Correct it.",
            "Fix the mistake in this query.",
            "What is the right query?",
            "Correct this Cypher.",
        )
        lines = [broken.wrong, f"Schema: {_line(broken.domain, broken.right)}"]
        lines.append(f"It should give {broken.asked}.")
        if symptom:
            lines.append(f"Error: {symptom}")
        return Draft(
            asked,
            broken.right,
            broken.domain.name,
            input="\n".join(lines),
            meta={"wrong": broken.wrong},
        )

    return draw


def _construct(rng: random.Random) -> Draft | None:
    """A construct that the dialect minds, with what the checker says of it, mended."""
    _, make, _ = rng.choice(REWRITES)
    of = domain(rng)
    pair = make(of, rng)
    if pair is None:
        return None
    found = findings(pair.wrong, of)
    if not found:
        return None
    asked = either(
        rng,
        "The checker objects to this query. Mend it for NornicDB.",
        "Mend this query by its finding.",
        "How do I write this so that the finding goes away?",
    )
    lines = [pair.wrong, f"Finding: {_told(found[0])}", f"It should give {pair.ask}."]
    return Draft(asked, pair.right, of.name, input="\n".join(lines), meta={"wrong": pair.wrong})


def _slow(of: Domain, rng: random.Random) -> tuple[str, str]:
    """A query that runs and that the checker calls slow, and what to do on NornicDB."""
    edge = rng.choice(of.edges)
    a, b = edge.start, edge.end
    k, p = a.key.name, rng.choice(a.plain).name
    number = next((n.name for n in a.numbers), p)
    limit = rng.randrange(2, 400)
    text = rng.choice(a.texts or [a.key]).name
    x = f"(x:{a.name})"
    return rng.choice(
        (
            (
                f"MATCH {x}, (y:{b.name}) RETURN x.{k}, y.{b.key.name}",
                f"Connect the two: MATCH {x}-[:{edge.type}]->(y:{b.name}) "
                f"RETURN x.{k}, y.{b.key.name}",
            ),
            (
                f"MATCH (n) WHERE n.{k} IS NOT NULL RETURN n.{p} LIMIT {limit}",
                f"Name the label: MATCH (n:{a.name}) WHERE n.{k} IS NOT NULL RETURN n.{p} "
                f"LIMIT {limit}",
            ),
            (
                f"MATCH {x}-[:{edge.type}*]->(y) RETURN y LIMIT {limit}",
                f"Bound the path: MATCH {x}-[:{edge.type}*1..3]->(y) RETURN y LIMIT {limit}",
            ),
            (
                f"MATCH {x} WHERE toLower(x.{text}) = $value RETURN x.{p} LIMIT {limit}",
                "Compare the property as it is stored: "
                f"MATCH {x} WHERE x.{text} = $value RETURN x.{p} LIMIT {limit}",
            ),
            (
                f"MATCH {x} RETURN x.{p}",
                f"Say how many rows are needed: MATCH {x} RETURN x.{p} LIMIT 100",
            ),
            (
                f"MATCH {x} RETURN collect(x) AS found",
                f"Return rows instead of one list: MATCH {x} RETURN x.{k} LIMIT 100",
            ),
            (
                f"MATCH {x} RETURN x.{p} SKIP {limit} LIMIT {limit}",
                f"Sort before skipping: MATCH {x} RETURN x.{p} ORDER BY x.{k} SKIP {limit} "
                f"LIMIT {limit}",
            ),
            (
                f"MATCH {x} DETACH DELETE x",
                f"Delete in rounds until nothing is left: MATCH {x} WITH x LIMIT 10000 "
                "DETACH DELETE x",
            ),
            (
                f"MATCH {x} WITH collect(x) AS found UNWIND found AS y RETURN y.{p} LIMIT {limit}",
                f"Leave the list out: MATCH {x} RETURN x.{p} LIMIT {limit}",
            ),
            (
                f"MATCH {x} WHERE x[$key] = {limit} RETURN x.{p} LIMIT {limit}",
                f"Name the property: MATCH {x} WHERE x.{number} = {limit} RETURN x.{p} "
                f"LIMIT {limit}",
            ),
            (
                f"MATCH {x} WHERE x.{number} = {limit} RETURN x.{p}",
                f"Index the property: CREATE INDEX FOR {x} ON (x.{number})",
            ),
        )
    )


def _of_slow(rng: random.Random) -> _Case | None:
    of = domain(rng)
    wrong, action = _slow(of, rng)
    found = findings(wrong, of, performance=True)
    # One finding per query, so that one remedy is the right one.
    if len(found) != 1 or found[0].kind != "performance":
        return None
    return wrong, action, of, found[0]


def _of_construct(make: Callable[[Domain, random.Random], Pair | None]) -> _Make:
    def case(rng: random.Random) -> _Case | None:
        of = domain(rng)
        pair = make(of, rng)
        found = findings(pair.wrong, of) if pair else ()
        if pair is None or not found:
            return None
        # Where the two do not give the very same rows, the query alone does not tell what to write.
        return (pair.wrong, f"Write {pair.right}", of, found[0]) if pair.same else None

    return case


def _of_mistake(mistake: _Mistake) -> _Make:
    def case(rng: random.Random) -> _Case | None:
        broken = _broken(mistake, rng)
        found = findings(broken.wrong, broken.domain) if broken else ()
        if broken is None or not found:
            return None
        return broken.wrong, f"Write {broken.right}", broken.domain, found[0]

    return case


#: A query, what to do about it, its schema, and what the checker finds first.
_Case = tuple[str, str, Domain, Finding]
_Make = Callable[[random.Random], _Case | None]


def _explained(make: _Make) -> Callable[[random.Random], Draft | None]:
    """Draws rows that explain a finding: what it means, why it matters, what to write."""

    def draw(rng: random.Random) -> Draft | None:
        case = make(rng)
        return None if case is None else _explain(case, rng)

    return draw


def _explain(case: _Case, rng: random.Random) -> Draft:
    wrong, action, of, finding = case
    asked = either(
        rng,
        f"What does the finding {finding.code} say about this query?",
        "Why does the checker object, and what do I do?",
        "Explain what is wrong with this query for NornicDB.",
        "Diagnose this query.",
        f"heimdall cypher check reports {finding.code}. Why, and what now?",
    )
    shown = f"{wrong}\nError: {_told(finding)}" if rng.random() < 0.6 else wrong
    if "Error:" not in shown and finding.code not in asked:
        # Without the finding in sight, the question could be about another one.
        shown = f"{wrong}\nFinding: {finding.code}"
    about = _line(of, f"{wrong} {action}")
    return prose(
        asked,
        f"Diagnosis: {_cause(finding)}\nAction: {action}",
        f"checker:{finding.code}",
        input=f"{shown}\nSchema: {about}" if about else shown,
        meta={"finding": finding.code},
    )


def _cause(finding: Finding) -> str:
    """What a finding says, and why it matters."""
    cause = f"{finding.message[0].upper()}{finding.message[1:].rstrip('.')}."
    known = explanations().get(finding.code)
    # What a dialect minds explains itself; the others have a reason of their own.
    return cause if known is None or finding.kind == "dialect" else f"{cause} {known.why}"


def repairs() -> tuple[Family, ...]:
    """Families whose answer is the mended query."""
    made = [
        Family(f"fix_{name}", FIX, _repair(mistake), weight) for name, mistake, weight in _MISTAKES
    ]
    return (*made, Family("fix_construct", FIX, _construct, 4.0))


def explained() -> tuple[Family, ...]:
    """Families whose answer explains a finding: one per kind of fault, since a finding carries a
    limited number of rows and a fault has few findings."""
    makes: list[tuple[str, _Make, float]] = [("slow", _of_slow, 8.0)]
    makes += [(name, _of_construct(make), weight) for name, make, weight in REWRITES]
    makes += [(name, _of_mistake(mistake), weight) for name, mistake, weight in _MISTAKES]
    return tuple(
        Family(f"explain_{name}", FINDING, _explained(make), weight, patience=25)
        for name, make, weight in makes
    )
