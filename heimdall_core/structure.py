"""Plain data (TOML, JSON) into frozen attrs classes, strictly: no value is coerced, no key is
passed over, and every mistake is told with its path, its value and what would be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

from heimdall_core.errors import RecipeError, did_you_mean
from heimdall_core.secrets import is_secret_name

T = TypeVar("T")

_TOML_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "a table",
}


def structure(data: Any, kind: type[T], where: str = "") -> T:
    """`data` as an instance of the attrs class `kind`.

    Raises `RecipeError` that names every mistake, one per line; `where` is the path that the
    data has in the recipe, such as `generate.mix.cypher`.
    """
    try:
        return converter().structure(data, kind)
    except Exception as error:  # cattrs raises groups, and whatever a validator raises
        lines = list(dict.fromkeys(_explain(error, where, kind, data)))
        raise RecipeError("\n".join(lines)) from error


def unstructure(value: Any) -> Any:
    """An attrs object as plain data that TOML can hold: fields that are None are left out."""
    if attrs.has(type(value)):
        pairs = ((f.name, getattr(value, f.name)) for f in attrs.fields(type(value)))
        return {name: unstructure(item) for name, item in pairs if item is not None}
    if isinstance(value, Mapping):
        return {str(name): unstructure(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [unstructure(item) for item in value]
    return value


@cache
def converter() -> Converter:
    """The strict converter. cattrs by default takes `"false"` for True and `"8"` for 8."""
    made = Converter(forbid_extra_keys=True, detailed_validation=True)
    for exact in (bool, int, str):
        made.register_structure_hook(exact, _exactly(exact))
    made.register_structure_hook(float, _number)
    made.register_structure_hook_func(_is_tuple, _tuple_of(made))
    made.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: value)
    made.register_structure_hook_func(_is_mapping, _mapping)
    made.register_structure_hook_func(_is_choice, _choice)
    made.register_structure_hook_func(_is_plain_union, _union(made))
    return made


def describe_type(kind: Any) -> str:
    """A type in a recipe writer's words: `a whole number`, `one of 'a', 'b'`."""
    if kind in _TOML_NAMES:
        return _TOML_NAMES[kind]
    if _is_choice(kind):
        return "one of " + ", ".join(repr(v) for v in get_args(kind))
    if _is_tuple(kind):
        return f"an array ({describe_type(get_args(kind)[0])} each)"
    if _is_mapping(kind):
        return "a table"
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(describe_type(k) for k in get_args(kind) if k is not type(None))
    if isinstance(kind, type) and attrs.has(kind):
        return "a table"
    return str(getattr(kind, "__name__", kind))


# --- hooks ---------------------------------------------------------------------------------------


class _WrongType(ValueError):
    pass


def _wrong(value: Any, kind: Any) -> _WrongType:
    return _WrongType(f"expected {describe_type(kind)}, found {_show(value)}")


def _show(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else text[:57] + "…"


def _exactly(kind: type) -> Any:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(value, kind)
        return value

    return hook


def _number(value: Any, _: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise _wrong(value, float)
    return float(value)


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _tuple_of(made: Converter) -> Any:
    def hook(value: Any, kind: Any) -> tuple[Any, ...]:
        # A bare string is iterable, and "abc" would become ('a', 'b', 'c').
        if not isinstance(value, list | tuple):
            raise _wrong(value, kind)
        of = get_args(kind)[0]
        return tuple(made.structure(item, of) for item in value)

    return hook


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) in (Mapping, dict) or kind in (Mapping, dict)


def _mapping(value: Any, kind: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(value, kind)
    arguments = get_args(kind)
    of = arguments[1] if len(arguments) == 2 else Any
    result = {}
    for key, item in value.items():
        try:
            result[str(key)] = converter().structure(item, of)
        except _WrongType as error:
            raise _WrongType(f"in '{key}': {error}") from error
    return result


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _choice(value: Any, kind: Any) -> Any:
    if type(value) is not str or value not in get_args(kind):
        known = [str(v) for v in get_args(kind)]
        hint = f"; {did_you_mean(value, known)}" if isinstance(value, str) else ""
        raise _WrongType(f"expected {describe_type(kind)}, found {_show(value)}{hint}")
    return value


def _is_plain_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _union(made: Converter) -> Any:
    def hook(value: Any, kind: Any) -> Any:
        members = [k for k in get_args(kind) if k is not type(None)]
        if value is None and len(members) < len(get_args(kind)):
            return None
        for member in members:
            try:
                return made.structure(value, member)
            except (_WrongType, IterableValidationError):
                continue
        raise _wrong(value, kind)

    return hook


# --- explaining ----------------------------------------------------------------------------------


def _explain(error: BaseException, where: str, kind: Any, data: Any) -> Iterator[str]:
    if isinstance(error, ClassValidationError):
        with_notes, without = error.group_exceptions()
        for inner, note in with_notes:
            value = data.get(note.name) if isinstance(data, Mapping) else None
            yield from _explain(inner, _join(where, note.name), note.type, value)
        for inner in without:
            yield from _explain(inner, where, kind, data)
    elif isinstance(error, IterableValidationError):
        with_index, without = error.group_exceptions()
        for inner, index in with_index:
            item = data[int(index.index)] if isinstance(data, list | tuple) else None
            yield from _explain(inner, f"{where}[{index.index}]", index.type, item)
        for inner in without:
            yield from _explain(inner, where, kind, data)
    elif isinstance(error, ForbiddenExtraKeysError):
        for name in sorted(error.extra_fields):
            value = data.get(name) if isinstance(data, Mapping) else None
            is_shown = not isinstance(value, Mapping) and not is_secret_name(name)
            shown = f" = {_show(value)}" if is_shown else ""
            yield f"{_join(where, name)}{shown}: unknown key; {_suggest(name, error.cl)}"
    elif isinstance(error, RecipeError):  # a class that says itself what is wrong with it
        path = _join(where, error.where) if error.where else where
        yield str(RecipeError(error.message, where=path or "recipe", hint=error.hint))
    elif isinstance(error, KeyError):
        yield f"{_join(where, str(error.args[0]))}: is required and missing"
    else:
        yield from _explain_value(str(error), where, kind, data)


def _suggest(name: str, kind: type) -> str:
    """The nearest key of a class, its short names among them, and all keys."""
    fields = [f for f in attrs.fields(kind) if not f.metadata.get("hidden")]
    short = {f.metadata["short"]: f.name for f in fields if "short" in f.metadata}
    hint = did_you_mean(name, [*(f.name for f in fields), *short])
    for brief, full in short.items():
        hint = hint.replace(f"mean '{brief}'?", f"mean '{brief}' (short for '{full}')?")
    return hint


def _explain_value(text: str, where: str, kind: Any, data: Any) -> Iterator[str]:
    if not isinstance(data, Mapping) and isinstance(kind, type) and attrs.has(kind):
        yield f"{where or 'recipe'}: expected a table, found {_show(data)}"
    elif named := re.match(r"'(\w+)' must be (.*)", text):
        # attrs' own validators: "'lora_r' must be > 0: -1"
        yield f"{_join(where, named[1])}: must be {named[2].replace(': ', ', found ', 1)}"
    else:
        yield f"{where or 'recipe'}: {text}"


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
