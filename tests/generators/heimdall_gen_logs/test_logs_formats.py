"""Every documented format, record by record."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from heimdall_core.dataset.sources import Tally
from heimdall_gen_logs.generate import _is_whole
from heimdall_gen_logs.read import read_records
from heimdall_gen_logs.records import Record

QUERY = "MATCH (n:Person) RETURN n"


def records(path: Path, tally: Tally | None = None, **options: object) -> list[Record]:
    return list(read_records([path], tally or Tally(), whole=_is_whole, **options))  # type: ignore[arg-type]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


BOLT = """2026/01/02 10:00:00 NornicDB is starting
[BOLT] Auth success: user=ada roles=[admin] from=10.0.0.1:5000
[BOLT] ada@10.0.0.1:5000: MATCH (n:Person)
WHERE n.age > 30
  // only the older
RETURN n.name (params: map[x:1 y:[1 2]])
[HTTP] GET /health 200 1ms
[BOLT] ada@10.0.0.1:5000: RETURN 1
[BOLT] ERROR: boom: it failed
[BOLT] bob@[::1]:5001: MATCH (n) WHERE n.text = 'it goes on and on...
[BOLT] bob@[::1]:5001: MATCH (n:Cut) RETURN n.one, n.tw... (params: map[])
[BOLT] bob@[::1]:5001: MATCH (m:Last) RETURN m
"""


def test_bolt_records_span_lines_and_know_who_failed(tmp_path: Path) -> None:
    tally = Tally()
    found = records(written(tmp_path / "bolt.log", BOLT), tally)
    assert [(r.text.split("\n")[0], r.failed, r.who) for r in found] == [
        ("MATCH (n:Person)", False, "ada@10.0.0.1:5000"),
        ("RETURN 1", True, "ada@10.0.0.1:5000"),
        ("MATCH (m:Last) RETURN m", False, "bob@[::1]:5001"),
    ]
    assert found[0].text.endswith("RETURN n.name")
    assert found[1].error == "boom: it failed"
    assert tally.counts["truncated"] == 2


@pytest.mark.parametrize(
    "prefix",
    [
        "nornicdb-1  | ",
        "Nov  5 10:00:00 host nornicdb[12]: ",
        "2026-01-02T10:00:00.123456789Z stdout F ",
    ],
)
def test_what_runs_the_server_may_decorate_its_lines(tmp_path: Path, prefix: str) -> None:
    text = "".join(prefix + line + "\n" for line in BOLT.splitlines())
    plain = records(written(tmp_path / "a.log", BOLT))
    decorated = records(written(tmp_path / "b.log", text))
    assert [r.text for r in decorated] == [r.text for r in plain]


def test_docker_wraps_each_line_in_json(tmp_path: Path) -> None:
    text = "".join(
        json.dumps({"log": line + "\n", "stream": "stdout", "time": "t"}) + "\n"
        for line in BOLT.splitlines()
    )
    plain = [r.text for r in records(written(tmp_path / "a.log", BOLT))]
    assert [r.text for r in records(written(tmp_path / "b.log", text))] == plain


def test_slow_query_lines_are_unquoted_as_go_quotes(tmp_path: Path) -> None:
    lines = [
        r'2026/01/02 15:04:05 [SLOW QUERY] duration=1.2s status=OK query="MATCH (n {a: \"x\\\\y\"})'
        r'\n\tRETURN n.caf\u00e9, \"\x41\"" params={"p":1}',
        "2026/01/02 15:04:05 [SLOW QUERY] duration=2m0s status=ERROR: no such thing "
        'query="RETURN x" params={}',
        '2026/01/02 15:04:05 [SLOW QUERY] duration=1s status=OK query="MATCH (n) RETU..." '
        "params={}",
        "2026/01/02 15:04:05 [SLOW QUERY] duration=1s status=OK query=oops",
    ]
    tally = Tally()
    found = records(written(tmp_path / "slow.log", "\n".join(lines)), tally)
    assert found[0].text == 'MATCH (n {a: "x\\\\y"})\n\tRETURN n.café, "A"'
    assert (found[1].text, found[1].failed, found[1].error) == ("RETURN x", True, "no such thing")
    assert len(found) == 2
    assert tally.counts == {"truncated": 1, "malformed slow-query line": 1}


NEO4J = """\
2020-03-01 10:00:00.123+0000 INFO  12 ms: bolt-session	bolt	neo4j	neo4j-python/1.7		client/127.0.0.1:5	server/127.0.0.1:7687>	neo4j - MATCH (a:Three) RETURN a - {} - {}
2021-03-03 10:00:00.000+0000 INFO  Query started: id:8 - 39 ms: 0 B - bolt-session	bolt	b/v4		client/127.0.0.1:5	server/127.0.0.1:7687>	neo4j - neo4j - MATCH (a:Four) RETURN a - {} - runtime=null - {}
2021-03-03 10:00:00.000+0000 INFO  id:8 - 39 ms: 0 B - bolt-session	bolt	b/v4		client/127.0.0.1:5	server/127.0.0.1:7687>	neo4j - neo4j - MATCH (a:Four {x: {p} - 1})
WHERE a.b - 2 > 0 AND a.c = {k: 'v'}
RETURN a - {p: 'it\\'s - {x}', q: 2} - runtime=pipelined - {type: 'user-direct', app: 'b'}
2024-03-03 10:00:00.000+0000 INFO  id:3 - transaction id:1 - 35 ms: (planning: 2, waiting: 0) - 0 B - 0 page hits, 0 page faults - bolt-session	bolt	neo4j-python/5		client/127.0.0.1:5	server/127.0.0.1:7687>	sales - ada -  /* app */ MATCH (a:Five) RETURN a - {} - runtime=slotted - {}
2024-03-03 10:00:00.000+0000 ERROR id:4 - transaction id:2 - 3 ms: 0 B - bolt-session	bolt	d		client/127.0.0.1:5	server/127.0.0.1:7687>	neo4j - neo4j - MATCH (a:Six) RETRUN a - {} - runtime=null - {} - Invalid input 'RETRUN'
org.neo4j.graphdb.QueryExecutionException: Invalid input
	at org.neo4j.kernel.Query.run(Query.java:1)
2024-03-03 10:00:00.000+0000 INFO  id:5 - 3 ms: 0 B - embedded-session		neo4j - system - CALL db.labels() - {} - runtime=slotted - {}
2024-03-03 10:00:00.000+0000 WARN  something else
"""  # noqa: E501


def test_neo4j_text_of_all_versions(tmp_path: Path) -> None:
    found = records(written(tmp_path / "query.log", NEO4J))
    assert [r.text for r in found] == [
        "MATCH (a:Three) RETURN a",
        "MATCH (a:Four {x: {p} - 1})\nWHERE a.b - 2 > 0 AND a.c = {k: 'v'}\nRETURN a",
        "/* app */ MATCH (a:Five) RETURN a",
        "MATCH (a:Six) RETRUN a",
        "CALL db.labels()",
    ]
    assert [r.failed for r in found] == [False, False, False, True, False]


def test_json_of_several_makers(tmp_path: Path) -> None:
    lines = [
        {"level": "warn", "msg": "slow query", "query": "RETURN 1", "duration_ms": 5},
        {"event": "start", "query": "RETURN 2", "queryParameters": {}},
        {"event": "success", "query": "RETURN 2", "queryParameters": {"a": 1}},
        {"event": "fail", "query": "RETURN x", "failureReason": "Variable `x` not defined"},
        {"event": "fail", "query": "RETURN y", "errorInfo": {"statusDescription": "no y"}},
        {"statements": [{"statement": "RETURN 3"}, {"statement": "RETURN 4", "parameters": {}}]},
        {"level": "info", "msg": "nothing"},
        {"query": "MATCH (n) RETURN n.a, n...", "truncated": True},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"query": "RETU\n'
    tally = Tally()
    found = records(written(tmp_path / "queries.jsonl", text), tally)
    assert [(r.text, r.failed) for r in found] == [
        ("RETURN 1", False),
        ("RETURN 2", False),
        ("RETURN x", True),
        ("RETURN y", True),
        ("RETURN 3", False),
        ("RETURN 4", False),
    ]
    assert found[3].error == "no y"
    assert tally.counts == {"truncated": 1, "not valid JSON": 1}


def test_statements_end_at_semicolons_outside_of_texts_and_comments(tmp_path: Path) -> None:
    text = """// setup; not a statement
MATCH (n {t: 'a;b', u: "c;", `d;`: 1}) // why; here
/* and ; here */
RETURN n;
RETURN 1; RETURN 2;

RETURN 'last; one'
"""
    found = records(written(tmp_path / "a.cypher", text))
    assert [r.text.split("\n")[-1] for r in found] == [
        "RETURN n",
        "RETURN 1",
        "RETURN 2",
        "RETURN 'last; one'",
    ]


def test_lists_without_semicolons(tmp_path: Path) -> None:
    text = """MATCH (a) RETURN a
MATCH (b) RETURN b
MATCH (c)
WHERE c.x = 1
RETURN c
CREATE (d:D)
CREATE (e:E)
# a remark
RETURN 1
MATCH (f)
SET f.x = 1
"""
    found = [r.text for r in records(written(tmp_path / "queries.txt", text))]
    assert found == [
        "MATCH (a) RETURN a",
        "MATCH (b) RETURN b",
        "MATCH (c)\nWHERE c.x = 1\nRETURN c",
        "CREATE (d:D)",
        "CREATE (e:E)",
        "RETURN 1",
        "MATCH (f)\nSET f.x = 1",
    ]


def test_lines_that_grep_took_from_a_log(tmp_path: Path) -> None:
    text = "".join(line + "\n" for line in BOLT.splitlines() if "MATCH" in line)
    found = records(written(tmp_path / "production_queries.txt", text))
    assert found[-1].text == "MATCH (m:Last) RETURN m"


def test_a_rotated_log_is_one_stream_oldest_first(tmp_path: Path) -> None:
    head = "[BOLT] a@h:1: MATCH (n:{})\n"
    with gzip.open(tmp_path / "query.log.2.gz", "wt") as file:
        file.write(head.format("Oldest") + "RETURN n\n" + head.format("Cut"))
    written(tmp_path / "query.log.1", "RETURN n\n" + head.format("Middle") + "RETURN n\n")
    written(tmp_path / "query.log", head.format("New") + "RETURN n\n")
    written(tmp_path / "query.log.bak", head.format("Other") + "RETURN n\n")
    names = [r.text.split(":")[1].split(")")[0] for r in records(tmp_path / "query.log")]
    assert names == ["Oldest", "Cut", "Middle", "New"]
    # The folder holds the same stream once; the copy that no rotation made is another log.
    inside = [r.text.split(":")[1].split(")")[0] for r in records(tmp_path)]
    assert sorted(inside) == sorted(names)
    alone = records(tmp_path / "query.log", rotated=False)
    assert len(alone) == 1


def test_dates_in_the_names_of_rotated_logs(tmp_path: Path) -> None:
    for day, label in (("20260102", "B"), ("20260101", "A"), ("20260103", "C")):
        line = f"[BOLT] a@h:1: MATCH (n:{label}) RETURN n\n"
        written(tmp_path / f"query.log-{day}", line)
    written(tmp_path / "query.log", "[BOLT] a@h:1: MATCH (n:D) RETURN n\n")
    assert [r.text[9] for r in records(tmp_path / "query.log")] == ["A", "B", "C", "D"]


# --- hostile input -------------------------------------------------------------------------------


def test_hostile_files_are_told_of_and_the_rest_is_read(tmp_path: Path) -> None:
    good = f"[BOLT] a@h:1: {QUERY}\n"
    written(tmp_path / "good.log", good)
    (tmp_path / "binary.log").write_bytes(b"\x7fELF\0\0\0" + bytes(range(256)))
    (tmp_path / "utf8.log").write_bytes(b"[BOLT] a@h:1: MATCH (n {x: '\xff\xfe'}) RETURN n\n")
    with gzip.open(tmp_path / "cut.log.gz", "wb") as file:
        file.write(os.urandom(50_000).hex().encode() + b"\n" + good.encode() * 2000)
    whole = (tmp_path / "cut.log.gz").read_bytes()
    (tmp_path / "cut.log.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.log").symlink_to(tmp_path / "self.log")
    (tmp_path / "dangling.log").symlink_to(tmp_path / "nowhere")
    notes: list[str] = []
    tally = Tally(notes.append)
    found = records(tmp_path, tally)
    assert [r.text for r in found] == [QUERY]
    assert tally.counts["binary file"] == 1
    assert tally.counts["not valid UTF-8"] == 1
    assert tally.counts["folder that links to itself"] >= 1
    assert tally.counts["unreadable file"] >= 2
    for name in ("binary.log", "utf8.log", "cut.log.gz", "again", "self.log"):
        assert [n for n in notes if name in n and "\n" not in n], (name, notes)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = written(tmp_path / "secret.log", "[BOLT] a@h:1: RETURN 1\n")
    path.chmod(0)
    tally = Tally()
    assert records(tmp_path, tally) == []
    assert tally.counts["unreadable file"] == 1


def test_a_line_of_100_megabytes_is_dropped_in_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "long.log"
    with path.open("wb") as file:
        file.write(b"[BOLT] a@h:1: RETURN 1\n[BOLT] a@h:1: RETURN '")
        for _ in range(100):
            file.write(b"x" * 2**20)
        file.write(b"'\n[BOLT] a@h:1: RETURN 2\n")
    tally = Tally()
    tracemalloc.start()
    found = records(path, tally)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.text for r in found] == ["RETURN 1", "RETURN 2"]
    assert tally.counts["line too long"] == 1
    assert peak < 12 * 2**20


def test_a_record_without_end_is_dropped(tmp_path: Path) -> None:
    text = "[BOLT] a@h:1: MATCH (n)\n" + "more and more\n" * 90_000 + "[BOLT] a@h:1: RETURN 1\n"
    tally = Tally()
    assert [r.text for r in records(written(tmp_path / "a.log", text), tally)] == ["RETURN 1"]
    assert tally.counts["record too long"] == 1
