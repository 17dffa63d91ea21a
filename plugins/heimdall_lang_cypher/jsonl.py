"""One line of JSON in, one out: what `heimdall cypher check --jsonl` does for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

from attrs import evolve, frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.plugin import DIALECTS
from heimdall_lang_cypher.report import finding_json


@frozen
class Line:
    """A line of standard input."""

    number: int
    """From 1."""
    data: bytes


class _Malformed(Exception):
    """A line that holds no query."""


def lines_in(stream: IO[bytes]) -> Iterator[Line]:
    """The lines of a stream that are not blank."""
    for number, data in enumerate(stream, 1):
        if data.strip():
            yield Line(number, data)


def check_line(line: Line, request: CheckRequest) -> dict[str, Any]:
    """`{"id", "ok", "findings"}` for a line `{"id", "query", "schema"?, "dialect"?}`.

    `ok` is false exactly when a finding has severity `error`. A malformed line gives one, with the
    code `InvalidInput`, and `line` and `error` beside.
    """
    from heimdall_lang_cypher.checker import check

    try:
        row = _row(line)
        if (schema := row.get("schema")) is not None:
            if isinstance(schema, str):
                # The text that prompts carry.
                schema = {"schema_text": schema}
            if not isinstance(schema, dict):
                raise _Malformed("'schema' must be an object, or a text as in prompts")
            # Rows that share a schema share one object, which the checker reads only once.
            request = evolve(request, schema=_shared(json.dumps(schema)))
        if (dialect := row.get("dialect")) is not None:
            if dialect not in DIALECTS:
                hint = did_you_mean(str(dialect), DIALECTS)
                raise _Malformed(f"unknown dialect '{dialect}'; {hint}")
            request = evolve(request, dialect=dialect)
        findings = check(row["query"], request)
    except (_Malformed, HeimdallError) as error:
        finding = {
            "code": "InvalidInput",
            "severity": "error",
            "message": str(error),
            "line": 1,
            "column": 1,
        }
        return {"id": _id(line), "ok": False, "findings": [finding], **_problem(line, error)}
    return {
        "id": row.get("id"),
        "ok": not any(finding.severity == "error" for finding in findings),
        "findings": [finding_json(finding) for finding in findings],
    }


def normalise_line(line: Line) -> dict[str, Any]:
    """`{"id", "canonical", "family"}` for a line `{"id", "query"}`; both null, with `error`, where
    the query does not parse."""
    from heimdall_lang_cypher.normalise import normalise

    nothing = {"id": _id(line), "canonical": None, "family": None}
    try:
        row = _row(line)
    except _Malformed as error:
        return nothing | _problem(line, error)
    try:
        normalised = normalise(row["query"])
    except HeimdallError as error:
        return nothing | {"error": str(error)}
    return {"id": row.get("id"), "canonical": normalised.canonical, "family": normalised.family}


def _row(line: Line) -> dict[str, Any]:
    try:
        row = json.loads(line.data)
    except (ValueError, RecursionError) as error:
        raise _Malformed(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise _Malformed("not a JSON object")
    if not isinstance(row.get("query"), str):
        raise _Malformed("no 'query' that is a string")
    return row


def _id(line: Line) -> Any:
    """The line's id, None where it has none that can be read."""
    try:
        row = json.loads(line.data)
    except (ValueError, RecursionError):
        return None
    return row.get("id") if isinstance(row, dict) else None


def _problem(line: Line, error: Exception) -> dict[str, Any]:
    return {"line": line.number, "error": f"<stdin>:{line.number}: {error}"}


@lru_cache(maxsize=64)
def _shared(schema: str) -> Any:
    return json.loads(schema)
