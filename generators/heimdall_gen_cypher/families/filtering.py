"""WHERE: each comparison, string predicates, lists, null, AND, OR."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Label, Part, Piece, Prop, Span, Two, Val


def _comparison(name: str, operator: str, *said: str) -> Family:
    """A comparison with a number; `said` are four ways to say the operator."""
    return Family(
        name=name,
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "number"), Prop("p", "A", "key")),
        values=(Val("x", "q"),),
        cypher=f"MATCH (<a>:<A>) WHERE <a>.<q> {operator} <x> RETURN <a>.<p>",
        phrasings=(
            f"Which <A|plural> have <q> {said[0]} <x>? Show <p>.",
            f"Show the <p> of every <A> with <q> {said[1]} <x>.",
            f"List <p> for <A> nodes whose <q> is {said[2]} <x>.",
            f"Find each <A> with <q> {said[3]} <x> and return its <p>.",
            f"<p> of <A> where <q> {operator} <x>",
        ),
    )


def _text_test(name: str, operator: str, piece: Piece, *said: str) -> Family:
    """A string predicate; `said` are three ways to say it."""
    return Family(
        name=name,
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "text")),
        values=(Part("x", "q", piece),),
        cypher=f"MATCH (<a>:<A>) WHERE <a>.<q> {operator} <x> RETURN <a>.<q>",
        phrasings=(
            f"Which <A> <q> {said[0]} <x>?",
            f"Show the <q> of every <A> if it {said[0]} <x>.",
            f"List each <q> of <A> nodes {said[1]} <x>.",
            f"Find each <A> <q> {said[2]} <x>.",
            f"<q> of <A> that {said[0]} <x>",
        ),
    )


FAMILIES = (
    _comparison("greater", ">", "above", "greater than", "more than", "over"),
    _comparison("at_least", ">=", "of at least", "of no less than", "at least", "from"),
    _comparison("less", "<", "below", "less than", "smaller than", "under"),
    _comparison("at_most", "<=", "of at most", "of no more than", "at most", "up to"),
    Family(
        name="equals",
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "valued no key"), Prop("p", "A", "key")),
        values=(Val("x", "q"),),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> = <x> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have <q> equal to <x>? Show <p>.",
            "Show the <p> of every <A> where <q> equals <x>.",
            "List <p> for <A> nodes where <q> is exactly <x>.",
            "Find each <A> with <q> equal to <x> and return its <p>.",
            "<p> of <A> where <q> = <x>",
        ),
    ),
    Family(
        name="not_equal",
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "category"), Prop("p", "A", "key")),
        values=(Val("x", "q"),),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> <> <x> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have a <q> other than <x>? Show <p>.",
            "Show the <p> of every <A> whose <q> is not <x>.",
            "List <p> for <A> nodes with <q> different from <x>.",
            "Find each <A> with a <q> unequal to <x> and return its <p>.",
            "<p> of <A> where <q> <> <x>",
        ),
    ),
    Family(
        name="between",
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "number"), Prop("p", "A", "key")),
        values=(Span("x", "y", "q"),),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> >= <x> AND <a>.<q> <= <y> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have <q> between <x> and <y>? Show <p>.",
            "Show the <p> of every <A> with <q> from <x> to <y>.",
            "List <p> for <A> nodes whose <q> lies in the range <x> to <y>.",
            "Find each <A> with <q> between <x> and <y> and return its <p>.",
            "<p> of <A> where <q> is <x> to <y>",
        ),
    ),
    _text_test(
        "starts_with", "STARTS WITH", "start", "starts with", "starting with", "beginning with"
    ),
    _text_test("ends_with", "ENDS WITH", "end", "ends with", "ending with", "ending in"),
    _text_test("contains", "CONTAINS", "inside", "contains", "containing", "that includes"),
    Family(
        name="in_list",
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "category"), Prop("p", "A", "key")),
        values=(Two("x", "y", "q"),),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> IN [<x>, <y>] RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have <q> <x> or <y>? Show <p>.",
            "Show the <p> of every <A> whose <q> is one of <x>, <y>.",
            "List <p> for <A> nodes with <q> in the list <x>, <y>.",
            "Find each <A> with <q> either <x> or <y> and return its <p>.",
            "<p> of <A> where <q> in <x>, <y>",
        ),
    ),
    Family(
        name="is_null",
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "no key"), Prop("p", "A", "key")),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> IS NULL RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have no <q>? Show <p>.",
            "Show the <p> of every <A> without <q>.",
            "List <p> for <A> nodes whose <q> is missing.",
            "Find each <A> where <q> is not set and return its <p>.",
            "<p> of <A> where <q> is null",
        ),
        weight=0.7,
    ),
    Family(
        name="is_not_null",
        category="cypher_filtering",
        names=(Label("A"), Prop("q", "A", "no key"), Prop("p", "A", "key")),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> IS NOT NULL RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have a known <q>? Show <p>.",
            "Show the <p> of every <A> that has a <q>.",
            "List <p> for <A> nodes whose <q> is present.",
            "Find each <A> where <q> is set and return its <p>.",
            "<p> of <A> where <q> is not null",
        ),
        weight=0.7,
    ),
    Family(
        name="and",
        category="cypher_filtering",
        names=(
            Label("A"),
            Prop("q", "A", "category"),
            Prop("o", "A", "number"),
            Prop("p", "A", "key"),
        ),
        values=(Val("x", "q"), Val("y", "o")),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> = <x> AND <a>.<o> > <y> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have <q> <x> and <o> above <y>? Show <p>.",
            "Show the <p> of every <A> whose <q> is <x> and whose <o> is over <y>.",
            "List <p> for <A> nodes with both <q> <x> and <o> more than <y>.",
            "Find each <A> with <q> <x> and <o> greater than <y> and return its <p>.",
            "<p> of <A> where <q> = <x> and <o> > <y>",
        ),
    ),
    Family(
        name="or",
        category="cypher_filtering",
        names=(
            Label("A"),
            Prop("q", "A", "category"),
            Prop("o", "A", "number"),
            Prop("p", "A", "key"),
        ),
        values=(Val("x", "q"), Val("y", "o")),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> = <x> OR <a>.<o> < <y> RETURN <a>.<p>",
        phrasings=(
            "Which <A|plural> have <q> <x> or <o> below <y>? Show <p>.",
            "Show the <p> of every <A> whose <q> is <x> or whose <o> is under <y>.",
            "List <p> for <A> nodes with either <q> <x> or <o> less than <y>.",
            "Find each <A> with <q> <x> or <o> smaller than <y> and return its <p>.",
            "<p> of <A> where <q> = <x> or <o> < <y>",
        ),
    ),
)
