"""EXISTS, and what only Neo4j evaluates rightly: COUNT subqueries and OPTIONAL MATCH."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Link, Prop, Val

_NEO4J = ("neo4j", "neo4j5")
_LINK = (Link("A", "R", "B"),)

FAMILIES = (
    Family(
        name="exists",
        category="cypher_subqueries",
        names=(*_LINK, Prop("p", "A")),
        cypher="MATCH (<a>:<A>) WHERE EXISTS { MATCH (<a>)-[:<R>]->(:<B>) } RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have at least one <R> to a <B>? Show <p>.",
            "Show the <p> of every <A> for which some <R> to <B> exists.",
            "List <p> for each <A> that <R|words> at least one <B>.",
            "Return the <p> of <A> nodes where <R> to a <B> exists.",
            "<p> of <A> where <R> to <B> exists",
        ),
        variants={
            "opencypher9": "MATCH (<a>:<A>) WHERE (<a>)-[:<R>]->(:<B>) RETURN <a>.<p>",
        },
        weight=0.8,
    ),
    Family(
        name="not_exists",
        category="cypher_subqueries",
        names=(*_LINK, Prop("p", "A")),
        cypher="MATCH (<a>:<A>) WHERE NOT EXISTS { MATCH (<a>)-[:<R>]->(:<B>) } RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have no <R> to any <B>? Show <p>.",
            "Show the <p> of every <A> without <R> to a <B>.",
            "List <p> for each <A> that never <R|words> any <B>.",
            "Return the <p> of <A> nodes where no <R> to a <B> exists.",
            "<p> of <A> where <R> to <B> does not exist",
        ),
        variants={
            "opencypher9": "MATCH (<a>:<A>) WHERE NOT (<a>)-[:<R>]->(:<B>) RETURN <a>.<p>",
        },
        weight=0.8,
    ),
    Family(
        name="exists_with_value",
        category="cypher_subqueries",
        names=(*_LINK, Prop("k", "B", "key"), Prop("p", "A", "key")),
        values=(Val("x", "k"),),
        cypher=(
            "MATCH (<a>:<A>) WHERE EXISTS { MATCH (<a>)-[:<R>]->(:<B> {<k>: <x>}) } RETURN <a>.<p>"
        ),
        phrasings=(
            "Which <A|plural> have at least one <R> to a <B> with <k> <x>? Show <p>.",
            "Show the <p> of every <A> for which some <R> to the <B> with <k> <x> exists.",
            "List <p> for each <A> that <R|words> at least one <B> with <k> <x>.",
            "<p> of <A> where <R> to <B> <k> <x> exists",
        ),
        variants={
            "opencypher9": ("MATCH (<a>:<A>) WHERE (<a>)-[:<R>]->(:<B> {<k>: <x>}) RETURN <a>.<p>"),
        },
    ),
    Family(
        name="count_subquery",
        category="cypher_subqueries",
        names=(*_LINK, Prop("p", "A")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p>, COUNT { (<a>)-[:<R>]->(:<B>) } AS total",
        phrasings=(
            "Show every single <A> by <p> with its <R> count to <B>, zero included.",
            "For each <A> list <p> and how often it <R|words> any <B>, even 0 times.",
            "<A> <p> and number of <R> to <B>, with zeros",
        ),
        dialects=_NEO4J,
    ),
    Family(
        name="optional_match",
        category="cypher_relationships",
        names=(*_LINK, Prop("p", "A", "key"), Prop("q", "B")),
        cypher=("MATCH (<a>:<A>) OPTIONAL MATCH (<a>)-[:<R>]->(<b>:<B>) RETURN <a>.<p>, <b>.<q>"),
        phrasings=(
            "Show the <p> of every <A> and the <q> of the <B> it <R|words>, if any.",
            "List all <A> <p> with the <B> <q> by <R>, or null without one.",
            "<A> <p> and, where <R> exists, <B> <q>",
        ),
        dialects=(*_NEO4J, "opencypher9"),
    ),
)
