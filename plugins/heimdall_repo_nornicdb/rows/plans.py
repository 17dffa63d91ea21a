"""The text that NornicDB's EXPLAIN gives for simple queries, as its formatter lays it out.

The server makes its plan from keywords of the query's text: a scan or seek for the first pattern,
then one operator per clause, with estimates that are constants. This follows it for queries of one
MATCH, WHERE, ORDER BY, LIMIT and RETURN.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"\(\w*:(\w+)")
_LIMIT = re.compile(r"LIMIT\s+(\d+)", re.IGNORECASE)
_AGGREGATE = re.compile(r"(COUNT|SUM|AVG|MIN|MAX|COLLECT)\s*\(", re.IGNORECASE)
_ENDS = ("RETURN", "ORDER", "LIMIT", "SKIP", "WITH", "CREATE", "SET", "DELETE")
_RULE = "+-" + "-" * 60 + "-+"


def operators(query: str) -> list[tuple[str, str, int]]:
    """Operator, description and estimated rows, from the result down to the scan."""
    upper = query.upper()
    found = [_scan(query)]
    if "->" in query or "<-" in query:
        found.append(("Expand", "Expand relationships", 100))
    if "WHERE" in upper:
        start = upper.index("WHERE")
        ends = [start + at for word in _ENDS if (at := upper[start:].find(word)) > 0]
        condition = query[start + 5 : min(ends, default=len(query))].strip()
        found.append(("Filter", f"Filter: {_cut(condition, 50)}", 100))
    if "ORDER BY" in upper:
        found.append(("Sort", "Sort results", 100))
    if limit := _LIMIT.search(query):
        found.append(("Limit", f"Limit to {limit[1]} rows", 10))
    returned = re.split(r"ORDER BY|LIMIT", query[upper.index("RETURN") + 6 :])[0].strip()
    if _AGGREGATE.search(returned):
        found.append(("EagerAggregation", "Aggregate results", 1))
    elif returned.upper().startswith("DISTINCT"):
        found.append(("Distinct", "Remove duplicates", 100))
    else:
        found.append(("ProduceResults", "Return results", 100))
    return found[::-1]


def explain(query: str) -> str:
    """The text of the column `Plan`."""
    lines = [_RULE, f"| {'EXPLAIN Query Plan':<60} |", _RULE]
    for depth, (name, description, rows) in enumerate(operators(query)):
        indent = "  " * depth
        prefix = f"|{indent}+-" if depth else "+-"
        lines.append(f"| {f'{prefix} {name} ({_cut(description, 40)})':<60} |")
        lines.append(f"| {f'{indent}|   Estimated Rows: {rows}':<60} |")
    return "\n".join([*lines, _RULE])


def _scan(query: str) -> tuple[str, str, int]:
    label = _LABEL.search(query)
    if label is None:
        return "AllNodesScan", "Scan all nodes", 10_000
    if "{" in query:
        return "NodeIndexSeek", f"Index seek on :{label[1]}", 10
    return "NodeByLabelScan", f"Scan all :{label[1]} nodes", 1000


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
