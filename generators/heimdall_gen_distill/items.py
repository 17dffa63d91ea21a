"""Prompts from a file: one a line, or JSON objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from heimdall_core.dataset.sources import Tally, head_of, raw_lines
from heimdall_core.errors import DatasetError, HeimdallError, did_you_mean
from heimdall_core.types import Json
from heimdall_gen_distill.words import is_unicode
from heimdall_lang_cypher.schema import read_schema

_QUESTION = ("question", "instruction", "prompt")
_QUERY = ("query", "cypher", "output")
_LONGEST = 4 * 2**20
#: Names of schemas that an error lists.
_LISTED = 50


@frozen
class Item:
    """One prompt."""

    index: int
    """Its place in the file, from 0."""
    where: str
    question: str = ""
    query: str = ""
    given: str = ""
    """`input` of the row: a schema's text, a context."""
    schema: str = ""
    """Name of its graph schema."""
    category: str = ""
    finding: str = ""
    bad: str = ""
    """Why it is no prompt; empty for one that is."""


def read_items(path: Path, task: str) -> Iterator[Item]:
    """Every prompt of the file, the unusable ones too."""
    if not path.is_file():
        raise DatasetError("is not a file", where=str(path), hint="give a list of prompts")
    problems: list[str] = []
    tally = Tally(problems.append)
    head = head_of(path, tally)
    if head is None:
        raise DatasetError("is no text that can be read", where=str(path))
    name = path.name.removesuffix(".gz")
    index = 0
    if name.endswith(".json") and head.lstrip().startswith(b"["):
        for index, data in enumerate(_array(path, tally), 1):
            yield _from_json(index - 1, f"{path}[{index - 1}]", data, task)
    else:
        is_json = name.endswith((".jsonl", ".ndjson", ".json"))
        for number, raw in raw_lines(path, tally, _LONGEST):
            if not raw.strip():
                continue
            yield _item(index, f"{path}:{number}", raw, task, is_json)
            index += 1
    for problem in problems:
        yield Item(index, str(path), bad=problem)
        index += 1
    if not index:
        raise DatasetError("holds no prompt", where=str(path), hint="write one a line, or JSONL")


def _array(path: Path, tally: Tally) -> list[Any]:
    """The entries of a file that is one JSON array."""
    text = b"\n".join(raw for _, raw in raw_lines(path, tally, _LONGEST))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"is no JSON array: {error}", where=str(path)) from error
    return list(found)


def _item(index: int, where: str, raw: bytes, task: str, is_json: bool) -> Item:
    try:
        text = raw.decode("utf-8").strip()
        data = json.loads(text) if is_json else None
    except UnicodeDecodeError:
        return Item(index, where, bad="not valid UTF-8")
    except (ValueError, RecursionError):
        return Item(index, where, bad="not valid JSON")
    if not is_json:
        return _checked(Item(index, where, **{_first_of(task): text}), task)
    return _from_json(index, where, data, task)


def _from_json(index: int, where: str, data: Any, task: str) -> Item:
    if isinstance(data, str):
        return _checked(Item(index, where, **{_first_of(task): data}), task)
    if not isinstance(data, dict):
        return Item(index, where, bad="neither an object nor a text")
    return _checked(
        Item(
            index,
            where,
            question=_text(data, _QUESTION),
            query=_text(data, _QUERY),
            given=_text(data, ("input",)),
            schema=_text(data, ("schema", "database")),
            category=_text(data, ("category",)),
            finding=_text(data, ("finding", "error")),
        ),
        task,
    )


def _first_of(task: str) -> str:
    return "query" if task in ("questions", "explain", "repair") else "question"


def _checked(item: Item, task: str) -> Item:
    needed = {
        "answer": ("question",),
        "questions": ("query",),
        "explain": ("query",),
        "repair": ("query",),
    }.get(task, ("question", "query"))
    for name in needed:
        if not getattr(item, name).strip():
            return Item(item.index, item.where, bad=f"has no {name}")
    texts = (item.question, item.query, item.given, item.finding, item.category, item.schema)
    if any("\0" in text for text in texts):
        return Item(item.index, item.where, bad="holds a NUL character")
    if not all(is_unicode(text) for text in texts):
        return Item(item.index, item.where, bad="holds half a character (a lone surrogate)")
    return item


def _text(data: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(data[n]).strip() for n in names if isinstance(data.get(n), str)), "")


def with_schema(item: Item, schemas: Mapping[str, Json]) -> Item:
    """The prompt with the graph schema that it is about: the one that it names, or the only one
    that there is. A prompt that brings its own context in `input` and names none is left alone."""
    if not schemas or item.bad or item.schema in schemas:
        return item
    if item.schema:
        known = did_you_mean(item.schema, schemas) if len(schemas) <= _LISTED else ""
        bad = f"names the schema '{item.schema}', which is not in the file"
        return Item(item.index, item.where, item.question, bad=f"{bad}; {known}" if known else bad)
    if item.given:
        return item
    if len(schemas) == 1:
        return evolve(item, schema=next(iter(schemas)))
    bad = f"names none of the {len(schemas)} schemas"
    return Item(item.index, item.where, item.question, item.query, bad=bad)


def read_schemas(name: str) -> dict[str, Json]:
    """Graph schemas by name, of a JSON file with one or several, or of JSONL. Raises `DatasetError`
    where one says nothing about a graph."""
    if not name:
        return {}
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        try:
            whole = json.loads(text)
            entries = whole if isinstance(whole, list) else [whole]
        except ValueError:
            entries = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot be read: {error}", where=name) from error
    found: dict[str, Json] = {}
    shapes = {"nodes", "relationships", "structured", "labels", "schema_text", "node_props"}
    for entry in entries:
        if not isinstance(entry, dict):
            raise DatasetError("a schema is a JSON object", where=name)
        if not shapes & set(entry) and all(isinstance(value, dict) for value in entry.values()):
            found.update(entry)
        else:
            found[str(entry.get("database") or entry.get("name") or path.stem)] = entry
    if not found:
        raise DatasetError("holds no schema", where=name)
    for title, entry in found.items():
        try:
            known = read_schema(entry)
        except HeimdallError as error:
            raise DatasetError(str(error), where=name) from error
        if not known.nodes and not known.relationships:
            raise DatasetError(
                f"the schema '{title}' names no label and no relationship type", where=name
            )
    return found


def schema_text(schema: Json) -> str:
    """A schema as a teacher is shown it."""
    if schema.get("schema_text"):
        return str(schema["schema_text"]).strip()
    known = read_schema(schema)
    lines = [
        f"({label} {{{', '.join(sorted(keys or ()))}}})" for label, keys in known.nodes.items()
    ]
    for kind, keys in known.relationships.items():
        inner = f" {{{', '.join(sorted(keys))}}}" if keys else ""
        ends = sorted(known.endpoints.get(kind, ())) or [("", "")]
        lines += [f"(:{start})-[:{kind}{inner}]->(:{end})" for start, end in ends]
    return "\n".join(lines)
