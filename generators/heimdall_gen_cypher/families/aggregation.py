"""count, sum, avg, min, max, collect; alone, grouped, and filtered after grouping."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Kind, Label, Link, Num, Prop, Val


def _aggregate(function: str, kind: Kind, *said: str) -> Family:
    """An aggregate over all nodes; `said` are two adjectives for it."""
    return Family(
        name=function,
        category="cypher_aggregation",
        names=(Label("A"), Prop("q", "A", kind)),
        cypher=f"MATCH (<a>:<A>) RETURN {function}(<a>.<q>)",
        phrasings=(
            f"What is the {said[0]} <q> of all <A|plural>?",
            f"Show the {said[0]} <q> over every <A>.",
            f"Compute the {said[1]} <q> of <A> nodes.",
            f"Return the {said[1]} <q> among the <A|plural>.",
            f"{said[0]} <A> <q>",
            f"{function} of <q> over <A>",
        ),
        weight=0.35,
    )


FAMILIES = (
    Family(
        name="count_all",
        category="cypher_aggregation",
        names=(Label("A"),),
        cypher="MATCH (<a>:<A>) RETURN count(<a>)",
        phrasings=(
            "How many <A|plural> are there?",
            "Count the <A> nodes.",
            "What is the number of <A|plural>?",
            "Return how many nodes have the label <A>.",
            "number of <A> nodes",
            "Count all <A|plural>.",
        ),
        weight=0.3,
    ),
    Family(
        name="count_where",
        category="cypher_aggregation",
        names=(Label("A"), Prop("q", "A", "category")),
        values=(Val("x", "q"),),
        cypher="MATCH (<a>:<A> {<q>: <x>}) RETURN count(<a>)",
        phrasings=(
            "How many <A|plural> have the <q> <x>?",
            "Count the <A> nodes with <q> <x>.",
            "What is the number of <A|plural> whose <q> is <x>?",
            "Return how many <A> nodes have <q> <x>.",
            "number of <A> with <q> <x>",
        ),
        weight=0.8,
    ),
    _aggregate("sum", "measure", "total", "summed"),
    _aggregate("avg", "number", "average", "mean"),
    _aggregate("min", "number", "lowest", "minimum"),
    _aggregate("max", "number", "highest", "maximum"),
    Family(
        name="collect",
        category="cypher_aggregation",
        names=(Label("A"), Prop("g", "A", "group"), Prop("p", "A", "key")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<g>, collect(<a>.<p>)",
        phrasings=(
            "Collect the <p> of <A|plural> for each <g>.",
            "For each <g>, list the <p> of its <A> nodes as one list.",
            "Return every <A> <g> with the collected <p>.",
            "<A> <p> collected by <g>",
        ),
        weight=0.3,
    ),
    Family(
        name="count_distinct",
        category="cypher_aggregation",
        names=(Label("A"), Prop("p", "A", "no key")),
        cypher="MATCH (<a>:<A>) RETURN count(DISTINCT <a>.<p>)",
        phrasings=(
            "How many different <p> values do <A|plural> have?",
            "Count the distinct <p> of <A> nodes.",
            "What is the number of distinct <p> among the <A|plural>?",
            "Return how many different <p> the <A> nodes have.",
            "number of different <p> of <A>",
        ),
        weight=0.6,
    ),
    Family(
        name="group_count",
        category="cypher_aggregation",
        names=(Label("A"), Prop("g", "A", "group")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<g>, count(<a>)",
        phrasings=(
            "How many <A|plural> are there for each <g>?",
            "Count the <A> nodes per <g>.",
            "Show every <g> with its number of <A|plural>.",
            "Return <g> and the count of <A> nodes with it.",
            "<A> count by <g>",
        ),
        weight=0.4,
    ),
    Family(
        name="group_average",
        category="cypher_aggregation",
        names=(Label("A"), Prop("g", "A", "group"), Prop("q", "A", "number")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<g>, avg(<a>.<q>)",
        phrasings=(
            "What is the average <q> of <A|plural> for each <g>?",
            "Show the mean <q> of <A> nodes per <g>.",
            "Average the <q> of <A|plural> by <g>.",
            "Return every <A> <g> with its average <q>.",
            "mean <A> <q> by <g>",
        ),
        weight=0.5,
    ),
    Family(
        name="count_related",
        category="cypher_aggregation",
        names=(Link("A", "R", "B"), Prop("p", "A", "text")),
        cypher="MATCH (<a>:<A>)-[:<R>]->(<b>:<B>) RETURN <a>.<p>, count(<b>)",
        phrasings=(
            "How many <B|plural> per <A> <p>, following <R>?",
            "Count the <B> nodes that each <A> <R|words>, by <p>.",
            "Show every <A> <p> with its number of <B|plural> by <R>.",
            "Return <A> <p> and how many <B> nodes it <R|words>.",
            "<B> count by <A> <p> over <R>",
        ),
        weight=0.5,
    ),
    Family(
        name="having",
        category="cypher_aggregation",
        names=(Link("A", "R", "B"), Prop("p", "A", "text")),
        values=(Num("n", (2, 3, 4, 5, 6, 7, 8, 9, 10, 20)),),
        cypher=(
            "MATCH (<a>:<A>)-[:<R>]->(<b>:<B>) WITH <a>, count(<b>) AS total "
            "WHERE total > <n> RETURN <a>.<p>"
        ),
        phrasings=(
            "Which <A|plural> <R|words> more than <n> <B|plural>? Show <p>.",
            "Show the <p> of every <A> with over <n> <B> nodes by <R>.",
            "Find each <A> that <R|words> more than <n> <B> nodes and return its <p>.",
            "<p> of <A> with more than <n> <R> <B>",
        ),
    ),
)
