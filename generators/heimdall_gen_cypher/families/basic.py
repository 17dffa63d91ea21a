"""Reading nodes and their properties; small expressions in RETURN."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Label, Prop, Two, Val, Words

FAMILIES = (
    Family(
        name="match_all",
        category="cypher_basic",
        names=(Label("A"),),
        cypher="MATCH (<a>:<A>) RETURN <a>",
        phrasings=(
            "Show every <A> node.",
            "List all <A|plural>.",
            "Which <A|plural> are there?",
            "Return all nodes with the label <A>.",
            "all <A> nodes",
        ),
        weight=0.3,
    ),
    Family(
        name="match_property",
        category="cypher_basic",
        names=(Label("A"), Prop("p", "A")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p>",
        phrasings=(
            "Show the <p> of every <A>.",
            "List the <p> of all <A|plural>.",
            "What <p> does each <A> have?",
            "Return <p> for all <A> nodes.",
            "<p> of all <A|plural>",
        ),
        weight=0.6,
    ),
    Family(
        name="match_two_properties",
        category="cypher_basic",
        names=(Label("A"), Prop("p", "A"), Prop("q", "A")),
        cypher="MATCH (<a>:<A>) RETURN <a>.<p>, <a>.<q>",
        phrasings=(
            "Show the <p> and <q> of every <A>.",
            "List <p> and <q> of all <A|plural>.",
            "What <p> and <q> does each <A> have?",
            "Return <p> and <q> for all <A> nodes.",
            "<p> and <q> of all <A|plural>",
        ),
        weight=0.8,
    ),
    Family(
        name="match_by_key",
        category="cypher_basic",
        names=(Label("A"), Prop("k", "A", "key")),
        values=(Val("x", "k"),),
        cypher="MATCH (<a>:<A> {<k>: <x>}) RETURN <a>",
        phrasings=(
            "Find the <A> with <k> <x>.",
            "Show the <A> whose <k> is <x>.",
            "Which <A> has the <k> <x>?",
            "Look up the <A> node with <k> <x>.",
            "<A> with <k> <x>",
        ),
        weight=0.9,
    ),
    Family(
        name="match_property_by_key",
        category="cypher_basic",
        names=(Label("A"), Prop("k", "A", "key"), Prop("p", "A")),
        values=(Val("x", "k"),),
        cypher="MATCH (<a>:<A> {<k>: <x>}) RETURN <a>.<p>",
        phrasings=(
            "What is the <p> of the <A> with <k> <x>?",
            "Show the <p> of the <A> whose <k> is <x>.",
            "Give me the <p> of <A> with <k> <x>.",
            "Find <p> for the <A> with <k> <x>.",
            "<p> of the <A> with <k> <x>",
        ),
    ),
    Family(
        name="distinct",
        category="cypher_basic",
        names=(Label("A"), Prop("p", "A", "no key")),
        cypher="MATCH (<a>:<A>) RETURN DISTINCT <a>.<p>",
        phrasings=(
            "Show the distinct <p> of <A> nodes.",
            "List each different <p> of the <A|plural> once.",
            "Which different <p> values do <A> nodes have?",
            "Return <p> of all <A|plural> without duplicates.",
            "distinct <p> of <A>",
        ),
        weight=0.6,
    ),
    Family(
        name="upper_case",
        category="cypher_expressions",
        names=(Label("A"), Prop("p", "A", "text")),
        cypher="MATCH (<a>:<A>) RETURN toUpper(<a>.<p>)",
        phrasings=(
            "Show the <p> of every <A> in upper case.",
            "List the <p> of all <A|plural> in capital letters.",
            "What is each <A> node's <p> in upper case?",
            "Return <p> of all <A> nodes, upper-cased.",
            "<A> <p> in capitals",
        ),
        weight=0.4,
    ),
    Family(
        name="case_when",
        category="cypher_expressions",
        names=(Label("A"), Prop("p", "A", "key"), Prop("q", "A", "number")),
        values=(
            Val("n", "q"),
            Words(
                ("x", "y"),
                (("high", "low"), ("big", "small"), ("new", "old"), ("yes", "no"), ("A", "B")),
            ),
        ),
        cypher=(
            "MATCH (<a>:<A>) RETURN <a>.<p>, "
            "CASE WHEN <a>.<q> > <n> THEN '<x>' ELSE '<y>' END AS result"
        ),
        phrasings=(
            "Show the <p> of each <A> and '<x>' if <q> is above <n>, else '<y>'.",
            "For every <A> return <p> and whether <q> exceeds <n>: '<x>' or '<y>'.",
            "<A> <p>, with '<x>' for <q> above <n> and '<y>' for the rest",
        ),
    ),
    Family(
        name="unwind_list",
        category="cypher_expressions",
        names=(Label("A"), Prop("p", "A", "valued")),
        values=(Two("x", "y", "p"),),
        cypher="UNWIND [<x>, <y>] AS <p> RETURN <p>",
        phrasings=(
            "Unwind the list <x>, <y> as <p>.",
            "Turn the list of <x> and <y> into rows named <p>.",
            "Return the values <x> and <y> as rows called <p>.",
            "list <x>, <y> to rows, column <p>",
        ),
        weight=0.5,
    ),
)
