"""Neo4j's `query.log` as text, in the shapes of its versions 3 to 5.

    2020-03-01 10:00:00.123+0000 INFO  12 ms: bolt-session  bolt  neo4j  driver  client/…
        server/…>  neo4j - MATCH (n) RETURN n - {} - {}
    2024-03-01 10:00:00.123+0000 INFO  id:7 - transaction id:3 - 12 ms: (planning: 1, …) - 0 B -
        … bolt-session … >  neo4j - neo4j - MATCH (n) RETURN n - {} - runtime=slotted - {}

(one line each; the query itself may span lines). A failed query is logged as ERROR, with the reason
or a stack trace after it. `Query started` lines tell of queries that are told of again.
"""

from __future__ import annotations

import re

from heimdall_gen_logs.records import Record

START = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+(?:[+-]\d\d:?\d\d|Z)?\s+"
    r"(?P<level>INFO|ERROR|WARN|DEBUG)\s+(?P<rest>.*)$",
    re.DOTALL,
)
_SESSION = re.compile(r"(?:bolt|embedded|http|https|server)-session\b.*?(?:>\s*|\t\t+|\s{2,})")
_KEYWORD = re.compile(
    r"(?:\s|/\*.*?\*/|//[^\n]*\n)*(?:ALTER|BEGIN|CALL|COMMIT|CREATE|CYPHER|DELETE|DENY|DETACH|DROP|"
    r"EXPLAIN|FOREACH|GRANT|LOAD|MATCH|MERGE|OPTIONAL|PROFILE|REMOVE|RETURN|REVOKE|ROLLBACK|SET|"
    r"SHOW|START|STOP|TERMINATE|UNWIND|USE|USING|WITH)\b",
    re.IGNORECASE | re.DOTALL,
)
_TAIL = re.compile(r" - \{[^\n]*?\}(?: - runtime=\S+)?(?: - \{[^\n]*?\})?(?: - .*)?\s*$", re.DOTALL)
_TRACE = re.compile(
    r"\n(?:\s+at [\w.$/]+\(|(?:[\w$]+\.)+[\w$]*(?:Exception|Error)\b|Caused by:).*", re.DOTALL
)


def neo4j_record(text: str, where: str) -> Record | None:
    """The query of a record; None where the line tells of something else."""
    start = START.match(text)
    if start is None or start["rest"].startswith("Query started"):
        return None
    rest = start["rest"]
    session = _SESSION.search(rest)
    if session is None:
        return None
    fields = rest[session.end() :]
    query = _query(fields)
    if query is None:
        return None
    failed = start["level"] == "ERROR"
    reason = ""
    if failed:
        trace = _TRACE.search(query)
        if trace:
            reason, query = trace[0].strip().splitlines()[0], query[: trace.start()]
    tail = _tail(query)
    if tail is None:
        # The parameters are missing: the log was cut in the middle of a record.
        return Record(query.strip(), where, failed=failed, cut=True)
    if failed and not reason:
        reason = query[tail:].rpartition(" - ")[2].strip()
    return Record(query[:tail].strip(), where, failed=failed, error=reason)


def _query(fields: str) -> str | None:
    """What follows database and user: from the first field that begins like a statement."""
    at = 0
    for _ in range(6):
        if _KEYWORD.match(fields, at):
            return fields[at:]
        gap = fields.find(" - ", at)
        if gap < 0:
            return None
        at = gap + 3
    return None


def _tail(query: str) -> int | None:
    """Where parameters and metadata begin: the first place from which everything to the end is
    ` - {…} - …`, outside the query's own maps."""
    for found in re.finditer(r" - \{", query):
        if _balanced(query[: found.start()]) and _TAIL.match(query, found.start()):
            return found.start()
    return None


def _balanced(text: str) -> bool:
    """Whether all brackets and quotes of a piece of Cypher are closed."""
    depth, quote, skip = 0, "", False
    for letter in text:
        if skip:
            skip = False
        elif quote:
            skip = letter == "\\" and quote != "`"
            if letter == quote:
                quote = ""
        elif letter in "'\"`":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
    return depth == 0 and not quote
