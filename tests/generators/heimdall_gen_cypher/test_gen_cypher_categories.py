"""The categories that plugins are listed with are those that the families have."""

from __future__ import annotations

from heimdall_gen_cypher import catalogue, categories, generate, plugin


def test_the_listed_categories_are_the_families() -> None:
    assert categories.CATEGORIES == catalogue.CATEGORIES
    [registered] = plugin.heimdall_generators()
    assert (registered.name, registered.licence) == (generate.SOURCE, generate.LICENCE)
