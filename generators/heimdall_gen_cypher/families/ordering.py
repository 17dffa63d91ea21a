"""ORDER BY, SKIP and LIMIT."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Label, Link, Num, Prop

_PAGE = (5, 10, 20, 30, 40, 50)
_FEW = (2, 3, 4, 5, 6, 7, 8, 9, 10, 20)

FAMILIES = (
    Family(
        name="order_ascending",
        category="cypher_ordering",
        names=(Label("A"), Prop("p", "A", "key"), Prop("q", "A", "sortable")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p> ORDER BY <a>.<q>",
        phrasings=(
            "Show the <p> of all <A|plural> ordered by <q>.",
            "List <A> <p> sorted by <q>, lowest first.",
            "Return <p> for every <A> in ascending order of <q>.",
            "<A> <p> by <q> ascending",
        ),
        weight=0.6,
    ),
    Family(
        name="order_descending",
        category="cypher_ordering",
        names=(Label("A"), Prop("p", "A", "key"), Prop("q", "A", "sortable")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p> ORDER BY <a>.<q> DESC",
        phrasings=(
            "Show the <p> of all <A|plural> in reverse order of <q>.",
            "List <A> <p> sorted by <q>, highest first.",
            "Return <p> for every <A> in descending order of <q>.",
            "<A> <p> by <q> descending",
        ),
        weight=0.6,
    ),
    Family(
        name="top",
        category="cypher_ordering",
        names=(Label("A"), Prop("q", "A", "number"), Prop("p", "A", "key")),
        values=(Num("n", _FEW),),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p> ORDER BY <a>.<q> DESC LIMIT <n>",
        phrasings=(
            "Which <n> <A|plural> have the highest <q>? Show <p>.",
            "Show the <p> of the <n> <A> nodes with the most <q>.",
            "List <p> for the top <n> <A|plural> by <q>.",
            "Return the <p> of the <n> <A|plural> with the largest <q>.",
            "top <n> <A> by <q>: <p>",
        ),
    ),
    Family(
        name="bottom",
        category="cypher_ordering",
        names=(Label("A"), Prop("q", "A", "number"), Prop("p", "A", "key")),
        values=(Num("n", _FEW),),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p> ORDER BY <a>.<q> LIMIT <n>",
        phrasings=(
            "Which <n> <A|plural> have the lowest <q>? Show <p>.",
            "Show the <p> of the <n> <A> nodes with the least <q>.",
            "List <p> for the bottom <n> <A|plural> by <q>.",
            "Return the <p> of the <n> <A|plural> with the smallest <q>.",
            "bottom <n> <A> by <q>: <p>",
        ),
    ),
    Family(
        name="limit",
        category="cypher_ordering",
        names=(Label("A"), Prop("p", "A")),
        values=(Num("n", _FEW),),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p> LIMIT <n>",
        phrasings=(
            "Show the <p> of any <n> <A|plural>.",
            "List <p> for at most <n> <A> nodes.",
            "Give me <n> <A|plural>, just the <p>.",
            "Return <p> of <A> nodes, limited to <n> rows.",
            "<n> <A> <p> values",
        ),
        weight=0.8,
    ),
    Family(
        name="page",
        category="cypher_ordering",
        names=(Label("A"), Prop("p", "A", "sortable")),
        values=(Num("m", _PAGE), Num("n", _PAGE)),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p> ORDER BY <a>.<p> SKIP <m> LIMIT <n>",
        phrasings=(
            "Show <n> <A|plural> by <p> after skipping <m>.",
            "List <A> <p> in order, skip <m>, limit <n>.",
            "Return the next <n> <p> of <A> nodes after the first <m>, sorted.",
            "sorted <A> <p>, skip <m>, take <n>",
        ),
    ),
    Family(
        name="top_related",
        category="cypher_ordering",
        names=(Link("A", "R", "B"), Prop("p", "A", "text")),
        values=(Num("n", _FEW),),
        cypher=(
            "MATCH (<a>:<A>)-[:<R>]->(<b>:<B>) "
            "RETURN <a>.<p>, count(<b>) AS total ORDER BY total DESC LIMIT <n>"
        ),
        phrasings=(
            "Which <n> <A> <p> values come with the most <B|plural> by <R>, and how many?",
            "Show the <n> <A> <p> values with the most <R> to <B>, with the count.",
            "Top <n> <A> <p> that <R|words> the most <B|plural>, with the total.",
        ),
    ),
)
