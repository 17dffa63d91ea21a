"""Every query family, one module per topic. Rows come from nowhere else."""

from __future__ import annotations

from heimdall_gen_cypher.families import (
    aggregation,
    basic,
    changing,
    filtering,
    indexes,
    ordering,
    paths,
    relationships,
    subqueries,
    writing,
)
from heimdall_gen_cypher.family import Family

FAMILIES: tuple[Family, ...] = (
    *basic.FAMILIES,
    *filtering.FAMILIES,
    *relationships.FAMILIES,
    *aggregation.FAMILIES,
    *ordering.FAMILIES,
    *writing.FAMILIES,
    *changing.FAMILIES,
    *paths.FAMILIES,
    *subqueries.FAMILIES,
    *indexes.FAMILIES,
)

CATEGORIES: tuple[str, ...] = tuple(dict.fromkeys(family.category for family in FAMILIES))
