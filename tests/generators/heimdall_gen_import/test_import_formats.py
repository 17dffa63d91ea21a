"""Every format that pairs come in, and what each leaves out."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from heimdall_core.errors import DatasetError
from heimdall_core.types import Example, GenerateContext
from heimdall_gen_import.generate import examples, schemas
from heimdall_gen_import.options import ImportOptions

A = ("How many people?", "MATCH (p:Person) RETURN count(p)")
B = ('Whose name is O\'Hara, "Bo"?', 'MATCH (p:Person {name: "O\'Hara"})\nRETURN p')


def rows(*files: Path, notes: list[str] | None = None, **options: Any) -> list[Example]:
    said = notes if notes is not None else []
    context = GenerateContext(count=1000, seed=1, note=said.append)
    given = ImportOptions(files=tuple(str(file) for file in files), **options)
    return list(examples(context, given))


def pairs(found: list[Example]) -> list[tuple[str, str]]:
    return [(row.instruction, row.output) for row in found]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def jsonl(path: Path, *objects: Any) -> Path:
    return written(path, "".join(json.dumps(each) + "\n" for each in objects))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_quotes_and_line_ends(tmp_path: Path, delimiter: str) -> None:
    import csv

    with (tmp_path / "p.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([("id", "question", "cypher"), (1, *A), (2, *B), (3, "short")])
    notes: list[str] = []
    assert pairs(rows(tmp_path / "p.csv", notes=notes)) == [A, B]
    assert "1 wrong number of columns" in notes[-1]


def test_jsonl_marks_and_meta(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "p.jsonl",
        {"question": A[0], "cypher": A[1], "type": "simple", "false_schema": None},
        {"question": B[0], "cypher": B[1], "syntax_error": "True"},
        {"question": "Again?", "cypher": "MATCH (n) RETURN n", "false_schema": "Label X"},
        {"question": "", "cypher": "RETURN 1"},
        {"cypher": "RETURN 1"},
        ["no object"],
        {"question": A[0], "cypher": A[1]},
        {"question": A[0], "cypher": "MATCH (x) RETURN x"},
    )
    notes: list[str] = []
    (row,) = rows(path, notes=notes, licence="CC0-1.0")
    assert (row.instruction, row.output) == A
    assert (row.licence, row.language, row.category) == ("CC0-1.0", "cypher", "imported_query")
    assert row.meta == {"type": "simple", "file": "p.jsonl"}
    for reason in (
        "called wrong by its source (syntax_error)",
        "called wrong by its source (false_schema)",
        "no question",
        "repeated",
        "same prompt, another answer",
    ):
        assert reason in notes[-1], notes[-1]


def test_json_array_is_read_an_item_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.json"
    with path.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for i in range(3000):
            item = {"instruction": f"Wie viele {i}? ä", "input": "x" * 50, "output": f"RETURN {i}"}
            file.write(("," if i else "") + json.dumps(item, ensure_ascii=False) + "\n")
        file.write("]")
    import tracemalloc

    tracemalloc.start()
    context = GenerateContext(count=9, seed=1)
    stream = examples(context, ImportOptions(files=(str(path),)))
    first = next(stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (first.instruction, first.input) == ("Wie viele 0? ä", "x" * 50)
    assert (first.output, first.language) == ("RETURN 0", "cypher")
    assert peak < path.stat().st_size * 4
    assert sum(1 for _ in stream) == 2999


def test_a_json_file_that_breaks_off(tmp_path: Path) -> None:
    notes: list[str] = []
    path = written(
        tmp_path / "a.json", '[{"question": "Q?", "cypher": "RETURN 1"}, {"question": "R'
    )
    assert len(rows(path, notes=notes)) == 1
    assert "1 not valid JSON" in notes[-1]


def test_chats(tmp_path: Path) -> None:
    fenced = f"```cypher\n{A[1]}\n```"
    path = jsonl(
        tmp_path / "chats.jsonl",
        {
            "messages": [
                {"role": "system", "content": "Answer in Cypher."},
                {"role": "user", "content": [{"type": "text", "text": A[0]}]},
                {"role": "assistant", "content": fenced},
            ]
        },
        {
            "conversations": [
                {"from": "human", "value": "What is a node?"},
                {"from": "gpt", "value": "A thing in a graph. For example:\n" + fenced},
                {"from": "human", "value": "And an edge?"},
                {"from": "gpt", "value": "A line."},
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        {"messages": [{"role": "user", "content": "alone"}]},
        {"messages": [{"role": "tool", "content": "what"}]},
    )
    notes: list[str] = []
    first, second = rows(path, notes=notes)
    assert (first.system, first.instruction, first.output) == ("Answer in Cypher.", *A)
    assert first.language == "cypher"
    assert (second.instruction, second.language) == ("What is a node?", "")
    assert second.output.startswith("A thing in a graph.")
    for reason in (
        "1 later turn of a conversation",
        "1 a turn that is not text",
        "1 no exchange of user and assistant",
        "1 a turn of an unknown speaker",
    ):
        assert reason in notes[-1], notes[-1]


def test_parquet_and_saved_datasets(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"question": [A[0], B[0]], "cypher": [A[1], B[1]]})
    parquet.write_table(table, tmp_path / "p.parquet")
    assert pairs(rows(tmp_path / "p.parquet")) == [A, B]
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no parquet")
    notes: list[str] = []
    assert rows(tmp_path / "broken.parquet", notes=notes) == []
    assert "1 unreadable file" in notes[-1]


def test_what_datasets_saved_to_disk(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    one = datasets.Dataset.from_dict({"question": [A[0]], "cypher": [A[1]]})
    two = datasets.Dataset.from_dict({"question": [B[0]], "cypher": [B[1]]})
    one.save_to_disk(str(tmp_path / "one"))
    assert pairs(rows(tmp_path / "one")) == [A]
    both = datasets.DatasetDict({"train": one, "test": two})
    both.save_to_disk(str(tmp_path / "both"))
    assert pairs(rows(tmp_path / "both")) == [A, B]
    assert pairs(rows(tmp_path / "both", split="test")) == [B]
    state = json.loads((tmp_path / "one" / "state.json").read_text())
    state["_data_files"] = [{"filename": "../both/test/data-00000-of-00001.arrow"}]
    (tmp_path / "one" / "state.json").write_text(json.dumps(state))
    assert rows(tmp_path / "one") == []


def test_folders_with_saved_datasets_in_them(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    one, two = (datasets.Dataset.from_dict({"question": [q], "cypher": [c]}) for q, c in (A, B))
    one.save_to_disk(str(tmp_path / "all" / "one"))
    datasets.DatasetDict({"train": one, "test": two}).save_to_disk(str(tmp_path / "all" / "two"))
    shutil.copy(
        tmp_path / "all/two/test/data-00000-of-00001.arrow", tmp_path / "all/one/cache.arrow"
    )
    infos = {"default": {"features": {}, "splits": {}}}
    (tmp_path / "all" / "dataset_infos.json").write_text(json.dumps(infos))
    notes: list[str] = []
    assert pairs(rows(tmp_path / "all", notes=notes)) == [A, B]
    assert notes[-1] == "import: 3 files, 3 rows read; left out: 1 repeated"
    assert pairs(rows(tmp_path / "all", split="train")) == [A]
    # A file of that name may hold data all the same.
    (tmp_path / "own").mkdir()
    line = json.dumps({"question": B[0], "cypher": B[1]})
    (tmp_path / "own" / "state.json").write_text(f"{line}\n{line}", encoding="utf-8")
    assert pairs(rows(tmp_path / "own")) == [B]


MARKDOWN = """# Finding people

Count all the `Person` nodes:

```cypher
MATCH (p:Person) RETURN count(p)
```

```python
print("MATCH")
```

## The oldest person

~~~cypher
MATCH (p:Person) RETURN p ORDER BY p.age DESC LIMIT 1
~~~

Several at once.

1. In a list:

   ```cypher
   // Everybody's name
   MATCH (p:Person) RETURN p.name;

   // All cities
   // by name
   MATCH (c:City) RETURN c ORDER BY c.name;
   MATCH (x) RETURN x
   ```

```cypher
```
"""


def test_markdown(tmp_path: Path) -> None:
    notes: list[str] = []
    found = rows(written(tmp_path / "docs" / "a.md", MARKDOWN), notes=notes)
    assert pairs(found) == [
        ("Count all the Person nodes", "MATCH (p:Person) RETURN count(p)"),
        ("The oldest person", "MATCH (p:Person) RETURN p ORDER BY p.age DESC LIMIT 1"),
        ("Everybody's name", "MATCH (p:Person) RETURN p.name"),
        ("All cities by name", "MATCH (c:City) RETURN c ORDER BY c.name"),
    ]
    assert "1 nothing said about it" in notes[-1]
    assert "1 empty fence" in notes[-1]


def test_schemas_by_database(tmp_path: Path) -> None:
    known = tmp_path / "schemas.jsonl"
    jsonl(
        known,
        {"database": "people", "schema_text": "Person {age: INTEGER}"},
        {"database": "towns", "nodes": {"Town": {"properties": {"name": "STRING"}}}},
    )
    path = jsonl(
        tmp_path / "p.jsonl",
        {"question": "Q1?", "cypher": "MATCH (p:Person) RETURN p.age", "database": "people"},
        {"question": "Q2?", "cypher": "MATCH (t:Town) RETURN t.name", "database": "towns"},
        {"question": "Q3?", "cypher": "MATCH (t) RETURN t", "database": "else", "schema": "(:X)"},
    )
    found = rows(path, schemas=str(known))
    assert [(row.schema, row.input) for row in found] == [
        ("people", "Person {age: INTEGER}"),
        ("towns", ""),
        ("none", "(:X)"),
    ]
    assert set(schemas(ImportOptions(schemas=str(known)))) == {"people", "towns"}
    assert rows(path, schemas=str(known), schema_in_input=False)[0].input == ""


def test_columns_with_other_names(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "p.jsonl", {"frage": A[0], "antwort": A[1]})
    assert pairs(rows(path, columns={"question": "frage", "query": "antwort"})) == [A]
    with pytest.raises(DatasetError, match="did you mean 'query'"):
        rows(path, columns={"qery": "antwort"})


def test_rows_that_mean_the_same_are_tied(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "p.jsonl",
        {"question": "One?", "cypher": "MATCH (p:Person) WHERE p.age = 3 RETURN p"},
        {"question": "Two?", "cypher": "MATCH (x:Person {age: 3}) RETURN x"},
        {"question": "Three?", "cypher": "MATCH (x:City {age: 4}) RETURN x"},
    )
    one, two, three = rows(path)
    assert one.combination == two.combination != three.combination
    assert one.family == three.family


def test_hostile_files(tmp_path: Path) -> None:
    jsonl(tmp_path / "in" / "good.jsonl", {"question": A[0], "cypher": A[1]})
    (tmp_path / "in" / "binary.csv").write_bytes(b"question,cypher\n\0\0\0")
    (tmp_path / "in" / "utf8.csv").write_bytes(b"question,cypher\nQ\xff?,RETURN 1\n")
    (tmp_path / "in" / "utf8.jsonl").write_bytes(b'{"question": "\xff", "cypher": "RETURN 1"}\n')
    (tmp_path / "in" / "deep.jsonl").write_text("[" * 100_000 + "\n")
    marker = {"question": "What is <|im_end|>?", "cypher": "RETURN 1"}
    jsonl(tmp_path / "in" / "marker.jsonl", marker)
    with gzip.open(tmp_path / "in" / "cut.jsonl.gz", "wb") as file:
        file.write(os.urandom(50_000).hex().encode())
    whole = (tmp_path / "in" / "cut.jsonl.gz").read_bytes()
    (tmp_path / "in" / "cut.jsonl.gz").write_bytes(whole[:9000])
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in", target_is_directory=True)
    notes: list[str] = []
    assert pairs(rows(tmp_path / "in", notes=notes)) == [A]
    for reason in (
        "1 binary file",
        "2 not valid UTF-8",
        "1 not valid JSON",
        "1 holds a control marker",
        "1 unreadable file",
        "1 folder that links to itself",
    ):
        assert reason in notes[-1], notes[-1]


def test_an_unknown_format_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="in no format that is known by its name"):
        rows(written(tmp_path / "a.docx", "x"))
    with pytest.raises(DatasetError, match="does not exist"):
        rows(tmp_path / "missing.csv")


SHARED = Path(os.environ.get("HEIMDALL_SHARED", Path(__file__).parents[3].parent / "shared"))
REAL = SHARED / "data" / "text2cypher"


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not there")
def test_real_pairs_pass_the_gate_or_are_counted(tmp_path: Path) -> None:
    from heimdall_core import Registry
    from heimdall_core.dataset import read_examples
    from heimdall_core.pipeline.steps.generate import Source, generate_dataset

    part = tmp_path / "pairs.jsonl"
    lines = (REAL / "pairs.jsonl").read_text(encoding="utf-8").splitlines()[::5]
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    registry = Registry(third_party=False)
    options = ImportOptions(files=(str(part),), schemas=str(REAL / "schemas.jsonl"))
    report = generate_dataset(
        registry,
        (Source(registry.generator("import"), options),),
        total=len(lines),
        seed=1,
        output=tmp_path / "out.jsonl",
        max_rejected=1.0,
    )
    assert report.rows > 0.75 * len(lines)
    assert sum(report.rejected_by.values()) == report.rejected > 0
    left_out = next(note for note in report.notes if note.startswith("import: "))
    counted = sum(int(n) for n in re.findall(r"(\d+) [a-z]", left_out.split("left out:")[1]))
    assert report.rows + report.rejected + counted == len(lines)
    asked: dict[tuple[str, str, str], str] = {}
    for row in read_examples(tmp_path / "out.jsonl"):
        assert asked.setdefault(row.prompt_key, row.output) == row.output
        assert row.schema != "none"
