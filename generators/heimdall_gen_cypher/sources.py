"""Schemas that the user brings: TOML of our own form, JSON(L) as text2cypher tools write it, and
what a running database says about itself.

Only names that Cypher takes without backticks are used; what is left out is noted. Values come
from the file where it shows some, else from the lists of the built-in schemas. From a database no
value is ever read: what it holds is nobody's business here.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from heimdall_core.errors import HeimdallError, missing_extra
from heimdall_core.types import Json
from heimdall_gen_cypher.schema import (
    Node,
    Property,
    Relationship,
    Schema,
    Value,
    is_plain,
    parse_schema,
    plainly,
    plural,
    pools,
    words,
)
from heimdall_lang_cypher import value_types as types
from heimdall_lang_cypher.populate_schema import Property as Shape
from heimdall_lang_cypher.populate_schema import read_shape
from heimdall_lang_cypher.schema import SchemaError

#: Lists for texts that a schema shows no value of, by a part of the property's name.
_POOLS = (
    ("email", "email"),
    ("title", "novel"),
    ("city", "town"),
    ("town", "town"),
    ("country", "nation"),
    ("url", "url"),
    ("name", "full_name"),
    ("id", "code"),
    ("code", "code"),
)
_OTHERWISE = "material"

#: How many different numbers a question may name, between the bounds of a property.
_STEPS = 60

#: Longest text that a question quotes.
_LONGEST = 40


class Session(Protocol):
    """What is needed of a Bolt session."""

    def run(self, query: str) -> Iterable[Mapping[str, Any]]: ...


def read_files(paths: Iterable[Path]) -> list[Schema]:
    """The schemas of some files. Raises `HeimdallError` that names the file, and the line."""
    found: dict[str, Schema] = {}
    for path in paths:
        for schema in _read_file(path):
            if schema.name in found:
                raise HeimdallError(f"a second schema is called '{schema.name}'", where=str(path))
            found[schema.name] = schema
    return list(found.values())


def _read_file(path: Path) -> list[Schema]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HeimdallError("not valid UTF-8", where=str(path)) from error
    except OSError as error:
        raise HeimdallError(f"cannot be read: {error.strerror}", where=str(path)) from error
    match path.suffix:
        case ".toml":
            try:
                data = tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise HeimdallError(f"not valid TOML: {error}", where=str(path)) from error
            return [parse_schema(path.stem, data, pools())]
        case ".jsonl":
            lines = enumerate(text.splitlines(), 1)
            return [_decode(line, f"{path}:{n}", f"{path.stem}{n}") for n, line in lines if line]
        case ".json":
            return [_decode(text, str(path), path.stem)]
    raise HeimdallError(
        "is no schema file", where=str(path), hint="it must end in .toml, .json or .jsonl"
    )


def _decode(text: str, where: str, name: str) -> Schema:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise HeimdallError(f"not valid JSON: {error}", where=where) from error
    if not isinstance(data, dict):
        raise HeimdallError("holds no JSON object", where=where)
    return from_json(data, where, name)


def from_json(data: Json, where: str, name: str = "") -> Schema:
    """A schema from JSON in any shape that the Cypher plugin reads. Labels without a property,
    and names that need backticks, are left out; raises `HeimdallError` where nothing is left."""
    try:
        shape = read_shape(data)
    except (HeimdallError, SchemaError) as error:
        raise HeimdallError(error.message, where=where, hint=error.hint) from error
    own = str(data.get("database") or data.get("name") or name)
    nodes, keyless = [], []
    for label, properties in shape.nodes.items():
        if made := _properties(properties, keyed=True):
            nodes.append(Node(label, plural(words(label)), made))
        else:
            keyless.append(label)
    relationships = [
        Relationship(r.type, r.start, r.end, _properties(r.properties), ("", ""), False, False)
        for r in shape.relationships
    ]
    try:
        return plainly(own, own, nodes, relationships, keyless)
    except HeimdallError as error:
        raise HeimdallError(error.message, where=where) from error


def _properties(shapes: Iterable[Shape], *, keyed: bool = False) -> tuple[Property, ...]:
    made = [_property(shape) for shape in shapes]
    if not keyed:
        return tuple(made)
    key = min(
        (p for p in made if p.type == "STRING" and is_plain(p.name)),
        key=lambda p: (*(p.name.lower() not in names for names in (("name",), ("title",))), p.name),
        default=None,
    )
    if key is None:
        return ()
    return tuple(
        Property(p.name, p.type, p.values, p is key, p.additive and p is not key) for p in made
    )


def _property(shape: Shape) -> Property:
    kind = shape.type
    if kind & types.ANY == types.ANY:
        kind = types.STRING
    if kind & types.LIST or kind & types.OPEN_LIST:
        floats = types.element_of(kind) == types.FLOAT or "embedding" in shape.name.lower()
        return Property(shape.name, "LIST<FLOAT>" if floats else "LIST")
    if kind & types.STRING:
        return Property(shape.name, "STRING", _texts(shape))
    if kind & types.BOOLEAN:
        return Property(shape.name, "BOOLEAN", (True, False))
    if kind & types.NUMBER:
        return _number(shape, whole=bool(kind & types.INTEGER))
    return Property(shape.name, "DATE")


def _texts(shape: Shape) -> tuple[Value, ...]:
    shown = [str(v) for v in shape.samples if 0 < len(str(v)) <= _LONGEST and str(v).isprintable()]
    if not shown:
        lowered = shape.name.lower()
        pool = next((pool for part, pool in _POOLS if part in lowered), _OTHERWISE)
        shown = pools()[pool]
    return tuple(dict.fromkeys(shown))


def _number(shape: Shape, *, whole: bool) -> Property:
    low, high = shape.low, shape.high
    if low is None or high is None or low > high:
        try:
            given = sorted({float(v) for v in shape.samples})
        except (TypeError, ValueError):
            given = []
        low, high = (given[0], given[-1]) if len(given) > 1 else (0.0, 100.0)
    if whole:
        step = max(1, int(high - low) // _STEPS)
        return Property(shape.name, "INTEGER", range(int(low), int(high) + 1, step))
    span = max(high - low, 0.1)
    values = {round(low + span * i / _STEPS, 2) for i in range(_STEPS + 1)}
    return Property(shape.name, "FLOAT", tuple(sorted(values)))


# --- a running database --------------------------------------------------------------------------

#: What NornicDB calls the procedures, and what Neo4j does.
_NODES = (
    "CALL db.schema.nodeTypeProperties()",
    "CALL db.schema.nodeProperties()",
)
_RELATIONSHIPS = (
    "CALL db.schema.relTypeProperties()",
    "CALL db.schema.relProperties()",
)
_ENDS = "MATCH (a)-[r]->(b) RETURN DISTINCT labels(a) AS a, type(r) AS t, labels(b) AS b LIMIT 5000"


def read_session(
    session: Session, name: str, errors: tuple[type[Exception], ...] = (Exception,)
) -> Schema:
    """The schema of a database through a session of the `neo4j` driver, or anything alike, whose
    `run` raises one of `errors` for a procedure that is not there."""
    nodes: dict[str, dict[str, str]] = {}
    for record in _first(session, _NODES, errors):
        labels = record.get("nodeLabels") or [record.get("nodeLabel")]
        for label in labels:
            _add(nodes, str(label), record)
    edges: dict[str, dict[str, str]] = {}
    for record in _first(session, _RELATIONSHIPS, errors):
        type_ = str(record.get("relType", "")).strip(":`")
        _add(edges, type_, record)
    ends = {
        (str(record["t"]), str(start), str(end))
        for record in session.run(_ENDS)
        for start in record["a"]
        for end in record["b"]
    }
    data = {
        "name": name,
        "nodes": {label: {"properties": own} for label, own in nodes.items()},
        "relationships": [
            {"type": t, "from": a, "to": b, "properties": edges.get(t, {})}
            for t, a, b in sorted(ends)
        ],
    }
    return from_json(data, name)


def read_database(uri: str) -> Schema:
    """The schema of the database behind a Bolt address."""
    try:
        import neo4j
    except ImportError as error:
        raise missing_extra("neo4j", "bolt", "reading a schema from a database") from error
    user = os.environ.get("HEIMDALL_BOLT_USER", "")
    auth = (user, os.environ.get("HEIMDALL_BOLT_PASSWORD", "")) if user else None
    try:
        with neo4j.GraphDatabase.driver(uri, auth=auth) as driver, driver.session() as session:
            return read_session(session, "database", (neo4j.exceptions.Neo4jError,))
    except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise HeimdallError(
            f"cannot be read: {first}",
            where=uri,
            hint="user and password come from HEIMDALL_BOLT_USER and HEIMDALL_BOLT_PASSWORD",
        ) from error


def _first(
    session: Session, queries: Iterable[str], errors: tuple[type[Exception], ...]
) -> list[Mapping[str, Any]]:
    """The records of the first query that the database knows."""
    problem: Exception | None = None
    for query in queries:
        try:
            records = list(session.run(query))
        except errors as error:
            problem = error
            continue
        if records:
            return records
    if problem is not None:
        raise HeimdallError(f"the database does not tell its schema: {problem}")
    return []


def _add(owners: dict[str, dict[str, str]], owner: str, record: Mapping[str, Any]) -> None:
    own = owners.setdefault(owner, {})
    name = record.get("propertyName")
    kinds = record.get("propertyTypes") or record.get("propertyType") or "ANY"
    if name:
        own[str(name)] = str(kinds if isinstance(kinds, str) else kinds[0])


@lru_cache(maxsize=8)
def cached_files(paths: tuple[str, ...], stamps: tuple[float, ...]) -> tuple[Schema, ...]:
    """`read_files`, remembered while the files stay as they are."""
    return tuple(read_files(Path(path) for path in paths))


@lru_cache(maxsize=8)
def cached_database(uri: str) -> Schema:
    """`read_database`, asked once."""
    return read_database(uri)
