"""Signatures of functions and procedures: the notation, the built-in tables, lookup by name.

The notation is Neo4j's own, so that what `SHOW PROCEDURES YIELD signature` prints can be given to
the checker as it is:

    db.labels() :: (label :: STRING)
    round(value :: NUMBER, precision = 0 :: NUMBER) :: FLOAT
    head(list :: LIST<T>) :: T
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from attrs import field, frozen

from heimdall_core import HeimdallError
from heimdall_lang_cypher.value_types import (
    ANY,
    ANY_LIST,
    FLOAT,
    INTEGER,
    KINDS,
    NULL,
    element_of,
    join,
    list_of,
    parse_type,
    split_top_level,
)


class SignatureError(HeimdallError):
    """A signature that cannot be read."""


@frozen
class Argument:
    """One parameter of a function or procedure."""

    name: str
    type: int
    """Kinds that are accepted, null included; elements of lists are not looked at."""
    optional: bool = False


@frozen
class Signature:
    """A function, or a procedure where `columns` is not None."""

    name: str
    arguments: tuple[Argument, ...]
    result: int = ANY
    follows: Literal["", "argument", "element", "list"] = ""
    """How the result's type follows from an argument's: the same, an element of it, a list."""
    variadic: bool = False
    """Whether the last argument may be repeated."""
    columns: tuple[tuple[str, int], ...] | None = None
    """Name and type of what a procedure yields; None for a function or where it is not known."""
    minimum: int = field(init=False)
    """Fewest arguments."""
    maximum: int = field(init=False)
    """Most arguments."""

    @minimum.default
    def _count_required(self) -> int:
        return sum(not each.optional for each in self.arguments)

    @maximum.default
    def _count_all(self) -> int:
        return 1_000_000 if self.variadic else len(self.arguments)

    def argument(self, index: int) -> Argument:
        """The parameter that the argument at `index` (0-based) is for."""
        return self.arguments[min(index, len(self.arguments) - 1)]

    def result_type(self, given: list[int]) -> int:
        """The type of a call with arguments of the types `given`."""
        if not self.follows or not given:
            return self.result
        if self.follows == "element":
            return element_of(given[0])
        if self.follows == "list":
            return list_of(given[0])
        result = given[0]
        if self.variadic:
            for each in given[1:]:
                result = join(result, each)
        return result


def _argument(text: str) -> tuple[Argument, str, bool]:
    """The parameter that `name [= default] :: TYPE[...]` describes, its type's text, whether it
    may be repeated."""
    name, separator, type_text = text.partition("::")
    if not separator:
        raise SignatureError(f"no type for the argument '{text}'", hint="write: name :: TYPE")
    name, equals, _default = name.partition("=")
    type_text = type_text.strip()
    variadic = type_text.endswith("...")
    type_text = type_text.removesuffix("...").strip()
    accepted = (ANY if type_text in ("T", "LIST<T>") else parse_type(type_text)) & KINDS | NULL
    if type_text == "LIST<T>":
        accepted = ANY_LIST | NULL
    if accepted & ANY_LIST:
        accepted |= ANY_LIST
    if accepted & FLOAT:
        # An integer is converted where a float is wanted.
        accepted |= INTEGER
    return Argument(name.strip(), accepted, bool(equals)), type_text, variadic


def parse_signature(text: str) -> Signature:
    """The signature that `text` describes.

    Raises SignatureError where the text is not in the notation of this module.
    """
    head, separator, result = text.strip().partition(") ::")
    name, parenthesis, inside = head.partition("(")
    if not separator or not parenthesis or not name.strip():
        raise SignatureError(
            f"'{text}' is no signature", hint="write: name(argument :: TYPE) :: (column :: TYPE)"
        )
    arguments, variadic, generic_list = [], False, False
    for part in split_top_level(inside):
        argument, type_text, variadic = _argument(part)
        arguments.append(argument)
        generic_list |= type_text == "LIST<T>"
    result = result.strip()
    follows: Literal["", "argument", "element", "list"] = ""
    columns: tuple[tuple[str, int], ...] | None = None
    if result.startswith("("):
        columns = tuple(
            (column.strip(), parse_type(type_text))
            for column, _, type_text in (
                part.partition("::") for part in split_top_level(result[1:].removesuffix(")"))
            )
        )
    elif result == "VOID":
        columns = ()
    elif result == "T":
        follows = "element" if generic_list else "argument"
    elif result == "LIST<T>":
        follows = "list"
    return Signature(
        name=name.strip(),
        arguments=tuple(arguments),
        result=ANY if follows or columns is not None else parse_type(result),
        follows=follows,
        variadic=variadic,
        columns=columns,
    )


@cache
def _table(file: str) -> Mapping[str, Any]:
    text = files("heimdall_lang_cypher").joinpath("data", file).read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def functions(groups: tuple[str, ...]) -> Mapping[str, Signature]:
    """Built-in functions of the groups of `data/functions.toml`, by name in small letters."""
    return _signatures(_table("functions.toml"), groups)


@cache
def procedures(groups: tuple[str, ...]) -> Mapping[str, Signature]:
    """Built-in procedures of the groups of `data/procedures.toml`, by name in small letters."""
    return _signatures(_table("procedures.toml"), groups)


@cache
def checked_at_run_time() -> frozenset[str]:
    """Names of the functions whose arguments openCypher checks at run time, in small letters."""
    return frozenset(name.lower() for name in _table("functions.toml")["run_time"]["names"])


@cache
def aggregating_functions() -> frozenset[str]:
    """Names of the aggregating functions, in small letters."""
    return frozenset(functions(("aggregating", "aggregating25")))


def instead_of_function(name: str) -> str:
    """What to write instead of the function `name`, where another language or an older version
    has it; '' where nothing is known."""
    return _instead("functions.toml", name)


def instead_of_procedure(name: str) -> str:
    """What to write instead of the procedure `name`; '' where nothing is known."""
    return _instead("procedures.toml", name)


def _instead(file: str, name: str) -> str:
    lowered = name.lower()
    for known, replacement in _table(file)["instead"].items():
        if known.lower() == lowered:
            return str(replacement)
    return ""


def _signatures(table: Mapping[str, Any], groups: Iterable[str]) -> dict[str, Signature]:
    parsed = (parse_signature(line) for group in groups for line in table["groups"][group])
    return {signature.name.lower(): signature for signature in parsed}
