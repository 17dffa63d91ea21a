"""Procedures: graph algorithms, paths, neighbours, batches, dynamic Cypher, link prediction.

NornicDB reads the arguments of these calls from the text. A start node is the id of a node, not a
variable of a MATCH before the call, and what is returned are the columns of YIELD as they are.
"""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import Label, literal, pools, value
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import COUNTS, domain, either, listing, node_id
from heimdall_repo_nornicdb.rows.queries import reading

ALGORITHMS = "apoc_algorithms"
PATHS = "apoc_paths"
PERIODIC = "apoc_periodic"

_SCORES = (
    ("pageRank", "PageRank", "score"),
    ("betweenness", "betweenness centrality", "score"),
    ("closeness", "closeness centrality", "score"),
)
_GROUPS = (
    ("louvain", "communities by Louvain", "community"),
    ("labelPropagation", "communities by label propagation", "community"),
    ("wcc", "weakly connected components", "componentId"),
)


def _plain(label: Label, rng: random.Random) -> str:
    return rng.choice([p.name for p in label.plain])


def _score(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    name, words, column = rng.choice(_SCORES)
    limit, shown = rng.choice(COUNTS), _plain(label, rng)
    asked = either(
        rng,
        f"Compute {words} over {label.name} nodes and show {shown} and score of the {limit} "
        "highest.",
        f"Which {limit} {label.name} nodes have the highest {words}? Show {shown} and score.",
        f"{words} of {label.name}, top {limit}: {shown}, score",
        f"The {limit} {label.name} nodes with the highest {words}, by {shown} and score.",
    )
    return Draft(
        asked,
        f"CALL apoc.algo.{name}('{label.name}') YIELD node, {column} RETURN node.{shown}, {column} "
        f"ORDER BY {column} DESC LIMIT {limit}",
        of.name,
    )


def _groups(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice(of.labels)
    name, words, column = rng.choice(_GROUPS)
    shown = _plain(label, rng)
    limit = rng.choice((0, 0, 50, 100, 200, 500))
    asked = either(
        rng,
        f"Find {words} among {label.name} nodes; show {shown} and {column}, sorted by {column}",
        f"{words} of {label.name}: {shown} and {column}, by {column}",
        f"Group {label.name} nodes into {words} and list {shown} with {column}, in its order",
    )
    tail = f", the first {limit}." if limit else "."
    ending = f" LIMIT {limit}" if limit else ""
    return Draft(
        asked + tail,
        f"CALL apoc.algo.{name}('{label.name}') YIELD node, {column} RETURN node.{shown}, {column} "
        f"ORDER BY {column}{ending}",
        of.name,
    )


def _route(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    weighted = [e for e in of.edges if any(p.is_number for p in e.properties)]
    start, end = node_id(rng), node_id(rng)
    if weighted and rng.random() < 0.65:
        edge = rng.choice(weighted)
        by = next(p.name for p in edge.properties if p.is_number)
        asked = either(
            rng,
            f"Find the cheapest {edge.type} path from node '{start}' to node '{end}' by {by}, "
            "with its "
            "weight.",
            f"Dijkstra from '{start}' to '{end}' over {edge.type}, weight {by}: path and weight.",
            f"shortest weighted path {start} -> {end}, {edge.type}, {by}",
        )
        return Draft(
            asked,
            f"CALL apoc.algo.dijkstra('{start}', '{end}', '{edge.type}', '{by}') YIELD path, "
            "weight "
            "RETURN path, weight",
            of.name,
        )
    asked = either(
        rng,
        f"List all simple {edge.type} paths from node '{start}' to node '{end}'.",
        f"All simple paths from '{start}' to '{end}' over {edge.type}.",
        f"simple paths {start} -> {end}, {edge.type}",
    )
    return Draft(
        asked,
        f"CALL apoc.algo.allSimplePaths('{start}', '{end}', '{edge.type}') YIELD path RETURN path",
        of.name,
    )


def _neighbours(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    start, hops = node_id(rng), rng.randrange(1, 7)
    if rng.random() < 0.6:
        shown = _plain(rng.choice((edge.start, edge.end)), rng)
        asked = either(
            rng,
            f"Show {shown} of the nodes within {hops} {edge.type} steps of node '{start}', "
            "through APOC.",
            f"Neighbours of '{start}' up to {hops} hops over {edge.type}: {shown}.",
            f"apoc neighbours of {start}, {edge.type}, {hops} hops: {shown}",
        )
        return Draft(
            asked,
            f"CALL apoc.neighbors.toHop('{start}', '{edge.type}', {hops}) YIELD node "
            f"RETURN node.{shown}",
            of.name,
        )
    asked = either(
        rng,
        f"Show the nodes around '{start}', hop by hop, up to {hops} {edge.type} steps.",
        f"Neighbours of '{start}' over {edge.type}, grouped by depth, at most {hops}.",
        f"apoc neighbours of {start} by hop, {edge.type}, {hops}",
    )
    return Draft(
        asked,
        f"CALL apoc.neighbors.byHop('{start}', '{edge.type}', {hops}) YIELD nodes, depth "
        "RETURN depth, nodes",
        of.name,
    )


def _subgraph(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    start, level = node_id(rng), rng.randrange(1, 7)
    arrow, told = rng.choice(((">", "outgoing "), ("<", "incoming "), ("", "")))
    flt = f"<{edge.type}" if arrow == "<" else f"{edge.type}{arrow}"
    shown = _plain(rng.choice((edge.start, edge.end)), rng)
    asked = either(
        rng,
        f"Collect the subgraph around node '{start}', {level} levels deep over {told}{edge.type} "
        f"relationships, and show {shown}.",
        f"apoc.path.subgraphNodes from '{start}', at most {level} levels of "
        f"{told}{edge.type}: {shown}.",
        f"subgraph of {start}: {told}{edge.type}, {level} levels, {shown}",
    )
    return Draft(
        asked,
        f"CALL apoc.path.subgraphNodes({{id: '{start}'}}, {{maxLevel: {level}, relationshipFilter: "
        f"'{flt}'}}) YIELD node RETURN node.{shown}",
        of.name,
    )


def _expand(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    start, low = node_id(rng), rng.randrange(1, 3)
    high = low + rng.randrange(0, 4)
    if rng.random() < 0.6:
        asked = either(
            rng,
            f"Expand from node '{start}' over outgoing {edge.type} relationships, {low} to "
            f"{high} steps, "
            f"to {edge.end.name} nodes; return the paths.",
            f"apoc.path.expand from '{start}': {edge.type} outwards, {edge.end.name} only, "
            f"{low} to "
            f"{high} steps.",
            f"expand {start}: {edge.type}>, {edge.end.name}, {low}..{high}",
        )
        return Draft(
            asked,
            f"CALL apoc.path.expand({{id: '{start}'}}, '{edge.type}>', '+{edge.end.name}', {low}, "
            f"{high}) YIELD path RETURN path",
            of.name,
        )
    asked = either(
        rng,
        f"Return the spanning tree of node '{start}' down to level {high}.",
        f"apoc.path.spanningTree from '{start}', {high} levels.",
        f"spanning tree of {start}, {high} levels",
    )
    return Draft(
        asked,
        f"CALL apoc.path.spanningTree({{id: '{start}'}}, {{maxLevel: {high}}}) YIELD path "
        "RETURN path",
        of.name,
    )


def _iterate(rng: random.Random) -> Draft:
    of = domain(rng)
    label = rng.choice([each for each in of.labels if each.numbers])
    v, number = label.variable, rng.choice(label.numbers)
    size = rng.choice((100, 200, 250, 500, 1000, 2000, 5000, 10000))
    parallel = rng.random() < 0.4
    set_to = literal(value(number, rng))
    told = ", in parallel" if parallel else ""
    flag = f", parallel: {str(parallel).lower()}" if parallel else ""
    if rng.random() < 0.6:
        asked = either(
            rng,
            f"Set {number.name} of all {label.name} nodes to {set_to} in batches of {size}{told}.",
            f"In batches of {size}{told}: {number.name} of every {label.name} becomes {set_to}.",
            f"batched update, {size} at a time{told}: {label.name}.{number.name} = {set_to}",
        )
        action = f"SET {v}.{number.name} = {set_to}"
    else:
        asked = either(
            rng,
            f"Delete all {label.name} nodes with their relationships in batches of {size}{told}.",
            f"Remove every {label.name}, {size} at a time{told}.",
            f"batched delete of {label.name}, {size}{told}",
        )
        action = f"DETACH DELETE {v}"
    query = f"MATCH ({v}:{label.name}) RETURN {v}"
    return Draft(
        asked,
        f"CALL apoc.periodic.iterate('{query}', {_quoted(action)}, {{batchSize: {size}{flag}}})",
        of.name,
    )


def _quoted(text: str) -> str:
    """A query as a string argument: in double quotes where it holds single ones."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def _dynamic(rng: random.Random) -> Draft:
    of = domain(rng)
    found = reading(of, rng)
    kind = rng.randrange(3)
    if kind == 0:
        asked = either(
            rng,
            f"Through apoc.cypher.run, return {found.ask}.",
            f"Run the query for {found.ask} dynamically with APOC.",
            f"apoc.cypher.run: {found.ask}",
        )
        return Draft(asked, f"CALL apoc.cypher.run({_quoted(found.cypher)}, {{}})", of.name)
    file = f"{rng.choice(pools()['noun']).lower()}_{rng.randrange(1, 100)}"
    form = rng.choice(("json", "csv"))
    asked = either(
        rng,
        f"Export {found.ask} to {file}.{form} with APOC.",
        f"Write {found.ask} into the file {file}.{form} through apoc.export.",
        f"apoc.export.{form}.query to {file}.{form}: {found.ask}",
    )
    return Draft(
        asked,
        f"CALL apoc.export.{form}.query({_quoted(found.cypher)}, '{file}.{form}', {{}})",
        of.name,
    )


def _load(rng: random.Random) -> Draft:
    file = f"{rng.choice(pools()['noun']).lower()}_{rng.choice(pools()['site'])}"
    name, what, end = rng.choice(
        (
            ("load.json", "Load the JSON file", "json"),
            ("load.jsonArray", "Load the JSON array in the file", "json"),
            ("load.csv", "Load the CSV file", "csv"),
            ("import.json", "Import the nodes and relationships of the JSON file", "json"),
            ("export.json.all", "Export the whole graph as JSON to", "json"),
            ("export.csv.all", "Export the whole graph as CSV to", "csv"),
        )
    )
    asked = either(
        rng,
        f"{what} {file}.{end} with APOC.",
        f"{what} {file}.{end} through apoc.",
        f"apoc.{name}: {file}.{end}",
    )
    options = ", {}" if name.startswith("export") else ""
    return Draft(asked, f"CALL apoc.{name}('{file}.{end}'{options})")


def _links(rng: random.Random) -> Draft:
    name, words = rng.choice(
        (
            ("adamicAdar", "Adamic-Adar"),
            ("commonNeighbors", "common neighbours"),
            ("jaccard", "Jaccard"),
            ("preferentialAttachment", "preferential attachment"),
            ("resourceAllocation", "resource allocation"),
        )
    )
    which, k = node_id(rng), rng.choice(COUNTS)
    asked = either(
        rng,
        f"Predict the {k} likeliest links of node '{which}' by {words}.",
        f"Which {k} nodes should '{which}' be linked to, judged by {words}?",
        f"link prediction, {words}, node {which}, top {k}",
    )
    return Draft(
        asked,
        f"CALL gds.linkPrediction.{name}.stream({{sourceNode: '{which}', topK: {k}}})",
    )


def _projection(rng: random.Random) -> Draft:
    of = domain(rng)
    edge = rng.choice(of.edges)
    name = f"{edge.start.name.lower()}_{rng.choice(pools()['site'])}"
    kind = rng.randrange(3)
    if kind == 0:
        asked = either(
            rng,
            f"Project {edge.start.name} nodes and {edge.type} relationships as the graph {name}.",
            f"Make the named graph {name} of {edge.start.name} and {edge.type}.",
            f"gds projection {name}: {edge.start.name}, {edge.type}",
        )
        answer = f"CALL gds.graph.project('{name}', '{edge.start.name}', '{edge.type}')"
        return Draft(asked, answer, of.name)
    if kind == 1:
        size = rng.choice((16, 32, 64, 96, 128, 192, 256, 384, 512))
        asked = either(
            rng,
            f"Compute FastRP embeddings of {size} dimensions over the graph {name}.",
            f"FastRP on {name}, {size} dimensions.",
            f"Embed the nodes of the projected graph {name} in {size} dimensions.",
        )
        return Draft(
            asked, f"CALL gds.fastRP.stream('{name}', {{embeddingDimension: {size}}})", of.name
        )
    asked = either(
        rng,
        f"Drop the projected graph {name}.",
        f"Remove the named graph {name}.",
        f"gds: drop {name}",
    )
    return Draft(asked, f"CALL gds.graph.drop('{name}')", of.name)


def _columns(rng: random.Random) -> Draft:
    """Several columns of several hits: what a ranking is usually wanted for."""
    of = domain(rng)
    label = rng.choice(of.labels)
    name, words, column = rng.choice(_SCORES)
    names = rng.sample([p.name for p in label.plain], 2)
    bound = rng.randrange(1, 200) / 1000
    asked = either(
        rng,
        f"Show {listing(names)} of {label.name} nodes whose {words} is above {bound}.",
        f"{label.name} nodes with a {words} over {bound}: {listing(names)}",
        f"Compute {words} over {label.name} and keep scores above {bound}; return "
        f"{listing(names)}.",
    )
    returned = ", ".join(f"node.{p}" for p in names)
    return Draft(
        asked,
        f"CALL apoc.algo.{name}('{label.name}') YIELD node, {column} WHERE {column} > {bound} "
        f"RETURN {returned}",
        of.name,
    )


FAMILIES = (
    Family("algorithm_score", ALGORITHMS, _score, 1.4),
    Family("algorithm_score_filter", ALGORITHMS, _columns, 0.8),
    Family("algorithm_groups", ALGORITHMS, _groups, 1.0),
    Family("link_prediction", ALGORITHMS, _links, 0.8),
    Family("graph_projection", ALGORITHMS, _projection, 0.9),
    Family("route", PATHS, _route, 1.2),
    Family("neighbours", PATHS, _neighbours, 1.1),
    Family("subgraph", PATHS, _subgraph, 1.1),
    Family("expand", PATHS, _expand, 1.0),
    Family("periodic_iterate", PERIODIC, _iterate, 1.2),
    Family("dynamic_cypher", PERIODIC, _dynamic, 1.2),
    Family("load_and_export", PERIODIC, _load, 0.4),
)
