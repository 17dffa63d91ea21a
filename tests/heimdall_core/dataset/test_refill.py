"""`heimdall correct --refill`: what categories lack is generated, and nothing is copied."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from heimdall_core.cli.main import cli
from heimdall_core.dataset.io import read_examples


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, arguments)
    return done.exit_code, done.output


def test_quotas_are_filled_from_the_generators(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    generate = ("generate", "--generator", "cypher", "--num-examples", "60", "--output", str(path))
    assert run(*generate)[0] == 0
    old = path.read_bytes()
    before = Counter(row.category for row in read_examples(path))
    code, out = run("correct", str(path), "--min-category-size", "4", "--dry-run", "--json")
    lacking = json.loads(out[out.index("{") :])["quotas"]
    assert lacking == {c: 4 - n for c, n in before.items() if n < 4}
    assert lacking
    code, _ = run("correct", str(path), "--min-category-size", "4", "--refill")
    assert code == 0
    rows = list(read_examples(path))
    sizes = Counter(row.category for row in rows)
    assert min(sizes.values()) >= 4
    assert all(sizes[category] >= n for category, n in before.items())
    assert len({row.prompt_key for row in rows}) == len(rows)
    (backup,) = tmp_path.glob("rows_backup_*.jsonl")
    assert backup.read_bytes() == old
    assert {row.category for row in read_examples(tmp_path / "rows_refill.jsonl")} == set(lacking)


def test_refill_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "Q", "output": "A"}\n')
    done = CliRunner().invoke(cli, ["correct", str(path), "--refill"])
    assert "--min-category-size" in str(done.exception)
