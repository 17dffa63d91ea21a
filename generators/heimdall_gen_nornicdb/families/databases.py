"""Databases, aliases, composites and limits."""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import pools
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import database, either

CATEGORY = "nornicdb_databases"

_LIMITS = (
    ("max_nodes", "nodes"),
    ("max_edges", "relationships"),
    ("max_bytes", "bytes"),
    ("max_results", "rows per result"),
    ("max_concurrent_queries", "queries at the same time"),
    ("max_connections", "connections"),
    ("max_queries_per_second", "queries per second"),
    ("max_writes_per_second", "writes per second"),
)


def _alias(rng: random.Random) -> str:
    return f"{rng.choice(pools()['alias'])}_{rng.choice(pools()['noun']).lower()}"


def _create(rng: random.Random) -> Draft:
    name = database(rng)
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Create the database {name}.",
            f"Add a database called {name}.",
            f"I need a new database, {name}.",
            f"new database {name}",
            f"Set up the database {name} on the server.",
        )
        return Draft(asked, f"CREATE DATABASE {name}")
    asked = either(
        rng,
        f"Create the database {name} if it does not exist.",
        f"Make sure that there is a database {name}.",
        f"Create {name}, unless that database is there already.",
        f"database {name} if missing",
    )
    return Draft(asked, f"CREATE DATABASE {name} IF NOT EXISTS")


def _drop(rng: random.Random) -> Draft:
    name = database(rng)
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Drop the database {name}.",
            f"Delete the whole database {name}.",
            f"Get rid of the database {name}.",
            f"drop database {name}",
        )
        return Draft(asked, f"DROP DATABASE {name}")
    asked = either(
        rng,
        f"Drop the database {name} if it exists.",
        f"Make sure that no database {name} is left.",
        f"Remove the database {name}; it may be gone already.",
        f"drop database {name} if there",
    )
    return Draft(asked, f"DROP DATABASE {name} IF EXISTS")


def _show(rng: random.Random) -> Draft:
    name = database(rng)
    asked = either(
        rng,
        f"Show the status of the database {name}.",
        f"Is the database {name} online?",
        f"Show me the database {name}.",
        f"status of database {name}",
    )
    return Draft(asked, f"SHOW DATABASE {name}")


def _aliases(rng: random.Random) -> Draft:
    name, alias = database(rng), _alias(rng)
    if rng.random() < 0.65:
        asked = either(
            rng,
            f"Create the alias {alias} for the database {name}.",
            f"Let clients reach {name} as {alias}.",
            f"Make {alias} another name of the database {name}.",
            f"alias {alias} for {name}",
            f"Point the alias {alias} at {name}.",
        )
        return Draft(asked, f"CREATE ALIAS {alias} FOR DATABASE {name}")
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Drop the alias {alias}.",
            f"Remove the database alias {alias}.",
            f"drop alias {alias}",
        )
        return Draft(asked, f"DROP ALIAS {alias}")
    asked = either(
        rng,
        f"Drop the alias {alias} if it exists.",
        f"Make sure that the alias {alias} is gone.",
        f"drop alias {alias} if there",
    )
    return Draft(asked, f"DROP ALIAS {alias} IF EXISTS")


def _composite(rng: random.Random) -> Draft:
    name = f"all_{rng.choice(pools()['noun']).lower()}s"
    parts = [(_alias(rng), database(rng)) for _ in range(rng.choice((2, 2, 3)))]
    kind = rng.random()
    if kind < 0.6:
        told = ", ".join(f"{of} as {alias}" for alias, of in parts)
        clauses = " ".join(f"ALIAS {alias} FOR DATABASE {of}" for alias, of in parts)
        asked = either(
            rng,
            f"Create the composite database {name} of {told}.",
            f"Join {told} in one composite database {name}.",
            f"composite {name}: {told}",
        )
        return Draft(asked, f"CREATE COMPOSITE DATABASE {name} {clauses}")
    alias, of = parts[0]
    if kind < 0.8:
        asked = either(
            rng,
            f"Add {of} to the composite database {name} as {alias}.",
            f"The composite {name} should include {of} under the name {alias}.",
            f"composite {name}: add {of} as {alias}",
        )
        return Draft(asked, f"ALTER COMPOSITE DATABASE {name} ADD ALIAS {alias} FOR DATABASE {of}")
    if kind < 0.93:
        asked = either(
            rng,
            f"Take the alias {alias} out of the composite database {name}.",
            f"composite {name}: remove {alias}",
        )
        return Draft(asked, f"ALTER COMPOSITE DATABASE {name} DROP ALIAS {alias}")
    asked = either(rng, f"Drop the composite database {name}.", f"drop composite {name}")
    return Draft(asked, f"DROP COMPOSITE DATABASE {name}")


def _limit(rng: random.Random) -> Draft:
    name = database(rng)
    chosen = rng.sample(_LIMITS, rng.choice((1, 1, 2)))
    values = [
        (key, words, rng.randrange(1, 100) * rng.choice((10, 100, 1000))) for key, words in chosen
    ]
    if rng.random() < 0.2:
        seconds = rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 300))
        asked = either(
            rng,
            f"Let no query on {name} run longer than {seconds} seconds.",
            f"Limit the query time of {name} to {seconds} s.",
            f"{name}: at most {seconds} seconds per query",
        )
        return Draft(asked, f"ALTER DATABASE {name} SET LIMIT max_query_time = '{seconds}s'")
    told = " and ".join(f"{number} {words}" for _, words, number in values)
    clauses = ", ".join(f"{key} = {number}" for key, _, number in values)
    asked = either(
        rng,
        f"Limit the database {name} to {told}.",
        f"Allow {name} at most {told}.",
        f"{name}: no more than {told}",
        f"Bound {name} at {told}.",
    )
    return Draft(asked, f"ALTER DATABASE {name} SET LIMIT {clauses}")


FAMILIES = (
    Family("create_database", CATEGORY, _create, 0.8),
    Family("drop_database", CATEGORY, _drop, 0.6),
    Family("show_database", CATEGORY, _show, 0.4),
    Family("database_alias", CATEGORY, _aliases, 1.0),
    Family("composite_database", CATEGORY, _composite, 0.9),
    Family("database_limits", CATEGORY, _limit, 1.2),
)
