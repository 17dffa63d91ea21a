"""Records as JSON objects: NornicDB's documented slow-query shape, Neo4j's JSON `query.log`,
statements as clients send them over HTTP, and lines that a container runtime has wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from heimdall_gen_logs.records import Record

_QUERY = ("query", "cypher", "statement", "Query", "query_text", "queryText")
_ERRORS = ("error", "failureReason", "err", "exception", "errorMessage")


def wrapped_line(data: Any) -> str | None:
    """The line inside `{"log": "…", "stream": "stdout"}`, as containers write it."""
    if isinstance(data, dict) and isinstance(data.get("log"), str) and "stream" in data:
        return str(data["log"]).rstrip("\r\n")
    return None


def json_records(data: Any, where: str) -> Iterator[Record]:
    """The queries of one decoded object; none where it holds none."""
    if not isinstance(data, dict):
        return
    statements = data.get("statements")
    if isinstance(statements, list):
        for each in statements:
            if isinstance(each, dict):
                yield from json_records(each, where)
        return
    if data.get("event") == "start":
        return  # told of again when it ends
    text = next((data[key] for key in _QUERY if isinstance(data.get(key), str)), None)
    if text is None or not text.strip():
        return
    failed, error = _failure(data)
    text = text.strip()
    yield Record(
        text,
        where,
        failed=failed,
        error=error,
        who=str(data.get("username") or data.get("user") or ""),
        cut=text.endswith("...") or data.get("truncated") is True,
    )


def _failure(data: dict[str, Any]) -> tuple[bool, str]:
    status = str(data.get("status", "")).strip().upper()
    info = data.get("errorInfo")
    if isinstance(info, dict):
        return True, str(info.get("statusDescription") or info.get("cause") or "")
    for key in _ERRORS:
        if data.get(key):
            return True, str(data[key])
    failed = (
        data.get("event") == "fail"
        or data.get("success") is False
        or status.startswith(("ERROR", "FAIL"))
    )
    return failed, ""
