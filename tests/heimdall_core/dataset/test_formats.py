"""The formats beside JSON lines: read, written, validated and corrected like them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heimdall_core.dataset import formats
from heimdall_core.dataset.correct import correct_file
from heimdall_core.dataset.io import BadLine, read_examples, read_numbered, write_examples
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.validate import validate_file
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

pa = pytest.importorskip("pyarrow")
datasets = pytest.importorskip("datasets")

NOW = datetime.datetime(2025, 12, 6, 14, 30, 22)
ROWS = [
    Example("Question 1", output="RETURN 1\u2028x", category="a", meta={"deep": {"n": 1}}),
    Example("Question 2", input="given", output="RETURN 2", category="b", verification=("x:y",)),
    Example("Question 3", output="RETURN 3", category="b", system="Be brief.", licence="MIT"),
]


def identified(rows: list[Example]) -> list[Example]:
    import attrs

    return [attrs.evolve(row, id=row.content_id()) for row in rows]


def saved(folder: Path, rows: list[Example]) -> Path:
    with atomic_rows(folder, folder=True) as write:
        for row in rows:
            from heimdall_core.dataset.io import dump_example

            write(dump_example(row) + "\n")
    return folder


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.parquet"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert write_examples(path, ROWS) == 3
    assert list(read_examples(path)) == identified(ROWS)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_of_datasets_is_read_and_is_one(tmp_path: Path) -> None:
    folder = saved(tmp_path / "set", ROWS)
    assert list(read_examples(folder)) == identified(ROWS)
    assert datasets.load_from_disk(str(folder))["instruction"][0] == "Question 1"


def test_all_parts_of_a_dataset_dict_are_read(tmp_path: Path) -> None:
    rows = [{"instruction": f"Q{n}", "output": "A", "extra": n} for n in range(4)]
    parts = {
        "train": datasets.Dataset.from_list(rows[:3]),
        "test": datasets.Dataset.from_list(rows[3:]),
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "set"))
    found = list(read_numbered(tmp_path / "set"))
    assert [(n, row.instruction, row.meta) for n, row in found] == [
        (n + 1, f"Q{n}", {"extra": n}) for n in range(4)
    ]
    with pytest.raises(DatasetError, match="holds several parts; name one of them"):
        correct_file(tmp_path / "set")
    report = correct_file(tmp_path / "set" / "train", now=NOW)
    assert report.rows_out == 3


def test_a_strangers_table_keeps_its_columns_in_meta(tmp_path: Path) -> None:
    table = pa.table(
        {
            "instruction": ["Q1", None, "Q3"],
            "output": ["A", "A", "A"],
            "when": [datetime.datetime(2024, 1, 2), None, None],
            "tags": [["x", "y"], [], None],
            "input": [None, "i", ""],
        }
    )
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    bad: list[BadLine] = []
    rows = list(read_numbered(tmp_path / "t.parquet", bad.append))
    assert [(n, row.meta) for n, row in rows] == [
        (1, {"when": "2024-01-02T00:00:00", "tags": ["x", "y"]}),
        (3, {}),
    ]
    assert [(b.line, b.reason) for b in bad] == [(2, "the field 'instruction' is missing")]


@pytest.mark.parametrize("kind", ["parquet", "folder"])
def test_corrected_in_place_with_a_backup(tmp_path: Path, kind: str) -> None:
    rows = [ROWS[0], ROWS[0], ROWS[2]]
    if kind == "parquet":
        path = tmp_path / "set.parquet"
        write_examples(path, rows)
    else:
        path = saved(tmp_path / "set", rows)
    report = correct_file(path, now=NOW)
    suffix = ".parquet" if kind == "parquet" else ""
    backup = tmp_path / f"set_backup_20251206_143022{suffix}"
    assert report.backup == str(backup)
    assert list(read_examples(path)) == identified([ROWS[0], ROWS[2]])
    assert list(read_examples(backup)) == identified(rows)
    listed = [json.loads(line) for line in (tmp_path / "corrections.jsonl").open()]
    assert [(e["line"], e["reason"]) for e in listed] == [(2, "duplicate")]
    again = correct_file(path, now=NOW)
    assert not again.written
    assert {p.name for p in tmp_path.iterdir() if not p.name.startswith(".")} == {
        path.name,
        backup.name,
        "corrections.jsonl",
    }


def test_formats_give_one_report(tmp_path: Path) -> None:
    rows = [*ROWS, *ROWS, Example("Q", output="TODO")]
    reports = []
    for name in ("a.jsonl", "a.jsonl.gz", "a.parquet"):
        write_examples(tmp_path / name, rows)
        found = validate_file(tmp_path / name).to_json()
        found = {k: v for k, v in found.items() if not k.endswith("lines") and k != "path"}
        reports.append({**found, "findings": (), "worst_contradictions": ()})
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["duplicates"] == 3


@pytest.mark.parametrize("name", ["no.parquet", "broken.parquet"])
def test_what_is_no_table_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + b"x" * 50)
    with pytest.raises(DatasetError, match=name):
        list(read_examples(tmp_path / name))


def test_many_blocks_on_several_processes_are_one_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]
) -> None:
    monkeypatch.setattr(formats, "BLOCK_BYTES", 500)
    rows = [{"instruction": f"Question {n % 60}", "output": f"R {n % 60}"} for n in range(100)]
    path = write([*rows, b"{", *rows[:3]])
    alone = validate_file(path)
    report = correct_file(path, tmp_path / "out.jsonl")
    assert (alone.duplicates, alone.bad, report.rows_out) == (43, 1, 60)
    assert [row.instruction for row in read_examples(tmp_path / "out.jsonl")] == [
        f"Question {n}" for n in range(60)
    ]
    listed = [json.loads(line) for line in (tmp_path / "corrections.jsonl").open()]
    assert [entry["line"] for entry in listed] == list(range(61, 105))
    assert listed[0]["detail"] == "of line 1"
