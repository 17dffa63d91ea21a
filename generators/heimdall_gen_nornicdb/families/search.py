"""Vector and full-text search."""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import Label, literal, phrase
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import COUNTS, domain, either, index_name, listing, node_id

CATEGORY = "nornicdb_search"
_PARAMETERS = ("vector", "query", "embedding", "q", "v", "target")


def _shown(rng: random.Random, label: Label) -> list[str]:
    names = [p.name for p in label.plain]
    return rng.sample(names, rng.choice((1, 1, 2, 3)) if len(names) > 2 else 1)


def _returned(names: list[str]) -> str:
    return ", ".join(f"node.{p}" for p in names)


def _vector(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    name = index_name(rng, label, ["embedding"], either(rng, "vectors", "knn", "vec"))
    k, parameter, names = rng.choice(COUNTS), rng.choice(_PARAMETERS), _shown(rng, label)
    told = listing(names)
    call = f"CALL db.index.vector.queryNodes('{name}', {k}, ${parameter}) YIELD node, score"
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Find the {k} nodes nearest to ${parameter} in the vector index {name}; show "
            f"{told} and "
            "the score.",
            f"Which {k} entries of {name} are most like ${parameter}? Return {told} and score.",
            f"Search the vector index {name} with ${parameter} for {k} hits and show {told}, "
            "score.",
            f"vector search {name}, k = {k}, ${parameter}: {told}, score",
            f"Similarity search: index {name}, vector ${parameter}, {k} results, {told} and score.",
        )
        return Draft(asked, f"{call} RETURN {_returned(names)}, score", of.name)
    bound = rng.randrange(50, 99) / 100
    asked = either(
        rng,
        f"Of the {k} nodes nearest to ${parameter} in {name}, show {told} of those with a "
        "score above "
        f"{bound}.",
        f"Search vector index {name} with ${parameter}, {k} candidates, and keep scores above "
        f"{bound}; "
        f"return {told}.",
        f"vector search {name}, k = {k}, ${parameter}, score > {bound}: {told}",
    )
    return Draft(asked, f"{call} WHERE score > {bound} RETURN {_returned(names)}", of.name)


def _vector_text(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    name = index_name(rng, label, ["embedding"], either(rng, "vectors", "knn", "vec"))
    k, names, text = rng.choice(COUNTS), _shown(rng, label), literal(phrase(rng))
    told = listing(names)
    asked = either(
        rng,
        f"Find the {k} nodes of the vector index {name} nearest in meaning to {text}; show "
        f"{told} and "
        "score. The server has an embedder.",
        f"Semantic search for {text} in {name}, {k} results, {told} and score, letting the server "
        "embed the text.",
        f"vector index {name}, text query {text}, k = {k}: {told}, score",
    )
    return Draft(
        asked,
        f"CALL db.index.vector.queryNodes('{name}', {k}, {text}) YIELD node, score "
        f"RETURN {_returned(names)}, score",
        of.name,
    )


def _vector_best(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    name = index_name(rng, label, ["embedding"], either(rng, "vectors", "knn", "vec"))
    k, parameter = rng.choice((20, 25, 30, 40, 50, 75, 100)), rng.choice(_PARAMETERS)
    limit, names = rng.choice((1, 2, 3, 5, 8, 10, 15)), _shown(rng, label)
    told = listing(names)
    asked = either(
        rng,
        f"Take {k} candidates for ${parameter} from {name} and return {told} and score of the "
        f"{limit} "
        "best, best first.",
        f"Vector index {name}: {k} nearest to ${parameter}, sorted by score, the first {limit}; "
        f"{told} and score.",
        f"top {limit} of {k} hits for ${parameter} in vector index {name}: {told}, score",
    )
    return Draft(
        asked,
        f"CALL db.index.vector.queryNodes('{name}', {k}, ${parameter}) YIELD node, score "
        f"RETURN {_returned(names)}, score ORDER BY score DESC LIMIT {limit}",
        of.name,
    )


def _fulltext(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    prose = label.of_kind("prose") or label.texts
    name = index_name(rng, label, [prose[0].name], either(rng, "text", "search", "words"))
    names, text = _shown(rng, label), literal(phrase(rng))
    told = listing(names)
    call = f"CALL db.index.fulltext.queryNodes('{name}', {text}) YIELD node, score"
    kind = rng.randrange(3)
    if kind == 0:
        asked = either(
            rng,
            f"Search the full-text index {name} for {text}; show {told} and score.",
            f"Which nodes does {name} find for {text}? Return {told} and score.",
            f"Look {text} up in the full-text index {name} and return {told}, score.",
            f"full-text {name}: {text}, {told} and score",
        )
        return Draft(asked, f"{call} RETURN {_returned(names)}, score", of.name)
    if kind == 1:
        limit = rng.choice(COUNTS)
        asked = either(
            rng,
            f"Search {name} for {text} and show {told} of the {limit} best hits, best first.",
            f"The {limit} best full-text hits for {text} in {name}: {told}.",
            f"full-text {name}, {text}, top {limit}: {told}",
        )
        return Draft(
            asked, f"{call} RETURN {_returned(names)} ORDER BY score DESC LIMIT {limit}", of.name
        )
    bound = rng.randrange(1, 40) / 10
    asked = either(
        rng,
        f"Search {name} for {text} and keep hits with a score above {bound}; show {told}.",
        f"Full-text hits for {text} in {name} that score more than {bound}: {told}.",
        f"full-text {name}, {text}, score > {bound}: {told}",
    )
    return Draft(asked, f"{call} WHERE score > {bound} RETURN {_returned(names)}", of.name)


def _relationships(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice([e for e in of.edges if e.properties])
    name = f"{edge.type.lower()}_{either(rng, 'text', 'notes', 'search')}"
    shown = rng.choice(edge.properties).name
    if rng.random() < 0.5:
        text = literal(phrase(rng))
        asked = either(
            rng,
            f"Search the relationships in the full-text index {name} for {text}; show {shown} "
            "and score.",
            f"full-text over relationships, {name}: {text}, {shown} and score",
        )
        return Draft(
            asked,
            f"CALL db.index.fulltext.queryRelationships('{name}', {text}) YIELD relationship, "
            "score "
            f"RETURN relationship.{shown}, score",
            of.name,
        )
    k, parameter = rng.choice(COUNTS), rng.choice(_PARAMETERS)
    name = f"{edge.type.lower()}_{either(rng, 'vectors', 'knn', 'similar')}"
    asked = either(
        rng,
        f"Find the {k} relationships nearest to ${parameter} in the vector index {name}, with "
        f"{shown} "
        "and score.",
        f"vector search over relationships, {name}, k = {k}, ${parameter}: {shown}, score",
    )
    return Draft(
        asked,
        f"CALL db.index.vector.queryRelationships('{name}', {k}, ${parameter}) YIELD relationship, "
        f"score RETURN relationship.{shown}, score",
        of.name,
    )


def _store_vector(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    prop = next((p.name for p in label.of_kind("vector")), "embedding")
    which, parameter = node_id(rng), rng.choice(_PARAMETERS)
    if rng.random() < 0.5:
        asked = either(
            rng,
            f"Store ${parameter} as the {prop} of the node with the id '{which}'.",
            f"Write the vector ${parameter} into {prop} of node '{which}'.",
            f"set vector property {prop} of '{which}' to ${parameter}",
        )
        return Draft(
            asked,
            f"CALL db.create.setNodeVectorProperty('{which}', '{prop}', ${parameter})",
            of.name,
        )
    numbers = ", ".join(f"{rng.randrange(-99, 100) / 100}" for _ in range(rng.choice((3, 4, 5))))
    asked = either(
        rng,
        f"Store the vector [{numbers}] as the {prop} of the node '{which}'.",
        f"node '{which}': {prop} becomes the vector [{numbers}]",
        f"Write [{numbers}] into the vector property {prop} of the node with id '{which}'.",
    )
    return Draft(
        asked, f"CALL db.create.setNodeVectorProperty('{which}', '{prop}', [{numbers}])", of.name
    )


FAMILIES = (
    Family("search_vector", CATEGORY, _vector, 2.0),
    Family("search_vector_text", CATEGORY, _vector_text, 0.9),
    Family("search_vector_best", CATEGORY, _vector_best, 1.2),
    Family("search_fulltext", CATEGORY, _fulltext, 2.2),
    Family("search_relationships", CATEGORY, _relationships, 0.6),
    Family("store_vector", CATEGORY, _store_vector, 0.9),
)
