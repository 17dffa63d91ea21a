"""Categories of the rows, spelt out: listing plugins need not load every family to know them."""

from __future__ import annotations

#: In the order of the families; `catalogue.CATEGORIES` is made from the families themselves, and a
#: test holds the two together.
CATEGORIES = (
    "cypher_basic",
    "cypher_expressions",
    "cypher_filtering",
    "cypher_relationships",
    "cypher_aggregation",
    "cypher_ordering",
    "cypher_create",
    "cypher_merge",
    "cypher_update",
    "cypher_delete",
    "cypher_paths",
    "cypher_subqueries",
    "cypher_schema",
    "cypher_chains",
    "cypher_lists",
    "cypher_procedures",
    "cypher_plans",
    "cypher_explain",
    "cypher_fix",
    "cypher_optimise",
)
