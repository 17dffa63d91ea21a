"""Damaged files: see `fuzz_readers` in tests/support. Ten minutes of it are `make fuzz`."""

from __future__ import annotations

import os

import pytest
from fuzz_readers import fuzz

KINDS = ("rows.jsonl", "rows.jsonl.gz", "rows.parquet", "recipe.toml")


def test_no_error_but_the_projects_own() -> None:
    counts = fuzz(float(os.environ.get("HEIMDALL_FUZZ_SECONDS", "20")), seed=20261125)
    assert {name.split(":")[0] for name in counts} == set(KINDS)
    assert counts["rows.jsonl: read"] > 20


@pytest.mark.slow
def test_ten_minutes_of_it() -> None:
    assert sum(fuzz(600, seed=int.from_bytes(os.urandom(3))).values()) > 1000
