r"""NornicDB's own lines.

    [BOLT] <user>@<address>: <query>[ (params: map[k:v …])]     the query may span lines
    [BOLT] ERROR: <message>                                     about the query before it
    2026/01/02 15:04:05 [SLOW QUERY] duration=1.2s status=OK query="MATCH …" params={…}

A Bolt query is cut at 200 bytes and a slow one at 500; both then end in three dots.
"""

from __future__ import annotations

import re

from heimdall_gen_logs.records import Record

BOLT = re.compile(r"\[BOLT\] (?P<who>\S*@\S+): (?P<text>.*)$", re.DOTALL)
BOLT_ERROR = re.compile(r"\[BOLT\] ERROR: (?P<message>.*)$")
SLOW = re.compile(
    r'\[SLOW QUERY\] duration=\S+ status=(?P<status>.*?) query="(?P<query>(?:[^"\\]|\\.)*)"'
)
#: Lines that end a record and hold no query.
OTHER = re.compile(r"\[(?:BOLT|HTTP|Bifrost|SLOW QUERY|GIN(?:-debug)?|INFO|WARN|ERROR|DEBUG)\]")

_PARAMS = re.compile(r" \(params: map\[.*\]\)\s*$", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x(?P<byte>[0-9a-fA-F]{2})|u(?P<four>[0-9a-fA-F]{4})|U(?P<eight>[0-9a-fA-F]{8})"
    r"|(?P<octal>[0-7]{3})|(?P<one>.))",
    re.DOTALL,
)
_ONE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def ends_bolt(line: str) -> bool:
    """Whether a line of a Bolt record is surely its last."""
    return line.endswith("])") and _PARAMS.search(line) is not None


def bolt_record(text: str, who: str, where: str) -> Record:
    """The query of a Bolt record, without its parameters."""
    query, params = _PARAMS.subn("", text)
    query = query if params else query.split(" (params: map[", 1)[0]
    cut = query.rstrip().endswith("...")
    return Record(query.strip(), where, who=who, cut=cut)


def slow_record(line: str, where: str) -> Record | None:
    """The query of a slow-query line, or None where the line is not one as it should be."""
    found = SLOW.search(line)
    if found is None:
        return None
    query = unquote(found["query"]).strip()
    failed = found["status"] != "OK"
    error = found["status"].removeprefix("ERROR:").strip() if failed else ""
    return Record(query, where, failed=failed, error=error, cut=query.endswith("..."))


def unquote(text: str) -> str:
    """What Go's `%q` wrote, without the quotes around it.

    >>> unquote('RETURN \\\\"a\\\\\\\\n\\\\u00e9\\\\"')
    'RETURN "a\\\\\\\\né"'
    """

    def plain(match: re.Match[str]) -> str:
        code = match["four"] or match["eight"] or match["byte"]
        if code:
            value = int(code, 16)
            return chr(value) if value < 0x110000 else "\ufffd"
        if match["octal"]:
            return chr(int(match["octal"], 8))
        return _ONE.get(match["one"], match["one"])

    return _ESCAPE.sub(plain, text)
