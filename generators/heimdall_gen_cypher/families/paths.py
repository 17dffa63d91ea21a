"""Paths along one relationship type that joins a label with itself."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Link, Num, Prop, Two, Val

_LOOP = (Link("A", "R", "B", loop=True), Prop("k", "A", "key"))
_HOPS = Num("n", range(2, 8))
#: openCypher 9 has no shortestPath.
_SHORTEST = ("nornicdb", "neo4j", "neo4j5")

FAMILIES = (
    Family(
        name="variable_length",
        category="cypher_paths",
        names=(*_LOOP, Prop("p", "A")),
        values=(Val("x", "k"), _HOPS),
        cypher="MATCH (<a>:<A> {<k>: <x>})-[:<R>*1..<n>]->(<b>:<A>) RETURN <b>.<p>",
        phrasings=(
            "Which <A> <p> is within <n> <R> hops of <k> <x>?",
            "From the <A> with <k> <x>, follow <R> up to <n> times and show each <p>.",
            "Show the <p> of every <A> that <k> <x> reaches in 1 to <n> steps of <R>.",
            "<A> <k> <x>, <R> up to <n> hops, <p>",
        ),
    ),
    Family(
        name="exact_length",
        category="cypher_paths",
        names=(*_LOOP, Prop("p", "A")),
        values=(Val("x", "k"), _HOPS),
        cypher="MATCH (<a>:<A> {<k>: <x>})-[:<R>*<n>]->(<b>:<A>) RETURN <b>.<p>",
        phrasings=(
            "Which <A> <p> is exactly <n> <R> hops from <k> <x>?",
            "From the <A> with <k> <x>, follow <R> exactly <n> times and show each <p>.",
            "Show the <p> of every <A> that <k> <x> reaches in just <n> steps of <R>.",
            "<A> <k> <x>, <R> exactly <n> hops, <p>",
        ),
    ),
    Family(
        name="shortest_path",
        category="cypher_paths",
        names=_LOOP,
        values=(Two("x", "y", "k"), _HOPS),
        cypher=(
            "MATCH path = shortestPath((<a>:<A> {<k>: <x>})-[:<R>*1..<n>]->(<b>:<A> {<k>: <y>})) "
            "RETURN path"
        ),
        phrasings=(
            "What is the shortest <R> path from <A> <k> <x> to <y>, at most <n> hops?",
            "Find the shortest path by <R> between <A> <k> <x> and <y> within <n> hops.",
            "Show the shortest way from the <A> with <k> <x> to <y> along <R>, <n> steps at most.",
            "shortest <R> path, <A> <k> <x> to <y>, max <n>",
        ),
        weight=0.8,
        dialects=_SHORTEST,
    ),
    Family(
        name="shortest_length",
        category="cypher_paths",
        names=_LOOP,
        values=(Two("x", "y", "k"), _HOPS),
        cypher=(
            "MATCH path = shortestPath((<a>:<A> {<k>: <x>})-[:<R>*1..<n>]->(<b>:<A> {<k>: <y>})) "
            "RETURN length(path)"
        ),
        phrasings=(
            "How long is the shortest <R> path from <A> <k> <x> to <y>, at most <n> hops?",
            "Count the hops of the shortest <R> path between <A> <k> <x> and <y> within <n>.",
            "How many steps of <R> lead from the <A> with <k> <x> to <y>, <n> at most?",
            "shortest <R> distance, <A> <k> <x> to <y>, max <n>",
        ),
        weight=0.8,
        dialects=_SHORTEST,
    ),
)
