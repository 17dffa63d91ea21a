"""Reading and writing rows: what is refused, where, and why; and that nothing else changes."""

from __future__ import annotations

import gzip
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall_core.dataset import formats
from heimdall_core.dataset.io import (
    BadLine,
    example_from_dict,
    read_examples,
    read_numbered,
    write_examples,
)
from heimdall_core.errors import DatasetError
from heimdall_core.types import CONTEXT_SIZES, Example

ROW = {"instruction": "Count all nodes", "output": "MATCH (n) RETURN count(n)"}
LINE = json.dumps(ROW).encode()


def read(path: Path) -> tuple[list[Example], list[str]]:
    bad: list[BadLine] = []
    return list(read_examples(path, bad.append)), [f"{b.line}: {b.reason}" for b in bad]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"instruction": "a", "output": "\xff"}', "not valid UTF-8 at byte 32"),
        (b'{"instruction": "a"', "not valid JSON: Expecting ',' delimiter at column 20"),
        (b'{"instruction": "a\x00", "output": "b"}', "not valid JSON: Invalid control character"),
        (b"[1, 2]", "expected an object, found a list"),
        (b"null", "expected an object, found null"),
        (b'{"output": "b"}', "the field 'instruction' is missing"),
        (b'{"instruction": "a", "output": null}', "'output' must be a string, found null"),
        (b'{"instruction": "a", "output": 7}', "'output' must be a string, found a number"),
        (b'{"instruction": "a", "output": " \\n"}', "the field 'output' is empty"),
        (b'{"instruction": "a", "output": "\\ud800"}', "'output' holds a lone surrogate"),
        (
            b'{"instruction": "a", "output": "b", "note": ["\\udc00"]}',
            "'meta' holds a lone surrogate",
        ),
        (
            b'{"instruction": "a", "output": "b", "meta": {"\\ud800": 1}}',
            "'meta' holds a lone surrogate",
        ),
        (
            b'{"instruction": "a", "output": "b", "verification": ["\\ud800"]}',
            "'verification' holds a lone surrogate",
        ),
        (b'{"instruction": "a", "output": "b", "score": NaN}', "'meta' holds NaN or Infinity"),
        (
            b'{"instruction": "a", "output": "b", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
            "'meta' is nested deeper than 32 levels",
        ),
        (b"[" * 200_000, "not valid JSON: nested too deeply"),
        (
            b'{"instruction": "a", "output": "b", "context_size": "huge"}',
            "'context_size' is 'huge'; it must be one of small, medium, large, xl, max",
        ),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_reason(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(LINE + b"\n\n" + line + b"\n" + LINE + b"\n")
    rows, bad = read(path)
    assert len(rows) == 2
    assert len(bad) == 1
    assert bad[0].startswith(f"3: {reason}")
    with pytest.raises(DatasetError, match=r"data\.jsonl:3: "):
        list(read_examples(path))


@pytest.mark.parametrize("raw", [b"", b"\n \n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_rows_gives_none(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(raw)
    assert read(path) == ([], [])


def test_a_byte_order_mark_crlf_and_a_missing_last_line_end_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + LINE + b"\r\n\r\n" + LINE)
    rows = list(read_numbered(path))
    expected = example_from_dict(ROW)
    assert rows == [(1, expected), (3, expected)]


def test_a_byte_order_mark_elsewhere_is_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(LINE + b"\n\xef\xbb\xbf" + LINE)
    rows, bad = read(path)
    assert len(rows) == 1
    assert bad[0].startswith("2: not valid JSON: Unexpected UTF-8 BOM")


def test_a_line_of_ten_megabytes_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({**ROW, "input": "x" * 10_000_000}) + "\n")
    (row,) = read_examples(path)
    assert len(row.input) == 10_000_000


def test_a_line_over_the_limit_is_bad_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "MAX_LINE_BYTES", 100)
    path = tmp_path / "data.jsonl"
    for length in (101, 100_000):
        path.write_bytes(b"x" * length + b"\n" + LINE + b"\n")
        rows, bad = read(path)
        assert len(rows) == 1
        assert bad == ["1: the line is longer than 100 bytes"]


def test_nul_characters_and_nested_meta_come_through(tmp_path: Path) -> None:
    row = Example("a\0b", output="c", meta={"deep": {"list": [1, 2.5, None, True, "é"]}})
    path = tmp_path / "data.jsonl"
    write_examples(path, [row])
    (back,) = read_examples(path)
    assert (back.instruction, back.meta) == (row.instruction, row.meta)


@pytest.mark.parametrize("name", ["missing.jsonl", "missing.jsonl.gz", "folder", "folder.gz"])
def test_what_is_no_file_is_told_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.startswith("folder"):
        path.mkdir()
    with pytest.raises(DatasetError, match=f"{name}: cannot be read: "):
        list(read_examples(path))


@pytest.mark.parametrize("damage", ["cut", "garbled", "invalid", "plain"])
def test_a_damaged_gz_file_is_an_error_of_ours(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "data.jsonl.gz"
    packed = gzip.compress(b"\n".join(json.dumps({**ROW, "n": n}).encode() for n in range(2000)))
    middle = len(packed) // 2
    path.write_bytes(
        {
            "cut": packed[:middle],
            "garbled": packed[:middle] + b"\xff" * 40 + packed[middle + 40 :],
            "invalid": packed[:10] + b"\xff" * 40,
            "plain": LINE,
        }[damage]
    )
    with pytest.raises(DatasetError, match=r"data\.jsonl\.gz: cannot be read: \S"):
        read(path)


def test_a_missing_id_is_the_content_hash_and_one_that_is_there_stays() -> None:
    row = example_from_dict(ROW)
    assert row.id == row.content_id()
    assert example_from_dict({**ROW, "id": "mine"}).id == "mine"


def test_unknown_keys_are_kept_in_meta() -> None:
    row = example_from_dict({**ROW, "score": 3, "meta": {"a": 1}})
    assert row.meta == {"a": 1, "score": 3}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3, alphabet="abc"), inner),
    max_leaves=8,
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
filled = texts.filter(str.strip)
examples = st.builds(
    Example,
    instruction=filled,
    input=texts,
    output=filled,
    category=texts,
    context_size=st.sampled_from(list(CONTEXT_SIZES)),
    system=texts,
    licence=texts,
    verification=st.lists(texts).map(tuple),
    meta=st.dictionaries(st.sampled_from(["k1", "k2"]), json_values),
)


@pytest.mark.usefixtures("fast_disk")
@settings(deadline=None, max_examples=60)
@given(st.lists(examples, max_size=5), st.sampled_from(["x.jsonl", "x.jsonl.gz"]))
def test_what_is_written_is_read_again_and_written_to_the_same_bytes(
    rows: list[Example], name: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, name), Path(folder, "second-" + name)
        assert write_examples(first, rows) == len(rows)
        back = list(read_examples(first))
        write_examples(second, back)
        assert [{**vars_of(r), "id": ""} for r in back] == [vars_of(r) for r in rows]
        assert first.read_bytes() == second.read_bytes()


def vars_of(row: Example) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Example.__slots__ if not name.startswith("_")}


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_a_bad_line(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.jsonl")
        path.write_bytes(raw)
        rows, bad = read(path)
        assert len(rows) + len(bad) <= raw.count(b"\n") + 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("old")

    def rows() -> Iterator[Example]:
        yield Example("a", output="b")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_examples(path, rows())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lone_surrogate_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    with pytest.raises(DatasetError, match="lone surrogate"):
        write_examples(path, [Example("a", output="b", category="\ud800")])
    assert list(tmp_path.iterdir()) == []


def test_a_file_keeps_its_mode_when_it_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("")
    path.chmod(0o600)
    write_examples(path, [Example("a", output="b")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_writing_below_a_file_or_over_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        write_examples(tmp_path / "file" / "data.jsonl", [])
    with pytest.raises(DatasetError, match="is a folder"):
        write_examples(tmp_path, [])


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="is no regular file"):
        write_examples(tmp_path / "pipe", [])
    assert (tmp_path / "pipe").is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]
