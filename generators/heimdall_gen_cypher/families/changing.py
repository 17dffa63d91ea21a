"""SET, REMOVE, DELETE and DETACH DELETE."""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import Label, Link, Prop, Val

_KEYED = (Label("A"), Prop("k", "A", "key"))

FAMILIES = (
    Family(
        name="set_property",
        category="cypher_update",
        names=(*_KEYED, Prop("p", "A", "valued")),
        values=(Val("x", "k"), Val("y", "p")),
        cypher="MATCH (<a>:<A> {<k>: <x>}) SET <a>.<p> = <y>",
        phrasings=(
            "Set the <p> of the <A> with <k> <x> to <y>.",
            "Change <p> to <y> for the <A> whose <k> is <x>.",
            "Update the <A> with <k> <x>: <p> is now <y>.",
            "<A> <k> <x>, <p> becomes <y>",
        ),
    ),
    Family(
        name="set_two_properties",
        category="cypher_update",
        names=(*_KEYED, Prop("p", "A", "valued"), Prop("q", "A", "valued")),
        values=(Val("x", "k"), Val("y", "p"), Val("z", "q")),
        cypher="MATCH (<a>:<A> {<k>: <x>}) SET <a>.<p> = <y>, <a>.<q> = <z>",
        phrasings=(
            "Set <p> to <y> and <q> to <z> on the <A> with <k> <x>.",
            "Change the <A> whose <k> is <x>: <p> to <y>, <q> to <z>.",
            "Update <A> <k> <x> with two values, <p> <y> and <q> <z>.",
            "<A> <k> <x>, <p> becomes <y>, <q> becomes <z>",
        ),
    ),
    Family(
        name="set_map",
        category="cypher_update",
        names=(*_KEYED, Prop("p", "A", "valued"), Prop("q", "A", "valued")),
        values=(Val("x", "k"), Val("y", "p"), Val("z", "q")),
        cypher="MATCH (<a>:<A> {<k>: <x>}) SET <a> += {<p>: <y>, <q>: <z>}",
        phrasings=(
            "Add the map <p> <y>, <q> <z> to the <A> with <k> <x>.",
            "Merge a property map into the <A> whose <k> is <x>: <p> <y>, <q> <z>.",
            "Update <A> <k> <x> from a map with <p> <y> and <q> <z>.",
            "<A> <k> <x> += <p> <y>, <q> <z>",
        ),
    ),
    Family(
        name="set_where",
        category="cypher_update",
        names=(Label("A"), Prop("q", "A", "number"), Prop("p", "A", "category")),
        values=(Val("x", "q"), Val("y", "p")),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> < <x> SET <a>.<p> = <y>",
        phrasings=(
            "Set <p> to <y> on every <A> with <q> below <x>.",
            "Change the <p> of all <A|plural> whose <q> is under <x> to <y>.",
            "Update each <A> where <q> is less than <x>: <p> is now <y>.",
            "<A> with <q> < <x>, <p> becomes <y>",
        ),
    ),
    Family(
        name="remove_property",
        category="cypher_update",
        names=(*_KEYED, Prop("p", "A")),
        values=(Val("x", "k"),),
        cypher="MATCH (<a>:<A> {<k>: <x>}) REMOVE <a>.<p>",
        phrasings=(
            "Remove the <p> of the <A> with <k> <x>.",
            "Take <p> off the <A> whose <k> is <x>.",
            "Clear the property <p> on <A> <k> <x>.",
            "How do I remove <p> from the <A> with <k> <x>?",
            "<A> <k> <x> without its <p>",
        ),
    ),
    Family(
        name="delete_node",
        category="cypher_delete",
        names=_KEYED,
        values=(Val("x", "k"),),
        cypher="MATCH (<a>:<A> {<k>: <x>}) DELETE <a>",
        phrasings=(
            "Delete the <A> with <k> <x>.",
            "Delete the unconnected <A> whose <k> is <x>.",
            "Drop the node <A> <k> <x>, nothing else.",
            "How do I delete the lone <A> <k> <x>?",
            "delete <A>, <k> <x>",
        ),
        weight=0.9,
    ),
    Family(
        name="detach_delete",
        category="cypher_delete",
        names=_KEYED,
        values=(Val("x", "k"),),
        cypher="MATCH (<a>:<A> {<k>: <x>}) DETACH DELETE <a>",
        phrasings=(
            "Delete the <A> with <k> <x> and all its relationships.",
            "Detach and delete the <A> whose <k> is <x>.",
            "Remove <A> <k> <x> with everything attached to it.",
            "How do I delete <A> <k> <x> together with its relationships?",
            "detach delete <A>, <k> <x>",
        ),
        weight=0.9,
    ),
    Family(
        name="detach_delete_where",
        category="cypher_delete",
        names=(Label("A"), Prop("q", "A", "number")),
        values=(Val("x", "q"),),
        cypher="MATCH (<a>:<A>) WHERE <a>.<q> < <x> DETACH DELETE <a>",
        phrasings=(
            "Delete every <A> with <q> below <x> and all their relationships.",
            "Detach and delete the <A|plural> whose <q> is under <x>.",
            "Remove all <A|plural> with <q> less than <x>, with everything attached.",
            "detach delete <A> where <q> < <x>",
        ),
    ),
    Family(
        name="delete_relationship",
        category="cypher_delete",
        names=(Link("A", "R", "B"), Prop("k", "A", "key"), Prop("l", "B", "key")),
        values=(Val("x", "k"), Val("y", "l")),
        cypher="MATCH (<a>:<A> {<k>: <x>})-[rel:<R>]->(<b>:<B> {<l>: <y>}) DELETE rel",
        phrasings=(
            "Delete <R> from the <A> with <k> <x> to the <B> with <l> <y>.",
            "Disconnect <A> <k> <x> from <B> <l> <y> by removing <R>.",
            "The <A> with <k> <x> no longer <R|words> the <B> with <l> <y>: delete that.",
            "delete <R>: <A> <k> <x> to <B> <l> <y>",
        ),
    ),
)
