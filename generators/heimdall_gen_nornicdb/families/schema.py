"""Indexes and constraints, in the forms that NornicDB accepts and carries out."""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import Label, words
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import (
    DIMENSIONS,
    SIMILARITIES,
    domain,
    either,
    index_name,
    listing,
)

CATEGORY = "nornicdb_schema"


def _on(label: Label, properties: list[str]) -> str:
    return ", ".join(f"{label.variable}.{p}" for p in properties)


def _index(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    count = rng.choice((1, 1, 2, 2, 3))
    plain = [p.name for p in label.plain]
    names = rng.sample(plain, min(count, len(plain)))
    v, told = label.variable, listing(names)
    pattern = f"FOR ({v}:{label.name}) ON ({_on(label, names)})"
    if rng.random() < 0.25:
        asked = either(
            rng,
            f"Create an index on {told} of {label.name}.",
            f"Index {label.name} nodes by {told}.",
            f"Speed up lookups of {label.name} by {told} in NornicDB.",
            f"Which statement indexes {label.name} on {told}?",
            f"index on {label.name}: {told}",
        )
        return Draft(asked, f"CREATE INDEX {pattern}", of.name)
    name = index_name(rng, label, names, "idx")
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Create the index {name} on {told} of {label.name}.",
            f"Index {label.name} nodes by {told} under the name {name}.",
            f"Add an index called {name} for {told} of {label.name}.",
            f"How do I name an index on {label.name} ({told}) {name}?",
            f"index {name}: {label.name}, {told}",
        )
        return Draft(asked, f"CREATE INDEX {name} {pattern}", of.name)
    asked = either(
        rng,
        f"Create the index {name} on {told} of {label.name} if it does not exist.",
        f"Make sure that the index {name} covers {told} of {label.name}; it may be there already.",
        f"Add the index {name} for {label.name} by {told}, unless it exists.",
        f"index {name} if missing: {label.name}, {told}",
    )
    return Draft(asked, f"CREATE INDEX {name} IF NOT EXISTS {pattern}", of.name)


def _fulltext(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    texts = [p.name for p in (*label.texts, *label.of_kind("prose"))]
    names = rng.sample(texts, rng.randrange(1, min(3, len(texts)) + 1))
    name = index_name(rng, label, names, either(rng, "text", "search", "words", "fulltext"))
    told = listing(names)
    missing = rng.random() < 0.35
    asked = either(
        rng,
        f"Create the full-text index {name} on {told} of {label.name}",
        f"Make {told} of {label.name} nodes searchable by words, with the index {name}",
        f"Add a full-text index called {name} for {label.name} ({told})",
        f"full-text index {name} on {label.name}: {told}",
        f"I want to search {label.name} by the words of {told}; the index is to be called {name}",
    )
    exists = " IF NOT EXISTS" if missing else ""
    tail = either(rng, ", unless it exists.", " if it does not exist.") if missing else "."
    return Draft(
        asked + tail,
        f"CREATE FULLTEXT INDEX {name}{exists} FOR ({label.variable}:{label.name}) "
        f"ON EACH [{_on(label, names)}]",
        of.name,
    )


def _fulltext_procedure(rng: random.Random) -> Draft:
    of = domain(rng)
    labels = rng.sample(of.labels, rng.choice((2, 3)))
    shared = sorted(set.intersection(*({p.name for p in each.texts} for each in labels)))
    names = [rng.choice(shared)] if shared else [labels[0].key.name, labels[1].key.name]
    name = index_name(rng, labels[0], names, "search")
    quoted = ", ".join(f"'{each.name}'" for each in labels)
    properties = ", ".join(f"'{p}'" for p in dict.fromkeys(names))
    told, by = listing([each.name for each in labels]), listing(list(dict.fromkeys(names)))
    asked = either(
        rng,
        f"Create one full-text index {name} over the labels {told}, on {by}.",
        f"Make {told} nodes searchable together by {by}; call the full-text index {name}.",
        f"One full-text index for several labels: {name}, {told}, on {by}.",
        f"CREATE FULLTEXT INDEX takes one label. How do I make {name} over {told} on {by}?",
    )
    answer = f"CALL db.index.fulltext.createNodeIndex('{name}', [{quoted}], [{properties}])"
    return Draft(asked, answer, of.name)


def _relationship_fulltext(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    prop = either(rng, "note", "reason", "comment", "remark")
    name = f"{edge.type.lower()}_{either(rng, 'text', 'notes', 'search')}"
    asked = either(
        rng,
        f"Create the full-text index {name} on the {prop} of {edge.type} relationships.",
        f"Make the {prop} of {edge.type} relationships searchable, index name {name}.",
        f"relationship full-text index {name}: {edge.type}, {prop}",
    )
    return Draft(
        asked,
        f"CALL db.index.fulltext.createRelationshipIndex('{name}', ['{edge.type}'], ['{prop}'])",
        of.name,
    )


def _vector(rng: random.Random) -> Draft:
    of = domain(rng)
    labels = [each for each in of.labels if each.of_kind("vector")]
    label = rng.choice(labels or list(of.labels))
    prop = label.of_kind("vector")[0].name if labels else "embedding"
    size, like = rng.choice(DIMENSIONS), rng.choice(SIMILARITIES)
    name = index_name(rng, label, [prop], either(rng, "vectors", "knn", "similar", "vec"))
    asked = either(
        rng,
        f"Create the vector index {name} on {prop} of {label.name}, {size} dimensions, {like}.",
        f"Index the {size}-dimensional {prop} of {label.name} nodes as {name} with {like} "
        "similarity.",
        f"Add a {like} vector index called {name} for {label.name}.{prop} with {size} dimensions.",
        f"How do I prepare {label.name} for similarity search by {prop}? {size} numbers, {like}, "
        f"index {name}.",
        f"vector index {name}: {label.name}, {prop}, {size}, {like}",
        f"NornicDB ignores the options of CREATE VECTOR INDEX. Make {name} for {label.name}.{prop} "
        f"with {size} dimensions and {like} all the same.",
    )
    return Draft(
        asked,
        f"CALL db.index.vector.createNodeIndex('{name}', '{label.name}', '{prop}', {size}, "
        f"'{like}')",
        of.name,
    )


def _relationship_vector(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    size, like = rng.choice(DIMENSIONS), rng.choice(SIMILARITIES)
    prop = either(rng, "embedding", "vector", "meaning")
    name = f"{edge.type.lower()}_{either(rng, 'vectors', 'knn', 'similar')}"
    asked = either(
        rng,
        f"Create the vector index {name} on the {prop} of {edge.type} relationships, {size} "
        f"dimensions, {like}.",
        f"relationship vector index {name}: {edge.type}, {prop}, {size}, {like}",
        f"Index the {size}-dimensional {prop} of {edge.type} relationships as {name}, {like}.",
    )
    return Draft(
        asked,
        f"CALL db.index.vector.createRelationshipIndex('{name}', '{edge.type}', '{prop}', {size}, "
        f"'{like}')",
        of.name,
    )


def _unique(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    prop = rng.choice([p.name for p in label.plain if p.kind != "prose"])
    v = label.variable
    rule = f"FOR ({v}:{label.name}) REQUIRE {v}.{prop} IS UNIQUE"
    if rng.random() < 0.3:
        asked = either(
            rng,
            f"Make the {prop} of {label.name} unique.",
            f"No two {label.name} nodes may have the same {prop}.",
            f"Keep two {words(label.name)}s from sharing a {prop} ({label.name}).",
            f"unique {label.name}.{prop}",
            f"Which constraint keeps {label.name} nodes from having one {prop} twice?",
        )
        return Draft(asked, f"CREATE CONSTRAINT {rule}", of.name)
    name = index_name(rng, label, [prop], either(rng, "unique", "key", "once"))
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Create the constraint {name}: {prop} of {label.name} is unique.",
            f"Make {label.name}.{prop} unique by a constraint called {name}.",
            f"constraint {name}: unique {label.name} {prop}",
        )
        return Draft(asked, f"CREATE CONSTRAINT {name} {rule}", of.name)
    asked = either(
        rng,
        f"Create the constraint {name} for unique {prop} of {label.name} if it does not exist.",
        f"Make sure that the constraint {name} keeps {label.name}.{prop} unique; it may be there.",
        f"constraint {name} if missing: unique {label.name} {prop}",
    )
    return Draft(asked, f"CREATE CONSTRAINT {name} IF NOT EXISTS {rule}", of.name)


def _drop_search_index(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    kind, word = rng.choice((("vector", "vector"), ("fulltext", "full-text")))
    name = index_name(rng, label, [rng.choice(label.properties).name], "search")
    asked = either(
        rng,
        f"Drop the {word} index {name}.",
        f"Remove the {word} index {name} of {label.name}.",
        f"DROP INDEX {name} did nothing; it is a {word} index. How do I get rid of it?",
        f"drop {word} index {name}",
    )
    return Draft(asked, f"CALL db.index.{kind}.drop('{name}')", of.name)


def _find_indexes(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Which indexes does the label {label.name} have? Show name and type.",
            f"List the indexes on {label.name} with their type.",
            f"name and type of every index on {label.name}",
        )
        return Draft(
            asked,
            f"CALL db.indexes() YIELD name, type, labelsOrTypes WHERE '{label.name}' IN "
            "labelsOrTypes RETURN name, type",
            of.name,
        )
    asked = either(
        rng,
        f"Which constraints does the label {label.name} have? Show name and properties.",
        f"List the constraints on {label.name} with their properties.",
        f"name and properties of every constraint on {label.name}",
    )
    return Draft(
        asked,
        "CALL db.constraints() YIELD name, labelsOrTypes, properties WHERE "
        f"'{label.name}' IN labelsOrTypes RETURN name, properties",
        of.name,
    )


def _index_upkeep(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    name = index_name(rng, label, [rng.choice(label.plain).name], "idx")
    seconds = rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 300))
    what = rng.randrange(4)
    if what == 0:
        asked = either(
            rng,
            f"Wait up to {seconds} seconds until the index {name} is online.",
            f"Block until {name} is ready, {seconds} seconds at most.",
            f"await index {name}, {seconds} s",
        )
        return Draft(asked, f"CALL db.awaitIndex('{name}', {seconds})", of.name)
    if what == 1:
        asked = either(
            rng,
            f"Refresh the statistics of the index {name}.",
            f"Resample the index {name}.",
            f"resample {name}",
        )
        return Draft(asked, f"CALL db.resampleIndex('{name}')", of.name)
    if what == 2:
        asked = either(
            rng,
            f"How many entries and unique values has the index {name}?",
            f"Show total entries and unique values of the index {name}.",
            f"entries and unique values of index {name}",
        )
        return Draft(
            asked,
            "CALL db.index.stats() YIELD name, totalEntries, uniqueValues WHERE "
            f"name = '{name}' RETURN totalEntries, uniqueValues",
            of.name,
        )
    asked = either(
        rng,
        f"In which state is the index {name}?",
        f"Show the state of the index {name}.",
        f"state of index {name}",
    )
    answer = f"CALL db.indexes() YIELD name, state WHERE name = '{name}' RETURN state"
    return Draft(asked, answer, of.name)


FAMILIES = (
    Family("create_index", CATEGORY, _index, 2.2),
    Family("create_fulltext_index", CATEGORY, _fulltext, 1.6),
    Family("create_fulltext_index_labels", CATEGORY, _fulltext_procedure, 0.6),
    Family("create_relationship_fulltext_index", CATEGORY, _relationship_fulltext, 0.3),
    Family("create_vector_index", CATEGORY, _vector, 2.2),
    Family("create_relationship_vector_index", CATEGORY, _relationship_vector, 0.5),
    Family("create_unique_constraint", CATEGORY, _unique, 1.4),
    Family("drop_search_index", CATEGORY, _drop_search_index, 0.6),
    Family("find_indexes", CATEGORY, _find_indexes, 0.4),
    Family("index_upkeep", CATEGORY, _index_upkeep, 0.7),
)
