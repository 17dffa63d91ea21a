"""What `heimdall_languages` yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from attrs import field, frozen

from heimdall_core.types.base import Held, Json


@frozen
class Finding:
    """One thing that a language found in a query. A query with an `error` is not valid."""

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    line: int = 1
    column: int = 1
    """1-based, in characters."""
    end_line: int = 0
    end_column: int = 0
    """0 where unknown."""
    kind: Literal["syntax", "semantics", "schema", "performance", "dialect"] = "syntax"
    suggestion: str = ""
    """What was likely meant, or the rewrite that works."""


@frozen
class CheckRequest:
    """What a query is checked against."""

    dialect: str = ""
    """One of the language's dialects; empty for its default."""
    schema: Json | None = None
    """Typed graph schema as plain JSON, in the language's own shape."""
    parameters: tuple[str, ...] | None = None
    """Declared parameters; None where unknown."""
    performance: bool = True
    """Whether performance findings are wanted."""


@frozen
class Normalised:
    """Two queries with one `canonical` mean the same; with one `family`, they differ in names
    and literals alone."""

    canonical: str
    family: str


@frozen
class Complexity:
    """How hard a query is."""

    level: int
    """1 (one clause) to 5 (several stages, subqueries)."""
    context_size: str
    """A key of `CONTEXT_SIZES`."""
    counts: Mapping[str, int] = field(factory=dict)


@runtime_checkable
class Engine(Held, Protocol):
    """An executable database of one language, in a process of its own. A context manager."""

    name: str

    def load(self, statements: Sequence[str]) -> None:
        """Runs set-up statements; raises `HeimdallError` where one fails."""

    def run(self, query: str, parameters: Json | None = None) -> EngineResult:
        """Runs one query. Never raises for a failing query: see `EngineResult.error`."""


@frozen
class EngineResult:
    """Rows of a query, or why there are none."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""
    """Empty on success."""
    error_kind: Literal[
        "", "syntax", "unsupported", "runtime", "timeout", "crash", "too_many_rows"
    ] = ""


@frozen
class Language:
    """Yielded by `heimdall_languages`: a query language. The core verifies, deduplicates and
    executes through it and knows no language itself."""

    name: str
    summary: str
    dialects: tuple[str, ...]
    """The first one is the default."""
    check: Callable[[str, CheckRequest], Sequence[Finding]]
    normalise: Callable[[str], Normalised]
    """Raises `HeimdallError` for a query that does not parse."""
    format: Callable[[str], str]
    extract: Callable[[str], str]
    """`extract(answer)`: the query inside a model's answer (code fences, leading prose), or ''."""
    complexity: Callable[[str], Complexity] | None = None
    vocabulary: Callable[[str], Mapping[str, Sequence[str]]] | None = None
    """`vocabulary(query)`: the names that it mentions, by what they name (`labels`, `properties`).
    Raises `HeimdallError` for a query that does not parse."""
    grammar: Callable[[str, Json | None], str] | None = None
    """`grammar(variant, schema)`: GBNF for llama.cpp."""
    engines: tuple[str, ...] = ()
    engine: Callable[[str], Engine] | None = None
    """`engine(name)`: an embedded engine, by one of `engines`; the first is the default."""
    populate: Callable[[Json, int], Sequence[str]] | None = None
    """`populate(schema, seed)`: statements that fill an engine with data of that schema."""
    witness: Callable[[str, Json, int], Sequence[str]] | None = None
    """`witness(query, schema, seed)`: statements that add data which the query finds."""
