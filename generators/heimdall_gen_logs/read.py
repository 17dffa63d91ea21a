"""Files to records: which files, in which order, in which format.

A rotated log is one stream with its older parts before it, so that a record that was cut by the
rotation is whole again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import evolve

from heimdall_core.dataset.sources import Tally, files_under, head_of, raw_lines
from heimdall_gen_logs import neo4j_text, nornicdb, plain
from heimdall_gen_logs.json_records import json_records, wrapped_line
from heimdall_gen_logs.options import Format
from heimdall_gen_logs.records import Record

_SUFFIXES = (".log", ".txt", ".cypher", ".cql", ".json", ".jsonl", ".ndjson", ".out")
#: `.1`, `.02`, `-20240131`, `-2024-01-31`: what rotation adds to a name.
_ROTATED = re.compile(
    r"(?:[.-](?P<number>\d{1,4})|[.-](?P<date>\d{4}-?\d\d-?\d\d(?:[-_T]?\d+)?))\Z"
)

_LONGEST_RECORD = 2**20
_JOURNAL = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w.@-]+(?:\[\d+\])?: ")
_COMPOSE = re.compile(r"[\w.-]+\s+\| ?")
_CRI = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP] ")
_GO_DATE = r"(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)? )?"
_NORNICDB = re.compile(rf"{_GO_DATE}(?=\[(?:BOLT|HTTP|Bifrost|SLOW QUERY|GIN)\b)")
_DATED = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d")


def read_records(
    paths: Iterable[Path],
    tally: Tally,
    *,
    format: Format = "auto",
    rotated: bool = True,
    whole: Callable[[str], bool] = lambda text: True,
) -> Iterator[Record]:
    """Every record of the files and folders, older parts of a rotated log first."""
    done: set[Path] = set()
    for path in files_under(paths, _is_log, tally):
        if path.resolve() in done:
            continue
        parts = [*rotation(path), path] if rotated else [path]
        parts = [part for part in parts if part.resolve() not in done]
        done.update(part.resolve() for part in parts)
        heads = {part: head_of(part, tally, 2**16) for part in parts}
        readable = [part for part in parts if heads[part] is not None]
        tally.seen["files"] += len(readable)
        if readable:
            head = b"\n".join(heads[part] or b"" for part in readable)
            kind = _kind(path, head, format)
            lines = _lines(readable, tally)
            yield from _counted(_of_kind(kind, lines, head, tally, whole), tally)


def rotation(path: Path) -> list[Path]:
    """The older parts of a rotated log, oldest first: `query.log.2.gz`, `query.log.1`."""
    if _rotation_of(path.name)[0] != path.name:
        return []
    found: list[tuple[tuple[int, int, str], Path]] = []
    try:
        for entry in path.parent.iterdir():
            base, order = _rotation_of(entry.name)
            if base == path.name and entry.name != path.name and entry.is_file():
                found.append((order, entry))
    except OSError:
        return []
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def _rotation_of(name: str) -> tuple[str, tuple[int, int, str]]:
    """The name before rotation, and a key that puts older parts first."""
    bare = name.removesuffix(".gz")
    found = _ROTATED.search(bare)
    if found is None:
        return bare, (2, 0, "")
    base = bare[: found.start()]
    if found["date"]:
        return base, (0, 0, found["date"])
    return base, (1, -int(found["number"]), "")


def _is_log(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    base = _ROTATED.sub("", name)
    return not name.startswith(".") and base.endswith(_SUFFIXES)


def _kind(path: Path, head: bytes, format: Format) -> str:
    if format != "auto":
        return format
    text = head.decode("utf-8", "replace")
    lines = [_undecorated(line) for line in text.splitlines()]
    if any(_NORNICDB.match(line) or neo4j_text.START.match(line) for line in lines):
        return "log"
    if any(line.startswith("{") and line.rstrip().endswith("}") for line in lines[:50]):
        return "log"
    if path.name.removesuffix(".gz").endswith((".jsonl", ".json", ".ndjson")):
        return "json"
    return "cypher" if plain.has_semicolons(text) else "lines"


def _lines(paths: Iterable[Path], tally: Tally) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        for number, raw in raw_lines(path, tally):
            yield f"{path}:{number}", raw


def _of_kind(
    kind: str,
    lines: Iterator[tuple[str, bytes]],
    head: bytes,
    tally: Tally,
    whole: Callable[[str], bool],
) -> Iterator[Record]:
    if kind == "json":
        return _json(lines, tally)
    texts = ((where, raw.decode("utf-8", "replace")) for where, raw in lines)
    if kind == "log":
        return _LogReader(tally).records(texts)
    if kind == "cypher":
        return plain.statements(texts, tally)
    return plain.one_by_line(texts, tally, whole)


def _counted(records: Iterator[Record], tally: Tally) -> Iterator[Record]:
    for record in records:
        tally.seen["records"] += 1
        if record.cut:
            tally.counts["truncated"] += 1
        elif "\ufffd" in record.text:
            tally.add("not valid UTF-8", record.where, "the query is not valid UTF-8")
        else:
            yield record


def _json(lines: Iterator[tuple[str, bytes]], tally: Tally) -> Iterator[Record]:
    """Objects, one per line; or one array or object over the whole file."""
    for where, raw in lines:
        if not raw.strip():
            continue
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError) as error:
            tally.add("not valid JSON", where, f"not valid JSON: {error}")
            continue
        for each in data if isinstance(data, list) else (data,):
            yield from json_records(each, where)


def _undecorated(line: str) -> str:
    """The line without what journald or a container runtime writes before it."""
    for pattern in (_JOURNAL, _CRI, _COMPOSE):
        if found := pattern.match(line):
            return line[found.end() :]
    return line


class _LogReader:
    """Lines of a server's log, of all its kinds in any order, to records."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._kind = ""
        self._who = self._where = ""
        self._parts: list[str] = []
        self._size = 0
        self._held: Record | None = None
        self._decoration: re.Pattern[str] | None = None
        self._is_bare = False

    def records(self, lines: Iterator[tuple[str, str]]) -> Iterator[Record]:
        for where, line in lines:
            yield from self._line(where, self._bare(line))
        yield from self._close()
        yield from self._release()

    def _bare(self, line: str) -> str:
        if self._is_bare:
            return line
        if self._decoration is None:
            # Known from the first line that starts a record behind it; it is then on every line.
            for pattern in (_JOURNAL, _CRI, _COMPOSE):
                found = pattern.match(line)
                if found and self._starts(line[found.end() :]):
                    self._decoration = pattern
                    return line[found.end() :]
            self._is_bare = self._starts(line)
            return line
        found = self._decoration.match(line)
        return line[found.end() :] if found else line

    @staticmethod
    def _starts(line: str) -> bool:
        return bool(_NORNICDB.match(line) or neo4j_text.START.match(line))

    def _line(self, where: str, line: str) -> Iterator[Record]:
        first = line[:1]
        if first == "{" and line.endswith("}"):
            try:
                data = json.loads(line)
            except (ValueError, RecursionError):
                data = None
            if isinstance(data, dict) and all(isinstance(key, str) for key in data):
                inner = wrapped_line(data)
                if inner is not None:
                    yield from self._line(where, self._bare(inner))
                    return
                yield from self._close()
                yield from self._release()
                yield from json_records(data, where)
                return
            if not self._kind:
                self._tally.add("not valid JSON", where)
                return
        elif first == "{" and not self._kind and line.startswith('{"'):
            self._tally.add("not valid JSON", where, "JSON that does not end")
            return
        elif first == "[" or (first.isdigit() and _DATED.match(line)):
            began = _NORNICDB.match(line)
            if began:
                yield from self._nornicdb(where, line[began.end() :])
                return
            if first != "[":
                yield from self._close()
                if neo4j_text.START.match(line):
                    yield from self._release()
                    self._open("neo4j", where, "", line)
                return
        self._more(line)

    def _nornicdb(self, where: str, line: str) -> Iterator[Record]:
        yield from self._close()
        if found := nornicdb.BOLT_ERROR.match(line):
            if self._held is not None:
                self._held = evolve(self._held, failed=True, error=found["message"])
                self._tally.seen["errors"] += 1
            return
        yield from self._release()
        if line.startswith("[SLOW QUERY]"):
            record = nornicdb.slow_record(line, where)
            if record is None:
                self._tally.add("malformed slow-query line", where)
            else:
                yield record
        elif found := nornicdb.BOLT.match(line):
            self._open("bolt", where, found["who"], found["text"])
            if nornicdb.ends_bolt(line):
                yield from self._close()

    def _open(self, kind: str, where: str, who: str, text: str) -> None:
        self._kind, self._where, self._who = kind, where, who
        self._parts, self._size = [text], len(text)

    def _more(self, line: str) -> None:
        if not self._kind:
            return  # a line that belongs to nothing: a banner, a stack trace
        self._size += len(line)
        if self._size > _LONGEST_RECORD:
            self._tally.add("record too long", self._where)
            self._kind = ""
            return
        self._parts.append(line)
        if self._kind == "bolt" and nornicdb.ends_bolt(line):
            self._held, self._kind = self._made(), ""

    def _close(self) -> Iterator[Record]:
        if self._kind:
            yield from self._release()
            self._held, self._kind = self._made(), ""

    def _release(self) -> Iterator[Record]:
        """The last record, which the line after it could have called failed."""
        if self._held is not None:
            yield self._held
            self._held = None

    def _made(self) -> Record | None:
        text = "\n".join(self._parts)
        if self._kind == "bolt":
            return nornicdb.bolt_record(text, self._who, self._where)
        return neo4j_text.neo4j_record(text, self._where)
