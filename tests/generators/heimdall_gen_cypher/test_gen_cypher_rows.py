"""The stream of rows: unique, balanced, the same for the same seed, honest about its end."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import islice

import attrs
import pytest

from heimdall_core.dataset import dump_example
from heimdall_core.types import CONTEXT_SIZES, Example, GenerateContext
from heimdall_gen_cypher.catalogue import CATEGORIES as ALL_CATEGORIES
from heimdall_gen_cypher.families import CATEGORIES, FAMILIES
from heimdall_gen_cypher.generate import context_size, examples
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.schema import schema_names

IN_A_CHILD = """
import hashlib
from heimdall_core.dataset import dump_example
from heimdall_core.types import GenerateContext
from heimdall_gen_cypher.generate import examples
from heimdall_gen_cypher.options import CypherOptions
digest = hashlib.sha256()
for row in examples(GenerateContext(3_000, 7), CypherOptions()):
    digest.update(dump_example(row).encode())
print(digest.hexdigest())
"""


def test_as_many_as_asked_and_no_prompt_twice(rows: list[Example]) -> None:
    assert len(rows) == len({row.instruction for row in rows}) == 20_000


def test_fields(rows: list[Example]) -> None:
    for row in rows:
        assert row.category in CATEGORIES
        assert row.schema in schema_names()
        assert (row.source, row.licence, row.language) == ("cypher", "MIT", "cypher")
        assert row.context_size in ("small", "medium", "large")
        assert row.input == row.system == ""
        assert row.verification == ()


def test_paraphrases_share_a_combination_and_nothing_else_does(rows: list[Example]) -> None:
    of: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for row in rows:
        of[row.combination].add((row.schema, row.family, row.output))
    assert all(len(meant) == 1 for meant in of.values())
    assert len(of) == len(set().union(*of.values()))
    assert len(rows) > len(of) > len(rows) / 2


def test_families_and_schemas_are_balanced(rows: list[Example]) -> None:
    per_schema = Counter(row.schema for row in rows)
    assert max(per_schema.values()) < 1.1 * min(per_schema.values())
    per_family = Counter(row.family for row in rows)
    weights = {f.name: f.weight for f in FAMILIES if "nornicdb" in f.dialects}
    assert per_family.keys() == weights.keys()
    unit = len(rows) / sum(weights.values())
    for name, count in per_family.items():
        assert count == pytest.approx(unit * weights[name], abs=2)


def test_every_phrasing_is_used(rows: list[Example]) -> None:
    words = Counter((row.family, row.instruction.split()[0]) for row in rows)
    assert all(len([key for key in words if key[0] == f]) > 1 for f, _ in words)


def test_same_bytes_in_a_process_with_other_hashes() -> None:
    digest = hashlib.sha256()
    for row in examples(GenerateContext(3_000, 7), CypherOptions()):
        digest.update(dump_example(row).encode())
    child = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == digest.hexdigest()


def test_another_seed_gives_other_rows(rows: list[Example], templates: CypherOptions) -> None:
    other = list(examples(GenerateContext(2_000, 8), templates))
    common = {row.instruction for row in rows[:2_000]} & {row.instruction for row in other}
    assert len(common) < 1_000


def test_a_larger_count_continues_a_smaller_one(
    rows: list[Example], templates: CypherOptions
) -> None:
    assert list(examples(GenerateContext(500, 7), templates)) == rows[:500]
    few, more = (list(examples(GenerateContext(count, 7), CypherOptions())) for count in (300, 900))
    assert more[:300] == few


def test_rows_come_as_they_are_made() -> None:
    notes: list[str] = []
    endless = GenerateContext(10**12, 7, note=notes.append)
    assert len(list(islice(examples(endless, CypherOptions()), 100))) == 100
    assert notes == []


def test_too_many_gives_all_there_are_and_says_so() -> None:
    notes: list[str] = []
    options = CypherOptions(families=("match_all", "sum"), schemas=("cinema", "bank"))
    rows = list(examples(GenerateContext(5_000, 7, note=notes.append), options))
    # Six labels in five phrasings; Actor.awards, Account.balance and Branch.staff in six.
    assert Counter(row.family for row in rows) == {"match_all": 30, "sum": 18}
    assert len({row.instruction for row in rows}) == 48
    assert notes == ["48 rows made of 5000 wanted: these options allow no more"]


def test_enough_is_no_reason_for_a_note(rows: list[Example]) -> None:
    notes: list[str] = []
    list(examples(GenerateContext(300, 7, note=notes.append), CypherOptions()))
    assert notes == []


def test_quotas_are_kept_and_the_rest_is_shared() -> None:
    quotas = {"cypher_paths": 300, "cypher_create": 7}
    context = GenerateContext(1_000, 7, quotas=quotas)
    made = Counter(row.category for row in examples(context, CypherOptions()))
    assert made["cypher_paths"] == 300
    assert made["cypher_create"] == 7
    assert made.total() == 1_000
    assert made.keys() == set(ALL_CATEGORIES)


def test_quotas_that_fill_the_count_leave_nothing_for_others() -> None:
    context = GenerateContext(50, 7, quotas={"cypher_delete": 50})
    made = Counter(row.category for row in examples(context, CypherOptions()))
    assert made == {"cypher_delete": 50}


def test_a_quota_that_cannot_be_met_is_told() -> None:
    notes: list[str] = []
    quotas = {"cypher_basic": 100, "prose": 5}
    context = GenerateContext(100, 7, quotas=quotas, note=notes.append)
    options = CypherOptions(families=("match_all",), schemas=("cinema",))
    assert len(list(examples(context, options))) == 15
    assert len(notes) == 2
    assert "'prose'" in notes[0]
    assert notes[1].startswith("15 rows made of 100 wanted: the category 'cypher_basic'")


def test_rows_of_a_family_do_not_depend_on_the_others(
    rows: list[Example], templates: CypherOptions
) -> None:
    two_hop = attrs.evolve(templates, families=("two_hop",))
    alone = examples(GenerateContext(200, 7), two_hop)
    assert list(alone)[:150] == [row for row in rows if row.family == "two_hop"][:150]


@pytest.mark.parametrize(
    ("length", "size"), [(10, "small"), (2_000, "medium"), (12_000, "max"), (90_000, "max")]
)
def test_context_size_follows_the_rendered_length(length: int, size: str) -> None:
    assert context_size("x" * length, "", "RETURN 1", "small") == size
    assert context_size("", "x" * length, "RETURN 1", "small") == size


def test_context_size_counts_bytes_and_is_no_less_than_the_query_needs() -> None:
    short = "é" * (CONTEXT_SIZES["small"] + 100)
    assert context_size(short, "", "RETURN 1", "small") == "medium"
    assert context_size("x", "", "RETURN 1", "large") == "large"
