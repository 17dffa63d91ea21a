"""Files of queries, and of questions, as `heimdall validate-cypher` is given them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from heimdall_core.dataset import example_from_dict, read_examples
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

#: Whether a text is a query without an error.
Valid = Callable[[str], bool]


def questions_of(path: Path) -> Iterator[Example]:
    """The questions of a file, with names to show: JSONL rows, a JSON array, or a line each."""
    kind = _kind(path)
    if kind == ".json" and (entries := _array(path)) is not None:
        for number, entry in entries:
            if isinstance(entry, str):
                yield Example(entry, id=f"{path.name}:{number}")
                continue
            try:
                row = example_from_dict(entry)
            except (DatasetError, ValueError, TypeError, AttributeError) as error:
                raise DatasetError(str(error), where=f"{path}: entry {number}") from error
            yield attrs.evolve(row, id=f"{path.name}:{number}")
    elif kind in (".jsonl", ".json", ".parquet") or path.is_dir():
        for number, row in enumerate(read_examples(path), 1):
            yield attrs.evolve(row, id=f"{path.name}:{number}")
    else:
        for number, line in enumerate(_text_of(path).splitlines(), 1):
            if line.strip():
                yield Example(line.strip(), id=f"{path.name}:{number}")


def queries_of(path: Path, valid: Valid) -> Iterator[Example]:
    """The queries of a file, as the right answers of rows without a question: JSONL, a JSON array,
    or a text with a `;` behind each, a blank line between them, or one on each line."""
    kind = _kind(path)
    if kind == ".json" and (entries := _array(path)) is not None:
        for number, entry in entries:
            yield _query(entry, f"{path.name}:{number}", f"{path}: entry {number}")
    elif kind in (".jsonl", ".json"):
        for number, line in enumerate(_text_of(path).splitlines(), 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise DatasetError("is not JSON", where=f"{path}:{number}") from error
            yield _query(entry, f"{path.name}:{number}", f"{path}:{number}")
    elif kind == ".parquet" or path.is_dir():
        for number, row in enumerate(read_examples(path), 1):
            yield attrs.evolve(row, id=f"{path.name}:{number}")
    else:
        for number, query in statements(_text_of(path), valid):
            yield Example("", output=query, id=f"{path.name}:{number}")


def _kind(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DatasetError("is no whole gzip file", where=str(path)) from error
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DatasetError("not valid UTF-8", where=str(path)) from error


def _array(path: Path) -> Iterator[tuple[int, Any]] | None:
    """The entries of a JSON array with their places, from 1; None for JSONL by another name."""
    text = _text_of(path)
    if not text.lstrip().startswith("["):
        return None
    try:
        return enumerate(json.loads(text), 1)
    except ValueError as error:
        raise DatasetError(f"is not JSON: {error}", where=str(path)) from error


def _query(entry: Any, name: str, where: str) -> Example:
    """The query under `output`, `query` or `cypher`, or a bare string."""
    table = entry if isinstance(entry, dict) else {"query": entry}
    found = (table[key] for key in ("output", "query", "cypher") if key in table)
    query = next(found, None)
    if not isinstance(query, str):
        raise DatasetError(
            "holds no query",
            where=where,
            hint="it is looked for under 'output', 'query' and 'cypher'",
        )
    schema = table.get("schema", "")
    return Example("", output=query, schema=schema if isinstance(schema, str) else "", id=name)


def statements(text: str, valid: Valid = lambda query: False) -> Iterator[tuple[int, str]]:
    """The statements of a text, each with its first line: split at `;` outside of quotes and
    comments, or, where there is none, at blank lines; and at every line, where a part is no query
    and most of its lines are."""
    parts = _at_semicolons(text)
    whole = len(parts) == 1
    if whole and "\n\n" in text:
        parts, start = [], 0
        for piece in text.split("\n\n"):
            parts.append((start, piece))
            start += len(piece) + 2
    for offset, part in parts:
        if not part.strip():
            continue
        lead = len(part) - len(part.lstrip())
        first, part = text.count("\n", 0, offset + lead) + 1, part.strip()
        lines = [
            (first + number, line.strip())
            for number, line in enumerate(part.splitlines())
            if line.strip() and not line.lstrip().startswith("//")
        ]
        if whole and len(lines) > 1 and not valid(part):
            right = sum(valid(line) for _, line in lines)
            if 2 * right > len(lines):
                yield from lines
                continue
        yield first, part


def _at_semicolons(text: str) -> list[tuple[int, str]]:
    start, at, parts = 0, 0, []
    while at < len(text):
        two = text[at : at + 2]
        if two == "//":
            at = _after(text, "\n", at)
        elif two == "/*":
            at = _after(text, "*/", at + 2)
        elif text[at] in "'\"`":
            at = _after_quote(text, at)
        else:
            if text[at] == ";":
                parts.append((start, text[start:at]))
                start = at + 1
            at += 1
    parts.append((start, text[start:]))
    return parts


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _after_quote(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" and quote != "`" else 1
    return at + 1
