"""Queries per second of the Cypher parser and checker, one process, beside other parsers.

    python benchmarks/cypher_parser.py [--queries FILE.jsonl] [--runs 7] [--generated FOLDER]

Lines of the file are objects with the query under `cypher` or `query` (and a graph schema under
`schema`, if any). Without a file, text2cypher questions are looked for in `$HEIMDALL_DATA`, else
`../shared/data`, else
a dozen queries of that kind are used. Peers are measured where they are importable (`pip install
antlr4-cypher graphglot antlr4-python3-runtime==4.13.2 'heimdall-slm[engines]'`), on a sample, for
they are slow; `--generated` names a folder outside of the repository in which a parser is made of
Neo4j's own grammar (see `neo4j_grammar.py`). Runs of all of them are interleaved; the median of the
runs counts. Nothing is cached between queries.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import neo4j_grammar

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

BESIDE = Path(__file__).parents[1] / ".." / "shared" / "data"
SHARED = Path(os.environ.get("HEIMDALL_DATA") or BESIDE) / "text2cypher"
PEER_SAMPLE = 150
TARGETS = {"parse": 4_000, "check: semantics, schema": 2_500}

SAMPLE = (
    "MATCH (p:Person {name: 'Tom'}) RETURN p.born",
    "MATCH (m:Movie) WHERE m.year > 2000 AND m.votes IS NOT NULL RETURN m.title LIMIT 5",
    "MATCH (p:Person)-[:ACTED_IN]->(m:Movie)<-[:DIRECTED]-(p) RETURN p.name, collect(m.title)",
    "MATCH (u:User)-[r:RATED]->(m:Movie)\nWITH u, count(r) AS n\nWHERE n > 20\n"
    "RETURN u.name, n\nORDER BY n DESC\nLIMIT 5",
    "MATCH (a:Article)-[:MENTIONS]->(o:Organization)-[:IN_CITY]->(:City {name: 'Oslo'})\n"
    "WHERE a.sentiment > 0.7\nRETURN a.title, a.date\nLIMIT 3",
    "MATCH (c:Character)-[i:INTERACTS]-(d)\nWITH c, sum(i.weight) AS total\n"
    "RETURN c.name, total\nORDER BY total DESC",
    "MATCH (s:Stream)\nWHERE NOT EXISTS { (s)-[:HAS_TEAM]->() }\nRETURN s.name, s.followers",
    "MATCH (p:Product)-[:PART_OF]->(c:Category)\nRETURN c.name, avg(p.price) AS price\n"
    "ORDER BY price DESC\nLIMIT 10",
    "MATCH p = shortestPath((a:Person {name: 'A'})-[:KNOWS*..6]-(b:Person {name: 'B'})) RETURN p",
    "MATCH (o:Order)\nWHERE o.date >= date('2020-01-01') AND o.total / o.items > 50\n"
    "RETURN o.id, round(o.total, 2)",
    "MERGE (p:Person {id: $id})\nON CREATE SET p.created = datetime()\nSET p += $properties\n"
    "RETURN p",
    "UNWIND $rows AS row\nMATCH (a:A {id: row.a})\nMERGE (a)-[r:R {w: row.w}]->(:B {id: row.b})",
)

Row = tuple[str, dict[str, Any] | None]


def read_rows(path: Path | None) -> list[Row]:
    """Queries with their schemas."""
    if path is None and (SHARED / "pairs.jsonl").is_file():
        schemas = {
            each["database"]: each
            for each in map(json.loads, (SHARED / "schemas.jsonl").read_text("utf-8").splitlines())
        }
        pairs = map(json.loads, (SHARED / "pairs.jsonl").read_text("utf-8").splitlines())
        return [(pair["cypher"], schemas.get(pair["database"])) for pair in pairs]
    if path is None:
        return [(query, None) for query in SAMPLE] * 100
    lines = map(json.loads, path.read_text("utf-8").splitlines())
    return [(line.get("cypher") or line["query"], line.get("schema")) for line in lines]


def measured(
    function: Callable[[Row], object], rows: Iterable[Row], clock: Callable[[], float]
) -> float:
    """Queries per second."""
    rows = list(rows)
    started = clock()
    for row in rows:
        function(row)
    return len(rows) / (clock() - started)


def antlr_parser(lexer: type, parser: type, rule: str) -> Callable[[Row], object]:
    """A parser that ANTLR has generated, starting with `rule`."""
    from antlr4 import CommonTokenStream, InputStream, PredictionMode

    def run(row: Row) -> object:
        instance = parser(CommonTokenStream(lexer(InputStream(row[0]))))
        instance.removeErrorListeners()
        instance._interp.predictionMode = PredictionMode.SLL
        return getattr(instance, rule)()

    return run


def peers(generated: Path | None) -> dict[str, Callable[[Row], object]]:
    """Other parsers that are installed here, or were generated into a folder."""
    found: dict[str, Callable[[Row], object]] = {}
    if generated is not None:
        sys.path.insert(0, str(neo4j_grammar.generate(generated)))
        lexer = import_module("CypherCmdLexer").CypherCmdLexer
        parser = import_module("CypherCmdParser").CypherCmdParser
        found["Neo4j's grammar, generated"] = antlr_parser(lexer, parser, "statementsOrCommands")
    with suppress(ImportError):
        module = import_module("antlr4_cypher")
        found["antlr4-cypher"] = antlr_parser(module.CypherLexer, module.CypherParser, "script")
    with suppress(ImportError):
        dialect = import_module("graphglot.dialect").Dialect.get_or_raise("neo4j")

        def graphglot(row: Row) -> object:
            try:
                return dialect.parse(row[0])
            except Exception as error:  # noqa: BLE001 (a peer's refusal is an answer)
                return error

        found["graphglot"] = graphglot
    with suppress(ImportError):
        sqlite3: Any = import_module("sqlite3")
        if not hasattr(sqlite3.Connection, "enable_load_extension"):
            sys.modules["sqlite3"] = import_module("pysqlite3")
        graph = import_module("graphqlite").connect(":memory:")
        found["graphqlite's validator (in C)"] = lambda row: graph.validate(row[0])
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--queries", type=Path)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--generated", type=Path)
    options.add_argument("--every", type=int, default=1, help="take each N-th query only")
    options.add_argument(
        "--cpu", action="store_true", help="count CPU time: others share the machine"
    )
    arguments = options.parse_args()
    clock = time.process_time if arguments.cpu else time.perf_counter

    rows = []
    for row in read_rows(arguments.queries)[:: arguments.every]:
        try:
            parse(row[0])
        except CypherSyntaxError:
            continue
        rows.append(row)
    size = statistics.median(len(query) for query, _ in rows)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    per = "second of CPU" if arguments.cpu else "second"
    print(
        f"{len(rows)} queries, median {size:.0f} characters; median of {arguments.runs} runs, "
        f"per {per}\n"
    )

    def request(schema: dict[str, Any] | None, performance: bool) -> CheckRequest:
        return CheckRequest(schema=schema, performance=performance)

    ours: dict[str, Callable[[Row], object]] = {
        "parse": lambda row: parse(row[0]),
        "check: semantics": lambda row: check(row[0], request(None, False)),
        "check: semantics, schema": lambda row: check(row[0], request(row[1], False)),
        "check: all": lambda row: check(row[0], request(row[1], True)),
    }
    theirs = peers(arguments.generated)
    sample = rows[:: max(1, len(rows) // PEER_SAMPLE)]
    speeds: dict[str, list[float]] = {name: [] for name in (*ours, *theirs)}
    for _ in range(arguments.runs):
        for name, function in ours.items():
            speeds[name].append(measured(function, rows, clock))
        for name, function in theirs.items():
            speeds[name].append(measured(function, sample, clock))

    base = statistics.median(speeds["parse"])
    print("| what | queries/s | fastest run | target | our parser is faster by |")
    print("|---|---|---|---|---|")
    for name, found in speeds.items():
        median = statistics.median(found)
        target = f"{TARGETS[name]:,}" if name in TARGETS else ""
        ratio = f"{base / median:.0f} times" if name in theirs else ""
        print(f"| {name} | {median:,.0f} | {max(found):,.0f} | {target} | {ratio} |")


if __name__ == "__main__":
    main()
