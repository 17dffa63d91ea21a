"""Rows for the benchmarks of dataset care: questions and Cypher queries from templates, with
faults of every kind in known numbers. Fast, and nothing that a model should be trained on.

    python benchmarks/synthetic_rows.py 1000000 rows.jsonl
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LABELS = ("Person", "Film", "Book", "City", "Order", "Product", "Station", "Team", "Song", "Paper")
PROPERTIES = ("name", "title", "year", "score", "price", "code", "rating", "population", "length")
TYPES = ("KNOWS", "WROTE", "BOUGHT", "PLAYS_IN", "LIES_IN", "CITES", "FOLLOWS")
WORDS = ("amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbour", "indigo")

#: Question, query, category: each several clauses of what such datasets hold.
TEMPLATES = (
    (
        "Which {l} nodes have a {p} of '{w}-{n}'?",
        "MATCH (x:{l} {{{p}: '{w}-{n}'}}) RETURN x.{q}",
        "lookup",
    ),
    (
        "Give the {q} of every {l} whose {p} is above {n}.",
        "MATCH (x:{l}) WHERE x.{p} > {n} RETURN x.{q} ORDER BY x.{q}",
        "filter",
    ),
    (
        "How many {l} nodes {t} a {m} with {p} {n}?",
        "MATCH (x:{l})-[:{t}]->(y:{m}) WHERE y.{p} = {n} RETURN count(x) AS total",
        "aggregate",
    ),
    (
        "Create a {l} with {p} {n} and {q} '{w}'.",
        "CREATE (x:{l} {{{p}: {n}, {q}: '{w}'}})",
        "create",
    ),
    (
        "Set the {q} of the {l} with {p} {n} to '{w}'.",
        "MATCH (x:{l} {{{p}: {n}}}) SET x.{q} = '{w}'",
        "update",
    ),
    (
        "List the {k} {l} nodes with the most {t} links to {m} nodes after {n}.",
        "MATCH (x:{l})-[r:{t}]->(y:{m}) WHERE r.since > {n} WITH x, count(y) AS links "
        "RETURN x.{p}, links ORDER BY links DESC LIMIT {k}",
        "aggregate",
    ),
)


def clean_rows(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Rows with distinct questions and right answers."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    for number in range(count):
        question, query, category = TEMPLATES[draw.randrange(len(TEMPLATES))]
        p, q = draw.sample(PROPERTIES, 2)
        values = {
            "l": draw.choice(LABELS),
            "m": draw.choice(LABELS),
            "p": p,
            "q": q,
            "t": draw.choice(TYPES),
            "w": draw.choice(WORDS),
            "n": number,
            "k": draw.randint(2, 50),
        }
        yield {
            "instruction": question.format(**values),
            "input": "",
            "output": query.format(**values),
            "category": category,
            "context_size": "small",
            "language": "cypher",
            "licence": "MIT",
            "family": category + str(len(query)),
        }


def faulty_rows(count: int, seed: int = 1) -> Iterator[tuple[dict[str, Any], str]]:
    """(row, fault): of 100 rows 88 are clean; 4 copy an earlier one, 3 are an earlier one with
    other wording here and there, 2 its query written otherwise, 2 another answer to its question,
    and 1 an answer that is wrong as Cypher."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    earlier: list[dict[str, Any]] = []
    source = clean_rows(count, seed)
    for row in source:
        at = draw.random()
        if at < 0.88 or len(earlier) < 100:
            if len(earlier) < 5000:
                earlier.append(row)
            else:
                earlier[draw.randrange(5000)] = row
            yield row, ""
        elif at < 0.92:
            yield dict(draw.choice(earlier)), "copy"
        elif at < 0.95:
            yield reworded(draw.choice(earlier), draw), "near"
        elif at < 0.97:
            yield rewritten(draw.choice(earlier), draw), "canonical"
        elif at < 0.99:
            other = draw.choice(earlier)
            yield {**other, "output": row["output"]}, "contradiction"
        else:
            yield {**row, "output": row["output"].replace(")", "", 1)}, "wrong"


def reworded(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The row with a question that differs by a letter, a mark or a small word."""
    text: str = row["instruction"]
    kind = draw.randrange(4)
    if kind == 0:
        text = text.rstrip(".?") + draw.choice(("!", " please.", " ?", ""))
    elif kind == 1:
        text = "Please " + text[0].lower() + text[1:]
    elif kind == 2:
        at = draw.randrange(1, len(text) // 3)
        text = text[:at] + text[at + 1 :] if text[at].isalpha() else text + " "
    else:
        text = text.upper() if draw.random() < 0.5 else text.replace(" ", "  ", 2)
    return {**row, "instruction": text}


def rewritten(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The row with its query in other names, spacing and case of keywords."""
    query: str = row["output"]
    for old, new in (("(x", "(a"), ("x.", "a."), (" x,", " a,"), ("count(x)", "count(a)")):
        query = query.replace(old, new)
    if draw.random() < 0.5:
        query = query.replace("MATCH", "match").replace("RETURN", "return").replace(" = ", "=")
    return {**row, "output": query}


def write(count: int, path: Path, seed: int = 1) -> dict[str, int]:
    """Writes the rows; returns how many have which fault."""
    faults: dict[str, int] = {}
    with path.open("w", encoding="utf-8") as file:
        for row, fault in faulty_rows(count, seed):
            faults[fault or "clean"] = faults.get(fault or "clean", 0) + 1
            file.write(json.dumps(row) + "\n")
    return faults


if __name__ == "__main__":
    print(write(int(sys.argv[1]), Path(sys.argv[2])))
