"""CREATE and MERGE, of nodes and of relationships between nodes that exist."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Label, Link, Prop, Two, Val

_KEYED = (Label("A"), Prop("k", "A", "key"))
_BETWEEN = (Link("A", "R", "B"), Prop("k", "A", "key"), Prop("l", "B", "key"))

FAMILIES = (
    Family(
        name="create_node",
        category="cypher_create",
        names=(*_KEYED, Prop("p", "A", "valued")),
        values=(Val("x", "k"), Val("y", "p")),
        cypher="CREATE (<a>:<A> {<k>: <x>, <p>: <y>})",
        phrasings=(
            "Create the <A> with <k> <x> and <p> <y>.",
            "Add one <A> whose <k> is <x> and whose <p> is <y>.",
            "Insert a new <A> node: <k> <x>, <p> <y>.",
            "new <A>, <k> <x>, <p> <y>",
        ),
    ),
    Family(
        name="create_relationship",
        category="cypher_create",
        names=_BETWEEN,
        values=(Val("x", "k"), Val("y", "l")),
        cypher=("MATCH (<a>:<A> {<k>: <x>}), (<b>:<B> {<l>: <y>}) CREATE (<a>)-[:<R>]->(<b>)"),
        phrasings=(
            "Create <R> from the <A> with <k> <x> to the <B> with <l> <y>.",
            "Connect <A> <k> <x> to <B> <l> <y> by a new <R>.",
            "Record that the <A> with <k> <x> <R|words> the <B> with <l> <y>.",
            "new <R>: <A> <k> <x> to <B> <l> <y>",
        ),
    ),
    Family(
        name="create_relationship_with_property",
        category="cypher_create",
        names=(*_BETWEEN, Prop("w", "R", "valued")),
        values=(Val("x", "k"), Val("y", "l"), Val("z", "w")),
        cypher=(
            "MATCH (<a>:<A> {<k>: <x>}), (<b>:<B> {<l>: <y>}) CREATE (<a>)-[:<R> {<w>: <z>}]->(<b>)"
        ),
        phrasings=(
            "Create <R> with <w> <z> from the <A> with <k> <x> to the <B> with <l> <y>.",
            "Connect <A> <k> <x> to <B> <l> <y> by a new <R> with <w> <z>.",
            "Record that the <A> with <k> <x> <R|words> the <B> with <l> <y>, <w> <z>.",
            "new <R> with <w> <z>: <A> <k> <x> to <B> <l> <y>",
        ),
    ),
    Family(
        name="create_path",
        category="cypher_create",
        names=_BETWEEN,
        values=(Val("x", "k"), Val("y", "l")),
        cypher="CREATE (:<A> {<k>: <x>})-[:<R>]->(:<B> {<l>: <y>})",
        phrasings=(
            "Create both the <A> with <k> <x> and the <B> with <l> <y>, joined by <R>.",
            "Add two new nodes, <A> <k> <x> and <B> <l> <y>, and <R> between them.",
            "Insert a new <A> <k> <x> that <R|words> a new <B> <l> <y>.",
            "two new nodes: <A> <k> <x>, <R>, <B> <l> <y>",
        ),
    ),
    Family(
        name="merge_node",
        category="cypher_merge",
        names=_KEYED,
        values=(Val("x", "k"),),
        cypher="MERGE (<a>:<A> {<k>: <x>})",
        phrasings=(
            "Merge the <A> with <k> <x>.",
            "Make sure that there is one <A> with <k> <x>.",
            "Create the <A> with <k> <x> if it is missing.",
            "Add <A> <k> <x> unless it exists.",
            "merge <A>, <k> <x>",
        ),
        weight=0.9,
    ),
    Family(
        name="merge_on_create",
        category="cypher_merge",
        names=(*_KEYED, Prop("p", "A", "valued")),
        values=(Val("x", "k"), Val("y", "p")),
        cypher="MERGE (<a>:<A> {<k>: <x>}) ON CREATE SET <a>.<p> = <y>",
        phrasings=(
            "Merge the <A> with <k> <x>; if it is new, set <p> to <y>.",
            "Make sure that <A> <k> <x> exists, with <p> <y> when created.",
            "Merge <A> <k> <x> and on create set <p> to <y>.",
            "merge <A>, <k> <x>, on create <p> <y>",
        ),
    ),
    Family(
        name="merge_on_match",
        category="cypher_merge",
        names=(*_KEYED, Prop("p", "A", "valued")),
        values=(Val("x", "k"), Val("y", "p")),
        cypher="MERGE (<a>:<A> {<k>: <x>}) ON MATCH SET <a>.<p> = <y>",
        phrasings=(
            "Merge the <A> with <k> <x>; if it exists, set <p> to <y>.",
            "Make sure that <A> <k> <x> exists, with <p> <y> when matched.",
            "Merge <A> <k> <x> and on match set <p> to <y>.",
            "merge <A>, <k> <x>, on match <p> <y>",
        ),
    ),
    Family(
        name="merge_create_and_match",
        category="cypher_merge",
        names=(*_KEYED, Prop("p", "A", "number")),
        values=(Val("x", "k"), Two("y", "z", "p")),
        cypher=(
            "MERGE (<a>:<A> {<k>: <x>}) ON CREATE SET <a>.<p> = <y> ON MATCH SET <a>.<p> = <z>"
        ),
        phrasings=(
            "Merge the <A> with <k> <x>; set <p> to <y> if it is new, else to <z>.",
            "Make sure that <A> <k> <x> exists, <p> <y> when created and <z> when matched.",
            "Merge <A> <k> <x>, on create <p> <y>, on match <z>.",
        ),
    ),
    Family(
        name="merge_relationship",
        category="cypher_merge",
        names=_BETWEEN,
        values=(Val("x", "k"), Val("y", "l")),
        cypher="MATCH (<a>:<A> {<k>: <x>}), (<b>:<B> {<l>: <y>}) MERGE (<a>)-[:<R>]->(<b>)",
        phrasings=(
            "Merge <R> from the <A> with <k> <x> to the <B> with <l> <y>.",
            "Connect <A> <k> <x> to <B> <l> <y> by <R> unless they are already.",
            "Make sure that the <A> with <k> <x> <R|words> the <B> with <l> <y>.",
            "merge <R>: <A> <k> <x> to <B> <l> <y>",
        ),
    ),
)
