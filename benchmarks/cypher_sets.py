"""How the Cypher checker stands on the sets of queries whose verdicts somebody else gave.

    python benchmarks/cypher_sets.py [--data FOLDER]

Sets, each measured where its file is there (`--data`, `$HEIMDALL_DATA`, else `../shared/data`):

- `tck/cases.jsonl`: openCypher TCK scenarios; valid ones accepted, compile-time errors rejected,
  and with the TCK's own code; over all (micro), and as means over feature folders and over kinds
  of errors (macro);
- `cypher/modern.jsonl`: Neo4j 5 and 2025 queries with the verdicts of Cypher 5 and Cypher 25;
- `cypher/llm_written.jsonl`: queries by a large model with a real Neo4j's verdict, and names that
  their schema (`text2cypher/schemas.jsonl`, `cypher/schemas.json`) lacks, by the schema's shape;
- `cypher/mutations.jsonl`: single-token mutations, with the distance of the reported place from the
  fault in tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check

BESIDE = Path(__file__).parents[1] / ".." / "shared" / "data"
TOKEN = re.compile(r"\s+|'(?:\\.|[^'])*'|\"(?:\\.|[^\"])*\"|`[^`]*`|\w+|<=|>=|<>|->|<-|\.\.|.")
NEAR = 3


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def errors(query: str, dialect: str, **options: Any) -> list[Finding]:
    request = CheckRequest(dialect=dialect, performance=False, **options)
    return [each for each in check(query, request) if each.severity == "error"]


def share(flags: Iterable[bool]) -> str:
    found = list(flags)
    part = f"{100 * sum(found) / len(found):.2f} %" if found else "–"
    return f"{sum(found):,} of {len(found):,} ({part})"


def macro(groups: dict[str, list[bool]]) -> str:
    means = [sum(flags) / len(flags) for flags in groups.values()]
    worst = min(groups, key=lambda name: sum(groups[name]) / len(groups[name]))
    flags = groups[worst]
    low = f"; lowest {worst} {sum(flags)}/{len(flags)}" if sum(flags) < len(flags) else ""
    return f"{100 * sum(means) / len(means):.2f} % over {len(means)}{low}"


def line(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |")


def tck(path: Path) -> None:
    for dialect in ("opencypher9", "neo4j5", "neo4j"):
        accepted: dict[str, list[bool]] = defaultdict(list)
        runtime: list[bool] = []
        rejected: dict[str, list[bool]] = defaultdict(list)
        named: dict[str, list[bool]] = defaultdict(list)
        for row in rows(path):
            schema = {"procedures": [each["signature"] for each in row["procedures"]]}
            found = errors(
                row["query"], dialect, schema=schema, parameters=tuple(row["params"] or ())
            )
            if row["expect"] == "compile_error":
                rejected[row["error_detail"]].append(bool(found))
                named[row["error_detail"]].append(
                    bool(found) and found[0].code == row["error_detail"]
                )
            elif row["expect"] == "valid":
                accepted[str(Path(row["file"]).parent)].append(not found)
            else:
                runtime.append(not found)
        for name, groups in (
            ("valid, accepted", accepted),
            ("compile-time errors, rejected", rejected),
            ("with the TCK's code", named),
        ):
            all_ = [flag for flags in groups.values() for flag in flags]
            line(f"TCK: {name}", dialect, share(all_), macro(groups))
        line("TCK: run-time errors, accepted", dialect, share(runtime), "")


def modern(path: Path) -> None:
    for dialect, key in (("neo4j", "valid_cypher25"), ("neo4j5", "valid_cypher5")):
        agreed: dict[str, list[bool]] = defaultdict(list)
        for row in rows(path):
            agreed[row["cat"]].append((not errors(row["query"], dialect)) == row[key])
        all_ = [flag for flags in agreed.values() for flag in flags]
        line("modern, verdict agrees", dialect, share(all_), macro(agreed))


def shapes(data: Path) -> dict[str, dict[str, Any]]:
    """Schemas by database, by the shape in which they are given."""
    found: dict[str, dict[str, Any]] = {}
    structured = {row["database"]: row for row in rows(data / "text2cypher" / "schemas.jsonl")}
    found["structured"] = {
        name: {"structured": row["structured"]} for name, row in structured.items()
    }
    found["prompt text"] = {
        name: {"schema_text": row["schema_text"]} for name, row in structured.items()
    }
    lists = data / "cypher" / "schemas.json"
    if lists.is_file():
        found["lists of names"] = json.loads(lists.read_text(encoding="utf-8"))
    return found


def written(data: Path) -> None:
    table = list(rows(data / "cypher" / "llm_written.jsonl"))
    good = [not errors(row["query"], "neo4j5") for row in table if not row["syntax_error"]]
    bad = [bool(errors(row["query"], "neo4j5")) for row in table if row["syntax_error"]]
    line("by a model: accepted by Neo4j, accepted", "neo4j5", share(good), "")
    line("by a model: rejected by Neo4j, rejected", "neo4j5", share(bad), "")
    for shape, schemas in shapes(data).items():
        found, alarms = [], []
        for row in table:
            if row["db"] not in schemas:
                continue
            names = any(
                each.kind == "schema"
                for each in errors(row["query"], "neo4j5", schema=schemas[row["db"]])
            )
            if row["false_schema"]:
                found.append(names)
            elif row["returns"] == "True":
                alarms.append(names)
        line(f"names the schema lacks, found ({shape})", "neo4j5", share(found), "")
        line(f"queries with rows, alarmed at ({shape})", "neo4j5", share(alarms), "")


def spans(text: str) -> list[tuple[int, str]]:
    """Tokens with their offsets, without white space."""
    return [(m.start(), m.group()) for m in TOKEN.finditer(text) if not m.group().isspace()]


def distance(original: str, query: str, found: Finding) -> int:
    """Tokens between the reported place and the nearest token that the mutation changed."""
    before, after = spans(original), spans(query)
    matcher = SequenceMatcher(None, [t for _, t in before], [t for _, t in after], autojunk=False)
    places = set()
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag != "equal":
            places.update(range(start, max(end, start + 1)))
    lines = query.split("\n")
    offset = sum(len(each) + 1 for each in lines[: found.line - 1]) + found.column - 1
    index = sum(1 for start, _ in after if start < offset)
    return min((abs(index - place) for place in places), default=0)


def mutations(path: Path) -> None:
    rejected: dict[str, list[bool]] = defaultdict(list)
    near: dict[str, list[bool]] = defaultdict(list)
    valid = []
    for row in rows(path):
        found = errors(row["query"], "neo4j5")
        if row["valid"]:
            valid.append(not found)
            continue
        rejected[row["op"]].append(bool(found))
        if found:
            close = min(distance(row["orig"], row["query"], each) for each in found[:1])
            near[row["op"]].append(close <= NEAR)
    for name, groups in (
        ("invalid, rejected", rejected),
        (f"place within {NEAR} tokens of the fault", near),
    ):
        all_ = [flag for flags in groups.values() for flag in flags]
        line(f"mutations: {name}", "neo4j5", share(all_), macro(groups))
    line("mutations: still valid, accepted", "neo4j5", share(valid), "")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--data", type=Path, default=os.environ.get("HEIMDALL_DATA") or BESIDE)
    data = Path(options.parse_args().data)
    print(f"{platform.machine()}, Python {platform.python_version()}\n")
    line("set", "dialect", "all together (micro)", "mean over groups (macro)")
    line("---", "---", "---", "---")
    for path, measure in (
        ("tck/cases.jsonl", lambda: tck(data / "tck" / "cases.jsonl")),
        ("cypher/modern.jsonl", lambda: modern(data / "cypher" / "modern.jsonl")),
        ("cypher/llm_written.jsonl", lambda: written(data)),
        ("cypher/mutations.jsonl", lambda: mutations(data / "cypher" / "mutations.jsonl")),
    ):
        if (data / path).is_file():
            measure()
        else:
            line(path, "", "not there", "")


if __name__ == "__main__":
    main()
