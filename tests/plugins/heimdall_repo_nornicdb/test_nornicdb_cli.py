"""`heimdall nornicdb inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nornic_tree import write_tree

from heimdall_core.cli.main import entry


def _run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as done:
        entry(arguments)
    assert isinstance(done.value.code, int)
    return done.value.code


def test_counts_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["nornicdb", "inspect", "--repo", str(write_tree(tmp_path))]) == 0
    shown = capsys.readouterr().out
    [line] = [x for x in shown.splitlines() if x.startswith("apoc registrations")]
    assert line.split() == ["apoc", "registrations", "3", "983", "differs"]
    assert "facts no longer hold in this checkout" in shown


def test_counts_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tree(tmp_path)
    (root / "docs" / "broken.md").write_bytes(b"\xff\xfe")
    assert _run(["nornicdb", "inspect", "--repo", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    counts = {line["name"]: line["found"] for line in found["lines"]}
    assert counts["apoc registrations"] == 3
    assert found["notes"] == ["docs/broken.md: passed over: not UTF-8 at byte 0"]
    assert found["skipped"] == {"not UTF-8": 1}


def test_no_checkout_is_a_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["nornicdb", "inspect", "--repo", str(tmp_path / "absent")]) == 2
    assert "the checkout does not exist; give --repo the folder" in capsys.readouterr().err
