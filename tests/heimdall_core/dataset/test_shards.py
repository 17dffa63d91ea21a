"""Datasets in several files: written, read, held against their manifest, corrected, split."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numbered_rows import numbered_rows as rows

from heimdall_core.dataset import formats
from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.describe import describe
from heimdall_core.dataset.io import dump_example, read_examples, read_numbered
from heimdall_core.dataset.preview import preview_rows
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")

pytestmark = pytest.mark.usefixtures("fast_disk")


def save(path: Path, some: list[Example], **size: Any) -> Path:
    """Writes shards; returns their folder."""
    with atomic_rows(path, shards=ShardSize(**size) if size else None) as write:
        for row in some:
            write(dump_example(row) + "\n")
    return path.parent if "*" in path.name else path


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def asked(path: Path) -> list[str]:
    return [row.instruction for row in read_examples(path)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_shards_are_read_back_in_order_and_the_manifest_names_each(
    tmp_path: Path, suffix: str
) -> None:
    some = rows(25)
    folder = save(tmp_path / "data" / f"*{suffix}", some, rows=10)
    assert asked(folder) == [row.instruction for row in some]
    assert asked(folder / f"part-*{suffix}") == asked(folder)
    found = manifest(folder)
    assert found["rows"] == 25
    assert [shard["rows"] for shard in found["shards"]] == [10, 10, 5]
    files = sorted(folder.glob(f"part-*{suffix}"))
    assert [shard["name"] for shard in found["shards"]] == [file.name for file in files]
    for shard, file in zip(found["shards"], files, strict=True):
        assert shard["bytes"] == file.stat().st_size
        assert shard["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_block_of_lines_is_cut_where_a_shard_is_full_and_the_bytes_are_the_same(
    tmp_path: Path,
) -> None:
    some = rows(25)
    one = save(tmp_path / "one", some, rows=7)
    with atomic_rows(tmp_path / "other", shards=ShardSize(rows=7)) as write:
        write("".join(dump_example(row) + "\n" for row in some))
    assert (one / "manifest.json").read_bytes() == (
        tmp_path / "other" / "manifest.json"
    ).read_bytes()


def test_megabytes_of_text_fill_a_shard(tmp_path: Path) -> None:
    some = rows(200)
    line = len(dump_example(some[0])) + 1
    folder = save(tmp_path / "data" / "*.jsonl", some, megabytes=line * 50 / 1e6)
    sizes = [shard["bytes"] for shard in manifest(folder)["shards"]]
    assert len(sizes) == 4 or len(sizes) == 5
    assert all(line * 48 < size < line * 55 for size in sizes[:-1])


def cut(folder: Path) -> None:
    path = sorted(folder.glob("part-*"))[1]
    path.write_bytes(path.read_bytes()[:-1])


def swap_a_byte(folder: Path) -> None:
    path = sorted(folder.glob("part-*"))[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lose(folder: Path) -> None:
    sorted(folder.glob("part-*"))[1].unlink()


def add(folder: Path) -> None:
    first = sorted(folder.glob("part-*"))[0]
    shutil.copy(first, first.with_name("part-00009-0123abcd" + "".join(first.suffixes)))


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def test_a_changed_shard_that_cannot_be_unpacked_is_said_to_be_changed(tmp_path: Path) -> None:
    """Long enough that gzip fails before the end of the file is seen."""
    noise = random.Random(7)
    some = [Example(f"q{n}", output=noise.randbytes(4000).hex()) for n in range(400)]
    folder = save(tmp_path / "data" / "*.jsonl.gz", some, rows=1000)
    (path,) = folder.glob("part-*")
    data = bytearray(path.read_bytes())
    assert len(data) > 1.3 * 2**20
    data[10:14] = b"\xff" * 4
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="its SHA-256 is another"):
        asked(folder)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (cut, "is not as manifest.json says: it has"),
        (swap_a_byte, "is not as manifest.json says: its SHA-256 is another"),
        (lose, "is missing; manifest.json names it"),
        (add, "the shard part-00009-0123abcd.* is surplus"),
        (lose_the_manifest, "they were not written to the end"),
    ],
)
def test_a_folder_that_is_not_as_its_manifest_says_is_refused(
    tmp_path: Path, suffix: str, harm: Callable[[Path], None], said: str
) -> None:
    folder = save(tmp_path / "data" / f"*{suffix}", rows(30), rows=10)
    harm(folder)
    with pytest.raises(DatasetError, match=said) as refused:
        # Text that a swapped bit has made no row is passed over: the hash is what tells.
        list(read_examples(folder, lambda bad: None))
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_shard_is_told_by_a_pattern_too(tmp_path: Path, suffix: str) -> None:
    folder = save(tmp_path / "data" / f"*{suffix}", rows(30), rows=10)
    swap_a_byte(folder)
    assert len(asked(folder / "part-00000*")) == 10
    with pytest.raises(DatasetError, match="SHA-256"):
        list(read_examples(folder / "part-0000[12]*", lambda bad: None))


@pytest.mark.parametrize(
    "name", ["../out.jsonl", "/etc/x.jsonl", "a/b.jsonl", "", "rows.txt", None, 7]
)
def test_a_manifest_names_no_file_outside_its_folder(tmp_path: Path, name: object) -> None:
    folder = save(tmp_path / "data" / "*.jsonl", rows(3), rows=3)
    found = manifest(folder)
    found["shards"][0]["name"] = name
    (folder / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(DatasetError, match="is no manifest of a dataset"):
        asked(folder)


def test_a_folder_of_others_is_read_by_name(tmp_path: Path) -> None:
    for name, start in (("b", 3), ("a", 0), ("c", 6)):
        save(tmp_path / f"{name}.jsonl", rows(3, start))
    (tmp_path / "README.md").write_text("about the rows")
    (tmp_path / ".hidden.jsonl").write_text("{")
    assert asked(tmp_path) == [row.instruction for row in rows(9)]
    assert asked(tmp_path / "[ab].jsonl") == [row.instruction for row in rows(6)]
    with pytest.raises(DatasetError, match="is named so"):
        asked(tmp_path / "x*.jsonl")
    save(tmp_path / "d.parquet", rows(3))
    with pytest.raises(DatasetError, match="tables and JSON lines"):
        asked(tmp_path)


def test_a_bad_line_is_told_with_its_shard(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(dump_example(rows(1)[0]))  # no line end
    (tmp_path / "b.jsonl").write_text(f"{dump_example(rows(1)[0])}\n\nnonsense\n")
    with pytest.raises(DatasetError, match=r":4 \(b.jsonl:3\): not valid JSON"):
        asked(tmp_path)
    assert [number for number, _ in read_numbered(tmp_path, lambda bad: None)] == [1, 2]
    report = validate_file(tmp_path, ValidateOptions())
    assert f"{tmp_path}:4 (b.jsonl:3): not valid JSON" in str(report.bad_lines[0])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_files_are_the_dataset_that_one_is(tmp_path: Path, suffix: str) -> None:
    some = [*rows(60), *rows(7), rows(1)[0]]
    one = save(tmp_path / "one.jsonl", some)
    folder = save(tmp_path / "many" / f"*{suffix}", some, rows=13)
    wanted = validate_file(one, ValidateOptions()).to_json()
    found = validate_file(folder, ValidateOptions()).to_json()
    assert {**found, "path": ""} == {**wanted, "path": ""}
    assert describe(folder).counts == describe(one).counts
    shown, _ = preview_rows(folder, rows=2, first=30)
    assert [row.line for row in shown] == [30, 31]
    assert formats.size(folder) == max(block.done for block in formats.blocks(folder))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_correction_in_place_keeps_form_backup_and_what_lay_beside(
    tmp_path: Path, suffix: str
) -> None:
    folder = save(tmp_path / "data" / f"*{suffix}", [*rows(20), *rows(5)], rows=8)
    (folder / "README.md").write_text("about the rows")
    before = manifest(folder)
    report = correct_file(folder, None, CorrectOptions(near_duplicates=False))
    assert report.rows_out == 20
    assert report.backup is not None
    assert manifest(Path(report.backup)) == before
    assert len(asked(Path(report.backup))) == 25
    assert asked(folder) == [row.instruction for row in rows(20)]
    assert [shard["rows"] for shard in manifest(folder)["shards"]] == [8, 8, 4]
    assert (folder / "README.md").read_text() == "about the rows"
    listed = [
        json.loads(line) for line in (tmp_path / "corrections.jsonl").read_text().split("\n")[:-1]
    ]
    assert [entry["line"] for entry in listed] == [21, 22, 23, 24, 25]
    assert [entry["shard_line"] for entry in listed] == [5, 6, 7, 8, 1]
    assert listed[0]["shard"] == before["shards"][2]["name"]
    again = correct_file(folder, None, CorrectOptions(near_duplicates=False))
    assert not again.written
    assert again.backup is None


def test_correction_elsewhere_writes_what_the_output_names(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", rows(20), rows=8)
    for output, suffix in (
        (tmp_path / "out" / "*.parquet", "parquet"),
        (tmp_path / "plain", "jsonl.gz"),
    ):
        correct_file(folder, output, shards=ShardSize(rows=9))
        made = output.parent if "*" in output.name else output
        assert asked(made) == asked(folder)
        assert manifest(made)["format"] == suffix
        assert [shard["rows"] for shard in manifest(made)["shards"]] == [9, 9, 2]
    with pytest.raises(DatasetError, match="is one file"):
        correct_file(folder, tmp_path / "x.jsonl", shards=ShardSize(rows=9))


def test_what_cannot_be_corrected_in_place_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "others" / "a.jsonl", rows(3))
    for source in (tmp_path / "others", tmp_path / "others" / "*.jsonl"):
        with pytest.raises(DatasetError, match=r"not corrected in place.*--output"):
            correct_file(source)
    assert [path.name for path in (tmp_path / "others").iterdir()] == ["a.jsonl"]


def test_a_folder_of_other_things_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(DatasetError, match="holds other files"):
        save(tmp_path / "mine", rows(3), rows=2)
    save(tmp_path / "theirs" / "a.jsonl", rows(3))
    with pytest.raises(DatasetError, match=r"holds a\.jsonl and is no dataset of shards"):
        save(tmp_path / "theirs", rows(3), rows=2)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_a_writing_that_fails_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", rows(20), rows=8)
    before = manifest(folder)

    def broken() -> None:
        with atomic_rows(folder, shards=ShardSize(rows=3)) as write:
            for row in rows(10, 50):
                write(dump_example(row) + "\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert manifest(folder) == before
    assert len(asked(folder)) == 20
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_split_into_shards(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", rows(80), rows=30)
    plain = split_rows(folder, tmp_path / "plain", SplitOptions(validation=0.2, test=0.2))
    for _ in range(2):  # the second takes the place of the first
        report = split_rows(
            folder,
            tmp_path / "parts",
            SplitOptions(validation=0.2, test=0.2),
            shards=ShardSize(rows=10),
        )
    assert {name: part.rows for name, part in report.parts.items()} == {
        name: part.rows for name, part in plain.parts.items()
    }
    for name, part in report.parts.items():
        assert asked(Path(part.path)) == asked(Path(plain.parts[name].path))
        assert manifest(Path(part.path))["rows"] == part.rows
    assert len(manifest(tmp_path / "parts" / "train")["shards"]) > 2
