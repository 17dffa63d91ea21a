"""Transactions: statements that are sent one by one, and calls of the HTTP API."""

from __future__ import annotations

import json
import random

from heimdall_repo_nornicdb.rows.domains import Domain, literal, pools, value
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import database, domain, either
from heimdall_repo_nornicdb.rows.queries import sample

CATEGORY = "nornicdb_transactions"


def _write(of: Domain, rng: random.Random) -> tuple[str, str]:
    """A write in words, and as a statement."""
    label = rng.choice(of.labels)
    v, key = label.variable, literal(value(label.key, rng))
    number = next(iter(label.numbers), None)
    kind = rng.randrange(3)
    if kind == 0 or number is None:
        return (
            f"creates the {label.name} with {label.key.name} {key}",
            f"CREATE (:{label.name} {{{label.key.name}: {key}}})",
        )
    if kind == 1:
        set_to = literal(value(number, rng))
        return (
            f"sets {number.name} of the {label.name} with {label.key.name} {key} to {set_to}",
            f"MATCH ({v}:{label.name} {{{label.key.name}: {key}}}) SET {v}.{number.name} = "
            f"{set_to}",
        )
    return (
        f"deletes the {label.name} with {label.key.name} {key} and its relationships",
        f"MATCH ({v}:{label.name} {{{label.key.name}: {key}}}) DETACH DELETE {v}",
    )


def _steps(rng: random.Random) -> Draft:
    of = domain(rng)
    parts = [_write(of, rng) for _ in range(rng.choice((1, 2, 2, 3)))]
    told = ", then ".join(words for words, _ in parts)
    end, word = rng.choice((("COMMIT", "commit"), ("COMMIT", "commit"), ("ROLLBACK", "roll back")))
    asked = either(
        rng,
        f"Which statements do I send for one transaction that {told}? In the end, {word}.",
        f"Write a transaction for NornicDB that {told}; {word} at the end. One statement per line.",
        f"transaction, statement by statement: {told}; {word}",
        f"NornicDB takes BEGIN and COMMIT as statements of their own. Give me the lines of a "
        f"transaction that {told}, and {word}.",
    )
    lines = ["BEGIN", *(statement for _, statement in parts), end]
    # Several statements are no query of the language: each line is checked by the tests.
    return Draft(asked, "\n".join(lines), of.name, language="", meta={"statements": len(lines)})


def _http(rng: random.Random) -> Draft:
    of = domain(rng)
    name = database(rng)
    count = rng.choice((1, 1, 2))
    queries: list[tuple[str, str]] = []
    for _ in range(count):
        if rng.random() < 0.5:
            queries.append(_write(of, rng))
        else:
            found = sample(of, rng)
            queries.append((f"returns {found.ask}", found.cypher))
    told = ", and a second one that ".join(words for words, _ in queries)
    body = json.dumps(
        {"statements": [{"statement": text} for _, text in queries]}, ensure_ascii=False
    )
    asked = either(
        rng,
        f"What JSON do I POST to /db/{name}/tx/commit for a statement that {told}?",
        f"HTTP body for /db/{name}/tx/commit: a statement that {told}",
        f"Give me the request body for the commit endpoint of {name} with a statement that {told}.",
    )
    return Draft(asked, body, of.name, language="", meta={"statements": count})


def _metadata(rng: random.Random) -> Draft:
    app, user = rng.choice(pools()["noun"]).lower(), rng.choice(pools()["user"])
    run = rng.randrange(1, 5000)
    pairs, told = rng.choice(
        (
            (f"app: '{app}'", f"app '{app}'"),
            (f"app: '{app}', run: {run}", f"app '{app}' and run {run}"),
            (f"user: '{user}', app: '{app}'", f"user '{user}' and app '{app}'"),
            (f"job: '{app}_{user}'", f"job '{app}_{user}'"),
        )
    )
    asked = either(
        rng,
        f"Tag the open transaction with {told}.",
        f"Attach the metadata {told} to my transaction.",
        f"transaction metadata: {told}",
        f"Set the metadata of the transaction to {told}.",
    )
    return Draft(asked, f"CALL tx.setMetaData({{{pairs}}})")


FAMILIES = (
    Family("transaction_steps", CATEGORY, _steps, 1.6),
    Family("http_transaction", CATEGORY, _http, 1.3),
    Family("transaction_metadata", CATEGORY, _metadata, 0.5),
)
