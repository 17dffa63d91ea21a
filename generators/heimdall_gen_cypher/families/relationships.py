"""Following relationships: out, in, two hops, and by what the relationship holds."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Link, Prop, Val

_LINK = (Link("A", "R", "B"),)

FAMILIES = (
    Family(
        name="traverse_all",
        category="cypher_relationships",
        names=(*_LINK, Prop("p", "A", "key"), Prop("q", "B")),
        cypher="MATCH (<a>:<A>)-[:<R>]->(<b>:<B>) RETURN <a>.<p>, <b>.<q>",
        phrasings=(
            "Show the <A> <p> and the <B> <q> for every <R>.",
            "Which <A> <R|words> which <B>? Show <A> <p> and <B> <q>.",
            "List all pairs <A> <R> <B> with the <p> and the <q>.",
            "<A> <p> and <B> <q> along <R>",
        ),
    ),
    Family(
        name="traverse_out",
        category="cypher_relationships",
        names=(*_LINK, Prop("k", "A", "key"), Prop("p", "B")),
        values=(Val("x", "k"),),
        cypher="MATCH (<a>:<A> {<k>: <x>})-[:<R>]->(<b>:<B>) RETURN <b>.<p>",
        phrasings=(
            "The <A> with <k> <x> <R|words> which <B|plural>? Show <p>.",
            "From the <A> with <k> <x>, follow <R> to each <B> and show its <p>.",
            "Start at <A> <k> <x>: list the <p> of every <B> at the end of <R>.",
            "<A> <k> <x>, outgoing <R>, <B> <p>",
        ),
    ),
    Family(
        name="traverse_in",
        category="cypher_relationships",
        names=(*_LINK, Prop("k", "B", "key"), Prop("p", "A")),
        values=(Val("x", "k"),),
        cypher="MATCH (<b>:<B> {<k>: <x>})<-[:<R>]-(<a>:<A>) RETURN <a>.<p>",
        phrasings=(
            "Into the <B> with <k> <x>, which <A|plural> <R|words>? Show <p>.",
            "To the <B> with <k> <x>, follow <R> back to each <A> and show its <p>.",
            "End at <B> <k> <x>: list the <p> of every <A> at the start of <R>.",
            "<B> <k> <x>, incoming <R>, <A> <p>",
        ),
    ),
    Family(
        name="traverse_filter",
        category="cypher_relationships",
        names=(*_LINK, Prop("q", "B", "number"), Prop("p", "A", "key")),
        values=(Val("x", "q"),),
        cypher="MATCH (<a>:<A>)-[:<R>]->(<b>:<B>) WHERE <b>.<q> > <x> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> <R|words> <B|plural> with <q> above <x>? Show <p>.",
            "Show the <p> of every <A> that <R|words> any <B> with <q> over <x>.",
            "List <p> for each <A> with <R> to some <B> whose <q> is more than <x>.",
            "<A> <p> where <R> leads to <B> with <q> > <x>",
        ),
    ),
    Family(
        name="two_hop",
        category="cypher_relationships",
        names=(
            Link("A", "R", "B"),
            Link("B", "S", "C"),
            Prop("p", "A", "key"),
            Prop("q", "C"),
        ),
        cypher=("MATCH (<a>:<A>)-[:<R>]->(<b>:<B>)-[:<S>]->(<c>:<C>) RETURN <a>.<p>, <c>.<q>"),
        phrasings=(
            "For each <A> that <R|words> any <B> that <S|words> any <C>: <p> and last <q>.",
            "Follow <R> from <A> to <B>, then <S> to <C>; return the first <p> and last <q>.",
            "path <A> <R> <B> <S> <C>: first <p>, last <q>",
        ),
        weight=0.6,
    ),
    Family(
        name="relationship_property",
        category="cypher_relationships",
        names=(*_LINK, Prop("w", "R"), Prop("p", "A", "key"), Prop("q", "B")),
        cypher="MATCH (<a>:<A>)-[rel:<R>]->(<b>:<B>) RETURN <a>.<p>, rel.<w>, <b>.<q>",
        phrasings=(
            "Show the <A> <p>, the <R> <w> and the <B> <q>.",
            "For every <A> that <R|words> any <B>, list <p>, the <w> of <R> and <q>.",
            "<A> <p>, <w> on <R>, <B> <q>",
        ),
        weight=0.5,
    ),
    Family(
        name="relationship_filter",
        category="cypher_relationships",
        names=(*_LINK, Prop("w", "R", "number"), Prop("p", "A", "key")),
        values=(Val("x", "w"),),
        cypher="MATCH (<a>:<A>)-[rel:<R>]->(:<B>) WHERE rel.<w> > <x> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> <R|words> any <B> by <w> above <x>? Show <p>.",
            "Show the <p> of every <A> with <R> to any <B> where the <R> has <w> over <x>.",
            "List <A> <p> where <w> on <R> to <B> is more than <x>.",
            "<p> of <A> with <R> <w> > <x> to <B>",
        ),
    ),
)
