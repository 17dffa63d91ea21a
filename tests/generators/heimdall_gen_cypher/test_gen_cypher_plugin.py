"""The plugin as the core sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import heimdall_gen_cypher
from heimdall_core.dataset.io import example_to_dict
from heimdall_core.types import GenerateContext
from heimdall_gen_cypher.catalogue import ALL, CATEGORIES
from heimdall_gen_cypher.families import FAMILIES
from heimdall_gen_cypher.family import DIALECTS
from heimdall_gen_cypher.generate import examples
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.plugin import heimdall_generators
from heimdall_gen_cypher.schema import schema_names


def test_hook_yields_a_generator_that_runs_with_default_options() -> None:
    (generator,) = heimdall_generators()
    assert generator.name == "cypher"
    options = generator.options()
    rows = list(generator.examples(GenerateContext(1_000, 1), options))
    assert {row.category for row in rows} == set(generator.categories)
    assert generator.schemas is not None
    assert {row.schema for row in rows} <= set(generator.schemas(options))


def test_importing_the_plugin_reads_no_schema_and_nothing_heavy() -> None:
    code = (
        "import sys, heimdall_gen_cypher.plugin;"
        "heavy = {'torch', 'numpy', 'transformers', 'tokenizers'};"
        "from heimdall_gen_cypher.schema import load_schema;"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "assert load_schema.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_card_names_everything() -> None:
    card = Path(heimdall_gen_cypher.__file__).with_name("README.md").read_text("utf-8")
    names = [family.name for family in ALL]
    for name in (*names, *CATEGORIES, *schema_names(), *DIALECTS):
        assert f"`{name}`" in card
    assert f"{len(FAMILIES)} families" in card


def test_the_example_row_of_the_card_is_a_row() -> None:
    card = Path(heimdall_gen_cypher.__file__).with_name("README.md").read_text("utf-8")
    shown = json.loads(card.split("```json\n")[1].split("```")[0])
    rows = examples(
        GenerateContext(10_000, 7),
        CypherOptions(schemas=(shown["schema"],), families=(shown["family"],)),
    )
    row = next(row for row in rows if row.instruction == shown["instruction"])
    made = example_to_dict(row)
    assert shown == {name: made[name] for name in shown}
