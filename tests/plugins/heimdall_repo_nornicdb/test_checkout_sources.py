"""The tables of a checkout's sources, on a small tree that looks like one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nornic_tree import write_tree

from heimdall_repo_nornicdb.checkout.files import Files, open_files
from heimdall_repo_nornicdb.checkout.sources import (
    is_template,
    read_fences,
    read_functions,
    read_patterns,
    read_procedures,
    read_registrations,
    read_settings,
    read_shown,
    read_test_queries,
    read_yaml_keys,
)
from heimdall_repo_nornicdb.inspect import EXPECTED, inspect


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return open_files(write_tree(tmp_path), lambda note: pytest.fail(note))


def test_registrations(files: Files) -> None:
    found = read_registrations(files)
    assert [r.name for r in found] == ["apoc.coll.sum", "apoc.text.join", "apoc.node.degree"]
    assert (found[1].description, found[1].example) == ("Joins with `glue`", 'x => "a,b"')
    assert [r.line for r in found] == [4, 5, 6]


def test_procedures_and_functions(files: Files) -> None:
    assert read_procedures(files) == ("DB.LABELS", "APOC.ALGO.PAGERANK")
    procedures, functions = read_shown(files)
    assert [p.name for p in procedures] == ["db.labels"]
    assert [f.name for f in functions] == ["size", "head"]
    assert read_functions(files) == (("size", "head"), ("id",))


def test_patterns_of_ddl_alone(files: Files) -> None:
    assert sorted(read_patterns(files)) == ["indexNamedFor", "uniqueFor"]


def test_settings_with_their_kinds(files: Files) -> None:
    found = {s.env: s.kind for s in read_settings(files)}
    assert found == {
        "NORNICDB_BOLT_PORT": "int",
        "NORNICDB_HTTP_ENABLED": "bool",
        "NORNICDB_QUERY_CACHE_TTL": "duration",
        "NORNICDB_NOT_DESCRIBED": "text",
    }
    assert read_yaml_keys(files) == ("bolt_port", "server")


def test_fences_indented_and_with_tildes(files: Files) -> None:
    found = read_fences(files)
    assert [f.text.splitlines()[0] for f in found] == [
        "// the people",
        "CALL db.labels() YIELD label RETURN label",
        "MATCH (a)-[:KNOWS]->(b) RETURN a.name, b.name",
    ]
    assert [f.line for f in found] == [6, 18, 22]


def test_queries_of_the_test_suite(files: Files) -> None:
    found = read_test_queries(files)
    assert [q.text.split()[0] for q in found] == ["MATCH", "CREATE", "MATCH", "MATCH"]
    assert [is_template(q.text) for q in found] == [False, False, False, True]


def test_an_empty_folder_gives_nothing_and_says_so(tmp_path: Path) -> None:
    notes: list[str] = []
    found = inspect(tmp_path, notes.append)
    assert {line.found for line in found.lines} == {0}
    assert len(notes) == sum(found.skipped.values()) > 5


def test_inspection_counts_the_tree(tmp_path: Path) -> None:
    found = inspect(write_tree(tmp_path), lambda note: None)
    counts = {line.name: line.found for line in found.lines}
    assert counts["apoc registrations"] == 3
    assert counts["actions"] == 5
    assert counts["documentation fences"] == 3
    assert counts["test queries"] == 4
    assert found.stale, "the small tree does not hold what the facts rest on"


@pytest.mark.skipif(
    "HEIMDALL_NORNICDB" not in os.environ, reason="HEIMDALL_NORNICDB names no checkout"
)
def test_a_real_checkout_holds_what_was_counted() -> None:
    found = inspect(Path(os.environ["HEIMDALL_NORNICDB"]), lambda note: None)
    exact = ("apoc", "procedures", "functions shown", "prompt", "actions")
    for line in found.lines:
        if line.name.startswith(exact):
            assert line.found == EXPECTED[line.name], line
    assert found.stale == ()
