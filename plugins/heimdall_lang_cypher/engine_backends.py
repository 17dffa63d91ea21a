"""The embedded databases, each behind the same two calls. Imported by the worker process alone.

A backend turns the values of its database into plain JSON: a node is
`{"labels": [...], "properties": {...}}` with sorted labels, a relationship
`{"type": ..., "properties": {...}}`, a path `{"nodes": [...], "relationships": [...]}`, a temporal
value its ISO text. Entity ids are left out: they differ between databases.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

Row = dict[str, Any]


class Refused(Exception):
    """The database did not run the query."""

    def __init__(self, message: str, *, compile_time: bool) -> None:
        self.compile_time = compile_time
        """Whether it refused the text itself, before any data were touched."""
        super().__init__(message)


class Backend(Protocol):
    """One empty database in memory."""

    def run(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of `query`; raises `Refused`."""


#: Packages that a backend needs, in the order in which they are imported.
REQUIRES: dict[str, tuple[str, ...]] = {
    "graphdblite": ("graphdblite",),
    "graphqlite": ("graphqlite",),
    "ocg": ("ocg",),
}


class GraphDbLite:
    """https://pypi.org/project/graphdblite: Rust, MIT."""

    def __init__(self) -> None:
        module: Any = import_module("graphdblite")
        self._database = module.Database.open_memory()
        self._errors = (module.GraphDBError, module.ParseError)

    def run(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        try:
            rows = self._database.execute(query, dict(parameters))
        except self._errors as error:
            text = str(error)
            compile_time = text.startswith(("SyntaxError", "ProcedureError", "SemanticError"))
            raise Refused(_short(text), compile_time=compile_time) from error
        return [
            # The names that it gives to unnamed pattern elements leak into `RETURN *`.
            {key: self._value(value) for key, value in row.items() if not key.startswith("_anon_")}
            for row in rows
        ]

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return _plain(value)
        inner = {
            key: self._value(item)
            for key, item in value.items()
            if key not in ("__id", "__labels", "__src", "__dst", "__label")
        }
        if "__labels" in value:
            return {"labels": sorted(value["__labels"]), "properties": inner}
        if "__label" in value and "__src" in value:
            return {"type": value["__label"], "properties": inner}
        return inner


class GraphQLite:
    """https://pypi.org/project/graphqlite: an extension of SQLite in C, MIT. It can abort its
    process, which is why every backend has a process of its own."""

    def __init__(self) -> None:
        sqlite3: Any = import_module("sqlite3")
        if not hasattr(sqlite3.Connection, "enable_load_extension"):
            # Many builds of Python come without loadable extensions; this wheel brings them.
            sys.modules["sqlite3"] = import_module("pysqlite3")
        module: Any = import_module("graphqlite")
        self._connection = module.connect(":memory:")
        self._error: type[Exception] = sys.modules["sqlite3"].Error

    def run(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        try:
            rows = list(self._connection.cypher(query, dict(parameters) or None))
        except self._error as error:
            text = str(error)
            raise Refused(text, compile_time=text.startswith("SyntaxError")) from error
        return [{key: _tagged(value) for key, value in row.items()} for row in rows]


class Ocg:
    """https://pypi.org/project/ocg: Rust, Apache-2.0."""

    def __init__(self) -> None:
        module: Any = import_module("ocg")
        self._graph = module.Graph()

    def run(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        try:
            rows = self._graph.execute(query, dict(parameters))
        except RuntimeError as error:
            text = str(error).removeprefix("Query execution error: ")
            compile_time = text.startswith(
                ("Parse error", "Syntax", "Variable not found", "Unknown function")
            )
            raise Refused(_short(text), compile_time=compile_time) from error
        if any(not row for row in rows):
            raise Refused("rows of RETURN * come back without columns", compile_time=True)
        return [{key: _tagged(value) for key, value in row.items()} for row in rows]


BACKENDS: dict[str, Callable[[], Backend]] = {
    "graphdblite": GraphDbLite,
    "graphqlite": GraphQLite,
    "ocg": Ocg,
}


def _tagged(value: Any) -> Any:
    """Plain JSON from databases that write entities as `{"id", "labels", "properties"}`,
    `{"id", "type", …}` and `{"nodes", "rels"}`."""
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if not isinstance(value, dict):
        return _plain(value)
    if value.keys() == {"id", "labels", "properties"}:
        return {
            "labels": sorted(value["labels"]),
            # A property that is null is a property that is not there.
            "properties": {
                key: _tagged(item) for key, item in value["properties"].items() if item is not None
            },
        }
    if "type" in value and "id" in value and "properties" in value:
        return {"type": value["type"], "properties": _tagged(value["properties"])}
    relationships = value.get("relationships", value.get("rels"))
    if "nodes" in value and relationships is not None and len(value) == 2:
        return {"nodes": _tagged(value["nodes"]), "relationships": _tagged(relationships)}
    return {key: _tagged(item) for key, item in value.items()}


def _short(text: str) -> str:
    """An error message without the drawing of the query's text, in one line."""
    first, *rest = text.splitlines() or [""]
    said = [first.partition(" --> ")[0].rstrip(" :")]
    said += [line.strip(" =") for line in rest if line.lstrip().startswith(("=", "hint"))]
    return "; ".join(said)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
