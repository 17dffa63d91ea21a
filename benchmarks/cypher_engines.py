"""How many queries of a set run on two embedded engines with generated data, and agree.

    python benchmarks/cypher_engines.py [--data FOLDER] [--every N] [--seed 1]

The queries are those of `cypher/llm_written.jsonl` that a real Neo4j accepted and that only read;
the data are generated from each database's schema (`text2cypher/schemas.jsonl`). Data are looked
for in `--data`, `$HEIMDALL_DATA`, else `../shared/data`. Needs `heimdall-slm[eval]`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from heimdall_lang_cypher.ast import CallSubquery, SingleQuery
from heimdall_lang_cypher.engine import Limits, open_engine
from heimdall_lang_cypher.engine_agree import agree
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.populate import populate
from heimdall_lang_cypher.semantics_clauses import UPDATES
from heimdall_lang_cypher.visitor import walk

BESIDE = Path(__file__).parents[1] / ".." / "shared" / "data"
ENGINES = ("graphdblite", "graphqlite", "ocg")


def reads(query: str) -> bool:
    """Whether a query only reads."""
    nodes = list(walk(parse_statement(query)))
    return any(isinstance(each, SingleQuery) for each in nodes) and not any(
        isinstance(each, (*UPDATES, CallSubquery)) and isinstance(each, UPDATES) for each in nodes
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--data", type=Path, default=os.environ.get("HEIMDALL_DATA") or BESIDE)
    options.add_argument("--every", type=int, default=1, help="take each N-th query only")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--verbose", action="store_true", help="print what no two engines ran")
    arguments = options.parse_args()
    data = Path(arguments.data)
    schemas: dict[str, Any] = {}
    for text in (data / "text2cypher" / "schemas.jsonl").read_text("utf-8").splitlines():
        row = json.loads(text)
        schemas[row["database"]] = row
    queries: dict[str, list[str]] = {}
    lines = (data / "cypher" / "llm_written.jsonl").read_text("utf-8").splitlines()
    for row in map(json.loads, lines[:: arguments.every]):
        if not row["syntax_error"] and reads(row["query"]):
            queries.setdefault(row["db"], []).append(row["query"])

    verdicts: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {name: Counter() for name in ENGINES}
    total = agreed_with_rows = two = 0
    started = time.perf_counter()
    for database, texts in sorted(queries.items()):
        statements = populate(schemas[database], seed=arguments.seed)
        with ExitStack() as stack:
            engines = [
                stack.enter_context(open_engine(name, Limits(seconds=5, rows=10_000)))
                for name in ENGINES
            ]
            for engine in engines:
                engine.load(statements)
            for query in texts:
                found = agree(query, engines)
                total += 1
                verdicts[found.verdict] += 1
                agreed_with_rows += found.verdict == "agreed" and bool(found.rows)
                count = 0
                for name, result in found.results.items():
                    ran[name] += not result.error
                    count += not result.error
                    if result.error:
                        kinds[name][result.error_kind] += 1
                two += count >= 2
                if count < 2 and arguments.verbose:
                    print(query.replace("\n", " ")[:300])
                    for name, result in found.results.items():
                        print("   ", name, result.error_kind, result.error[:160])
                elif found.verdict == "disagreed" and arguments.verbose:
                    print("DISAGREED", query.replace("\n", " ")[:300])
    seconds = time.perf_counter() - started
    print(f"{platform.machine()}, Python {platform.python_version()}; {seconds:.0f} s\n")
    print("| read queries that Neo4j accepted | | |")
    print("|---|---|---|")

    def line(what: str, number: int) -> None:
        print(f"| {what} | {number:,} of {total:,} | {100 * number / max(total, 1):.1f} % |")

    line("run on two engines", two)
    for verdict in ("agreed", "disagreed", "unknown"):
        line(verdict, verdicts[verdict])
    line("agreed, with rows", agreed_with_rows)
    for name in ENGINES:
        line(f"run on {name}", ran[name])
    for name in ENGINES:
        print(f"\n{name} did not run: {dict(kinds[name])}")


if __name__ == "__main__":
    main()
