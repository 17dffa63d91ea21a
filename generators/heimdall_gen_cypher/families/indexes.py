"""Indexes and constraints, and searching through them.

NornicDB takes the dimensions of a vector index from the procedure alone: it accepts the
`CREATE VECTOR INDEX` statement too but ignores the options. It ignores `DROP INDEX` and
`DROP CONSTRAINT`, so there only the dropping procedures are taught.
"""

from __future__ import annotations

from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.slots import IndexName, Label, Num, Prop, Val, Words

_WITH_INDEXES = ("nornicdb", "neo4j", "neo4j5")
_NEO4J = ("neo4j", "neo4j5")
_DIMENSIONS = Num("n", (128, 256, 384, 512, 768))
_SIMILARITY = Words(("s",), (("cosine",), ("euclidean",)))
_TEXT_INDEX = IndexName("i", "A", ("_text", "_search", "_words", "_fulltext"))
_VECTOR_INDEX = IndexName("i", "A", ("_vectors", "_embeddings", "_similar", "_knn"))
_NEO4J_VECTOR_INDEX = (
    "CREATE VECTOR INDEX <i> FOR (<a>:<A>) ON (<a>.<p>) OPTIONS {indexConfig: "
    "{`vector.dimensions`: <n>, `vector.similarity_function`: '<s>'}}"
)

FAMILIES = (
    Family(
        name="create_index",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "sortable")),
        cypher="CREATE INDEX FOR (<a>:<A>) ON (<a>.<p>)",
        phrasings=(
            "Create an index on the <p> of <A>.",
            "Index <A> nodes by <p>.",
            "How do I speed up lookups of <A|plural> by <p>?",
            "Add an index for <A> <p>.",
            "index on <A> <p>",
        ),
        weight=0.5,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="create_named_index",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "sortable")),
        values=(IndexName("i", "A", ("_index", "_lookup", "_idx", "_by")),),
        cypher="CREATE INDEX <i> IF NOT EXISTS FOR (<a>:<A>) ON (<a>.<p>)",
        phrasings=(
            "Create the index <i> on the <p> of <A> if it does not exist.",
            "Index <A> nodes by <p> as <i>, unless that exists.",
            "Make sure that there is an index <i> for <A> <p>.",
            "index <i> on <A> <p> if missing",
        ),
        weight=0.6,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="create_composite_index",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A"), Prop("q", "A")),
        cypher="CREATE INDEX FOR (<a>:<A>) ON (<a>.<p>, <a>.<q>)",
        phrasings=(
            "Create one index on both <p> and <q> of <A>.",
            "Index <A> nodes by <p> and <q> together.",
            "Add a composite index for <A> <p> and <q>.",
            "composite index on <A> <p>, <q>",
        ),
        weight=0.6,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="create_fulltext_index",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "text")),
        values=(_TEXT_INDEX,),
        cypher="CREATE FULLTEXT INDEX <i> FOR (<a>:<A>) ON EACH [<a>.<p>]",
        phrasings=(
            "Create the full-text index <i> on the <p> of <A>.",
            "Make <A> <p> searchable by words, with an index called <i>.",
            "Add a full-text index <i> for <A> <p>.",
            "full-text index <i> on <A> <p>",
        ),
        weight=0.5,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="create_vector_index",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "vector")),
        values=(_VECTOR_INDEX, _DIMENSIONS, _SIMILARITY),
        cypher="CALL db.index.vector.createNodeIndex('<i>', '<A>', '<p>', <n>, '<s>')",
        phrasings=(
            "Create the vector index <i> on <A> <p>, <n> dimensions, <s>.",
            "Add a <s> vector index called <i> for the <n> dimensions of <A> <p>.",
            "How do I index the <n>-dimensional <p> of <A|plural> as <i> with <s> similarity?",
            "vector index <i>: <A> <p>, <n>, <s>",
        ),
        variants=dict.fromkeys(_NEO4J, _NEO4J_VECTOR_INDEX),
        weight=0.6,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="create_unique_constraint",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "text")),
        cypher="CREATE CONSTRAINT FOR (<a>:<A>) REQUIRE <a>.<p> IS UNIQUE",
        phrasings=(
            "Make the <p> of <A> unique.",
            "Create a constraint: no two <A|plural> with the same <p>.",
            "How do I keep two <A> nodes from sharing a <p>?",
            "Add a uniqueness constraint for <A> <p>.",
            "unique <A> <p>",
        ),
        weight=0.5,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="create_named_constraint",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "text")),
        values=(IndexName("i", "A", ("_unique", "_key", "_once", "_rule")),),
        cypher="CREATE CONSTRAINT <i> IF NOT EXISTS FOR (<a>:<A>) REQUIRE <a>.<p> IS UNIQUE",
        phrasings=(
            "Create the constraint <i> for unique <A> <p> if it does not exist.",
            "Make the <p> of <A> unique by a constraint <i>, unless that exists.",
            "Make sure that there is a constraint <i> keeping <A> <p> unique.",
            "constraint <i>, unique <A> <p>, if missing",
        ),
        weight=0.5,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="search_fulltext",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "key")),
        values=(_TEXT_INDEX, Val("x", "p")),
        cypher=(
            "CALL db.index.fulltext.queryNodes('<i>', <x>) YIELD node, score RETURN node.<p>, score"
        ),
        phrasings=(
            "Search the full-text index <i> for <x>, show <p> and score.",
            "Which <p> does the full-text index <i> find for <x>, with score?",
            "Look <x> up in full-text index <i> and return <p> and score.",
            "full-text <i>: <x>, <p> and score",
        ),
        weight=0.6,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="search_vector",
        category="cypher_schema",
        names=(Label("A"), Prop("p", "A", "key")),
        values=(_VECTOR_INDEX, Num("n", (2, 3, 4, 5, 6, 7, 8, 9, 10, 20))),
        cypher=(
            "CALL db.index.vector.queryNodes('<i>', <n>, $vector) YIELD node, score "
            "RETURN node.<p>, score"
        ),
        phrasings=(
            "Find the <n> nearest to $vector in the vector index <i>, show <p> and score.",
            "Which <n> entries of vector index <i> are most like $vector? Show <p> and score.",
            "Search vector index <i> with $vector for <n> rows, return <p> and score.",
            "vector <i>: <n> nearest $vector, <p> and score",
        ),
        weight=0.6,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="drop_fulltext_index",
        category="cypher_schema",
        names=(Label("A"),),
        values=(_TEXT_INDEX,),
        cypher="CALL db.index.fulltext.drop('<i>')",
        phrasings=(
            "Drop the full-text index <i>.",
            "Remove full-text index <i>.",
            "How do I get rid of the full-text index <i>?",
            "drop full-text <i>",
        ),
        variants=dict.fromkeys(_NEO4J, "DROP INDEX <i>"),
        weight=0.25,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="drop_vector_index",
        category="cypher_schema",
        names=(Label("A"),),
        values=(_VECTOR_INDEX,),
        cypher="CALL db.index.vector.drop('<i>')",
        phrasings=(
            "Drop the vector index <i>.",
            "Remove vector index <i>.",
            "How do I get rid of the vector index <i>?",
            "drop vector <i>",
        ),
        variants=dict.fromkeys(_NEO4J, "DROP INDEX <i>"),
        weight=0.25,
        dialects=_WITH_INDEXES,
    ),
    Family(
        name="drop_index",
        category="cypher_schema",
        names=(Label("A"),),
        values=(IndexName("i", "A", ("_index", "_lookup", "_idx", "_by")),),
        cypher="DROP INDEX <i>",
        phrasings=(
            "Drop the index <i>.",
            "Remove index <i>.",
            "How do I get rid of the index <i>?",
            "drop index <i>",
        ),
        weight=0.25,
        dialects=_NEO4J,
    ),
    Family(
        name="drop_constraint",
        category="cypher_schema",
        names=(Label("A"),),
        values=(IndexName("i", "A", ("_unique", "_key", "_once", "_rule")),),
        cypher="DROP CONSTRAINT <i>",
        phrasings=(
            "Drop the constraint <i>.",
            "Remove constraint <i>.",
            "How do I get rid of the constraint <i>?",
            "drop constraint <i>",
        ),
        weight=0.25,
        dialects=_NEO4J,
    ),
)
