"""What the database says of itself: names, counts, statistics, settings, decay."""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import pools
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import domain, either, listing

CATEGORY = "nornicdb_system"

#: Procedures without arguments: what each lists, and its columns.
_LISTS = (
    ("db.labels", "the labels of the database", ("label",)),
    ("db.relationshipTypes", "the relationship types of the database", ("relationshipType",)),
    ("db.propertyKeys", "the property keys of the database", ("propertyKey",)),
    ("db.indexes", "the indexes", ("name", "type", "labelsOrTypes", "properties", "state")),
    ("db.constraints", "the constraints", ("name", "type", "labelsOrTypes", "properties")),
    (
        "db.index.stats",
        "the statistics of the indexes",
        ("name", "type", "label", "property", "totalEntries", "uniqueValues", "selectivity"),
    ),
    (
        "db.schema.nodeProperties",
        "the properties of the node labels",
        ("nodeLabel", "propertyName", "propertyType"),
    ),
    (
        "db.schema.relProperties",
        "the properties of the relationship types",
        ("relType", "propertyName", "propertyType"),
    ),
    ("db.schema.visualization", "the schema as a graph", ("nodes", "relationships")),
    (
        "db.info",
        "the database's own data",
        ("id", "name", "creationDate", "nodeCount", "relationshipCount"),
    ),
    ("dbms.components", "the components of the server", ("name", "versions", "edition")),
    ("dbms.listConfig", "the server's settings", ("name", "description", "value", "dynamic")),
    ("dbms.procedures", "the procedures", ("name", "description", "mode")),
    ("dbms.functions", "the functions", ("name", "description", "category")),
    ("nornicdb.version", "NornicDB's version", ("version", "build", "edition")),
    (
        "nornicdb.stats",
        "NornicDB's counts",
        ("nodes", "relationships", "labels", "relationshipTypes"),
    ),
    (
        "nornicdb.decay.info",
        "the settings of memory decay",
        (
            "enabled",
            "halfLifeEpisodic",
            "halfLifeSemantic",
            "halfLifeProcedural",
            "archiveThreshold",
        ),
    ),
    (
        "db.index.fulltext.listAvailableAnalyzers",
        "the full-text analyzers",
        ("analyzer", "description"),
    ),
)
_SECTIONS = ("GRAPH COUNTS", "QUERIES", "TOKENS", "META")


def _columns(rng: random.Random) -> Draft:
    name, what, columns = rng.choice(_LISTS)
    chosen = rng.sample(columns, rng.randrange(1, min(4, len(columns)) + 1))
    told, listed = listing(chosen), ", ".join(chosen)
    order, ending = "", ""
    if rng.random() < 0.45:
        by = rng.choice(chosen)
        down = rng.random() < 0.4
        order = f", sorted by {by}" + (", descending" if down else "")
        ending = f" ORDER BY {by}" + (" DESC" if down else "")
    if rng.random() < 0.45:
        limit = rng.choice((3, 5, 10, 15, 20, 25, 50, 100))
        order += f", the first {limit}"
        ending += f" LIMIT {limit}"
    asked = either(
        rng,
        f"Show {what}: {told}{order}.",
        f"List {told} of {what}{order}.",
        f"Which procedure gives {told} of {what}{order}?",
        f"{what}, {told}{order}",
    )
    return Draft(asked, f"CALL {name}() YIELD {listed} RETURN {listed}{ending}")


def _filtered(rng: random.Random) -> Draft:
    kind = rng.randrange(5)
    of = domain(rng)
    label = rng.choice(of.labels)
    edge = rng.choice(of.edges)
    if kind == 0:
        asked = either(
            rng,
            f"Which properties do {label.name} nodes have, with their types?",
            f"List property names and types of the label {label.name}.",
            f"properties of {label.name}, with types",
        )
        return Draft(
            asked,
            "CALL db.schema.nodeProperties() YIELD nodeLabel, propertyName, propertyType WHERE "
            f"nodeLabel = '{label.name}' RETURN propertyName, propertyType",
            of.name,
        )
    if kind == 1:
        asked = either(
            rng,
            f"Which properties do {edge.type} relationships have, with their types?",
            f"List property names and types of the relationship type {edge.type}.",
            f"properties of {edge.type} relationships, with types",
        )
        return Draft(
            asked,
            "CALL db.schema.relProperties() YIELD relType, propertyName, propertyType WHERE "
            f"relType = '{edge.type}' RETURN propertyName, propertyType",
            of.name,
        )
    if kind == 2:
        start = either(rng, *"ABCDEFGHKLMNPRSTVW")
        asked = either(
            rng,
            f"Which labels begin with {start}?",
            f"List the labels that start with '{start}'.",
            f"labels starting with {start}",
        )
        return Draft(
            asked, f"CALL db.labels() YIELD label WHERE label STARTS WITH '{start}' RETURN label"
        )
    word = either(
        rng,
        "db.index",
        "db.stats",
        "apoc",
        "gds",
        "fulltext",
        "vector",
        "tx",
        "dbms",
        "nornicdb",
        "db.schema",
        "linkPrediction",
        "periodic",
        "path",
        "algo",
    )
    if kind == 3:
        asked = either(
            rng,
            f"Which procedures have '{word}' in their name? Show name and description.",
            f"Find procedures by the word {word}: name and description.",
            f"procedures containing {word}, with description",
        )
        return Draft(
            asked,
            f"CALL dbms.procedures() YIELD name, description WHERE name CONTAINS '{word}' "
            "RETURN name, description",
        )
    setting = either(
        rng,
        "http",
        "bolt",
        "memory",
        "timeout",
        "cache",
        "auth",
        "log",
        "data",
        "port",
        "tls",
        "heimdall",
        "embedding",
    )
    asked = either(
        rng,
        f"Which settings have '{setting}' in their name? Show name and value.",
        f"Show the values of the settings about {setting}.",
        f"settings containing {setting}, with value",
    )
    return Draft(
        asked,
        f"CALL dbms.listConfig() YIELD name, value WHERE name CONTAINS '{setting}' RETURN "
        "name, value",
    )


def _statistics(rng: random.Random) -> Draft:
    section = rng.choice(_SECTIONS)
    kind = rng.choice(("retrieve", "collect", "stop"))
    asked = {
        "retrieve": (
            f"Retrieve the statistics of the section {section}.",
            f"Show the collected statistics, section {section}.",
        ),
        "collect": (
            f"Start collecting statistics for the section {section}.",
            f"Collect the statistics of {section}.",
        ),
        "stop": (
            f"Stop collecting statistics for the section {section}.",
            f"End the collection of {section} statistics.",
        ),
    }[kind]
    return Draft(rng.choice(asked), f"CALL db.stats.{kind}('{section}')")


_SINGLE = (
    (("Ping the database.", "Does the database answer at all?", "ping"), "CALL db.ping()"),
    (
        ("Clear the query caches.", "Empty the cache of query plans.", "clear query caches"),
        "CALL db.clearQueryCaches()",
    ),
    (
        ("Which statistics are being collected?", "Show the status of statistics collection."),
        "CALL db.stats.status()",
    ),
    (("Delete all collected statistics.", "Clear the statistics."), "CALL db.stats.clear()"),
    (("List the client connections.", "Who is connected?"), "CALL dbms.listConnections()"),
    (("Show the databases of the server.", "List all databases."), "SHOW DATABASES"),
    (("Show the database aliases.", "List all aliases of databases."), "SHOW ALIASES"),
    (("List the procedures with SHOW.", "SHOW command for procedures"), "SHOW PROCEDURES"),
    (("List the functions with SHOW.", "SHOW command for functions"), "SHOW FUNCTIONS"),
    (("Begin a transaction.", "Open a transaction with a statement."), "BEGIN"),
    (("Commit the open transaction.", "Keep what the transaction did."), "COMMIT"),
    (("Roll the open transaction back.", "Give the open transaction up."), "ROLLBACK"),
)


def _single(rng: random.Random) -> Draft:
    asked, answer = rng.choice(_SINGLE)
    end = either(rng, "", " Statement only.", " Cypher, please.", " (NornicDB)")
    return Draft(rng.choice(asked) + end, answer)


def _wait(rng: random.Random) -> Draft:
    seconds = rng.randrange(5, 601)
    asked = either(
        rng,
        f"Wait up to {seconds} seconds until all indexes are online.",
        f"Block until every index is ready, {seconds} seconds at most.",
        f"await all indexes, {seconds} s",
    )
    return Draft(asked, f"CALL db.awaitIndexes({seconds})")


def _use(rng: random.Random) -> Draft:
    name = f"{rng.choice(pools()['noun']).lower()}_{rng.choice(pools()['site'])}"
    asked = either(
        rng,
        f"Switch to the database {name}.",
        f"Which line goes before my query so that it runs on {name}?",
        f"use database {name}",
        f"Make {name} the current database.",
    )
    return Draft(asked, f":USE {name}")


FAMILIES = (
    Family("database_lists", CATEGORY, _columns, 1.6),
    Family("database_filtered", CATEGORY, _filtered, 0.8),
    Family("statistics", CATEGORY, _statistics, 0.1),
    Family("single_statements", CATEGORY, _single, 0.15),
    Family("await_indexes", CATEGORY, _wait, 0.15),
    Family("use_database", CATEGORY, _use, 0.4),
)
