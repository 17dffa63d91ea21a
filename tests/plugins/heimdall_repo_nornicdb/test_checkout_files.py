"""What is read of a checkout, and what is passed over with a line and a count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heimdall_repo_nornicdb.checkout.files import MAX_BYTES, MAX_LINE, CheckoutError, open_files


def test_hostile_files_are_passed_over_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "good.go").write_text("package a\n")
    (tmp_path / "binary.go").write_bytes(b"MATCH\0\x01\x02")
    (tmp_path / "latin.go").write_bytes("caf\xe9".encode("latin-1"))
    (tmp_path / "long.go").write_text("x" * (MAX_LINE + 1))
    (tmp_path / "huge.go").write_bytes(b"y" * (MAX_BYTES + 1))
    (tmp_path / "link.go").symlink_to(tmp_path / "good.go")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "pipe.go").mkdir()
    os.mkfifo(tmp_path / "fifo.go")
    notes: list[str] = []
    files = open_files(tmp_path, notes.append)
    assert [f.path for f in files.walk(".go")] == ["good.go"]
    assert sorted(notes) == [
        "binary.go: passed over: binary",
        "fifo.go: passed over: not a plain file",
        f"huge.go: passed over: larger than {MAX_BYTES:,} bytes",
        "latin.go: passed over: not UTF-8 at byte 3",
        "link.go: passed over: a link",
        f"long.go: passed over: a line longer than {MAX_LINE:,} bytes",
        "loop: passed over: a link to a folder",
    ]
    assert sum(files.skipped.values()) == len(notes)
    # A second walk says nothing twice.
    list(files.walk(".go"))
    assert sum(files.skipped.values()) == len(notes)


def test_a_line_of_100_megabytes_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "dump.md"
    with file.open("wb") as out:
        out.truncate(100_000_000)
    notes: list[str] = []
    assert list(open_files(tmp_path, notes.append).walk(".md")) == []
    assert notes == [f"dump.md: passed over: larger than {MAX_BYTES:,} bytes"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "shut.go").write_text("package a\n")
    (tmp_path / "shut.go").chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    notes: list[str] = []
    try:
        assert list(open_files(tmp_path, notes.append).walk(".go")) == []
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert sorted(notes) == [
        "closed: passed over: a folder that cannot be read",
        "shut.go: passed over: unreadable (Permission denied)",
    ]


def test_an_unreadable_file_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.go").write_text("package a\n")

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    notes: list[str] = []
    assert list(open_files(tmp_path, notes.append).walk(".go")) == []
    assert notes == ["a.go: passed over: unreadable (Permission denied)"]


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError, match="does not exist"):
        open_files(tmp_path / "absent", print)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckoutError, match="is not a folder"):
        open_files(tmp_path / "file", print)


def test_a_named_file_that_is_missing(tmp_path: Path) -> None:
    notes: list[str] = []
    assert open_files(tmp_path, notes.append).read("apoc/apoc.go") is None
    assert notes == ["apoc/apoc.go: passed over: missing"]
