"""A user's own examples and templates, and the mistakes that are told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from heimdall_core import HeimdallError, Registry
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.types import Example, GenerateContext
from heimdall_gen_custom.generate import examples
from heimdall_gen_custom.options import CustomOptions

TEMPLATE = """
[[templates]]
name = "by_name"
question = ["Who is {who}, the {label}?", "Show the {label} {who}."]
cypher = "MATCH (n:{label} {name: '{who}'}) RETURN n"
slots.label = ["Person"]
slots.who = ["O'Hara", "Eve"]
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def rows(*files: Path, count: int = 1000, seed: int = 1, **context: Any) -> list[Example]:
    given = CustomOptions(files=tuple(str(file) for file in files))
    return list(examples(GenerateContext(count=count, seed=seed, **context), given))


def test_every_combination_once(tmp_path: Path) -> None:
    text = """
licence = "MIT"
[[templates]]
question = ["The {n} best {what}?", "{what}: the {n} best."]
cypher = "MATCH (x:{what}) RETURN x LIMIT {n}"
slots.what = ["Book", "Film"]
slots.n = { min = 1, max = 41, step = 10 }
"""
    notes: list[str] = []
    found = rows(written(tmp_path / "a.toml", text), note=notes.append)
    assert len(found) == len({row.instruction for row in found}) == 2 * 2 * 5
    assert {row.output.split()[-1] for row in found} == {"1", "11", "21", "31", "41"}
    assert len({row.combination for row in found}) == 10
    assert {row.family for row in found} == {"a-template-1"}
    assert found != rows(tmp_path / "a.toml", seed=2)
    assert sorted(r.instruction for r in found) == sorted(
        r.instruction for r in rows(tmp_path / "a.toml", seed=2)
    )
    assert notes == ["custom: 20 rows made of 1,000 wanted; there are no more"]


def test_braces_of_maps_stay_and_quotes_are_escaped(tmp_path: Path) -> None:
    found = {row.output for row in rows(written(tmp_path / "a.toml", TEMPLATE))}
    assert found == {
        "MATCH (n:Person {name: 'O\\'Hara'}) RETURN n",
        "MATCH (n:Person {name: 'Eve'}) RETURN n",
    }


def test_values_that_belong_together(tmp_path: Path) -> None:
    text = """
[[templates]]
question = "The {p.key} of every {p.label}?"
cypher = "MATCH (n:{p.label}) RETURN n.{p.key}"
slots.p = [{ label = "Person", key = "age" }, { label = "City", key = "mayor" }]
"""
    found = {row.output for row in rows(written(tmp_path / "a.toml", text))}
    assert found == {"MATCH (n:Person) RETURN n.age", "MATCH (n:City) RETURN n.mayor"}


def test_templates_take_turns_by_weight(tmp_path: Path) -> None:
    one = """
[[templates]]
name = "{0}"
question = "{0} {{n}}?"
cypher = "RETURN {{n}} AS {0}"
slots.n = {{ min = 1, max = 1000 }}
weight = {1}
"""
    text = one.format("rare", 1) + one.format("often", 3)
    families = [row.family for row in rows(written(tmp_path / "a.toml", text))][:400]
    assert families.count("often") == 300


def test_a_huge_number_of_combinations_is_never_listed(tmp_path: Path) -> None:
    text = """
[[templates]]
question = "{a} {b} {c} {d}?"
cypher = "RETURN {a}, {b}, {c}, {d}"
slots.a = { min = 1, max = 100000 }
slots.b = { min = 1, max = 100000 }
slots.c = { min = 1, max = 100000 }
slots.d = { min = 1, max = 100000 }
"""
    given = CustomOptions(files=(str(written(tmp_path / "a.toml", text)),))
    stream = examples(GenerateContext(count=10**6, seed=1), given)
    found = [next(stream).instruction for _ in range(2000)]
    assert len(set(found)) == 2000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[[templates]]", "[[template]]"), "did you mean 'templates'"),
        (("cypher =", "cyper ="), "did you mean 'cypher'"),
        (("Who is {who}", "Who is {whoo}"), r"no such slot: whoo; did you mean 'who'"),
        (('["Person"]', "[]"), "a list of values"),
        (('["Person"]', "{ min = 3, max = 1 }"), "no range"),
        (('["Person"]', "{ min = 1, top = 2 }"), "unknown key 'top'"),
        (('slots.label = ["Person"]', 'slots.label = ["Person"]\nslots.x = [1]'), "used nowhere"),
        (('name = "by_name"', 'schema = "bank"'), "unknown schema 'bank'"),
    ],
)
def test_mistakes_are_told_with_their_place(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = written(tmp_path / "mine.toml", TEMPLATE.replace(*change))
    with pytest.raises(HeimdallError, match=said) as caught:
        rows(path)
    assert "mine.toml" in str(caught.value)


def test_an_answer_may_depend_on_nothing_that_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(HeimdallError, match="the query's slot 'label' is not in the question"):
        rows(written(tmp_path / "mine.toml", TEMPLATE.replace(", the {label}?", "?")))


def test_examples_and_jsonl_pass_the_gate_with_the_rest(tmp_path: Path) -> None:
    toml = written(
        tmp_path / "mine.toml",
        """
[schemas.bank]
nodes.Account.properties = { iban = "STRING" }

[[examples]]
instruction = "How many accounts?"
output = "MATCH (a:Account) RETURN count(a)"
language = "cypher"
schema = "bank"
category = "fraud"

[[examples]]
instruction = "Wrong?"
output = "MATCH (a:Account) RETURN a.ibann"
language = "cypher"
schema = "bank"

[[examples]]
instruction = "What is an IBAN?"
output = "A number of an account."
""",
    )
    lines = written(
        tmp_path / "more.jsonl",
        json.dumps({"instruction": "Say hello", "output": "Hello.", "context_size": "medium"})
        + "\n",
    )
    registry = Registry(third_party=False)
    options = CustomOptions(files=(str(toml), str(lines)))
    report = generate_dataset(
        registry,
        (Source(registry.generator("custom"), options),),
        total=10,
        seed=1,
        output=tmp_path / "out.jsonl",
        max_rejected=1.0,
    )
    assert (report.rows, report.rejected) == (3, 1)
    assert report.rejected_by == {"UnknownProperty": 1}
    assert report.by_category == {"custom": 2, "fraud": 1}
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {row["source"] for row in found} == {"custom"}
    assert found[-1]["family"] == "more-line-1"
