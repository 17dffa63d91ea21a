"""The JSON schema of recipes, made from the attrs classes and the docstrings below their fields;
`docs/recipes.md` is made from the same."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from heimdall_core import execution
from heimdall_core.recipe import Recipe
from heimdall_core.registry import Registry
from heimdall_core.structure import unstructure

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


@cache
def field_docs(kind: type) -> Mapping[str, str]:
    """Field → the docstring below it, in one line."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return {}
    [body] = [node.body for node in tree.body if isinstance(node, ast.ClassDef)][:1] or [[]]
    docs = {}
    for node, after in pairwise(body):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            docs[node.target.id] = " ".join(after.value.value.split())
    return docs


def class_schema(kind: type) -> dict[str, Any]:
    """JSON schema of an options class: no key but its own, each with type, default and help."""
    hints = get_type_hints(kind)
    docs = field_docs(kind)
    properties: dict[str, Any] = {}
    required = []
    for field in attrs.fields(kind):
        if field.metadata.get("hidden"):
            continue
        entry = type_schema(hints[field.name])
        if help_text := docs.get(field.name):
            entry["description"] = help_text
        default = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            default = default.factory()
        if default is attrs.NOTHING:
            required.append(field.name)
        elif default is not None:
            entry["default"] = unstructure(default)
        properties[field.name] = entry
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if kind.__doc__ and not kind.__doc__.startswith("Method generated"):
        schema["description"] = " ".join(inspect.cleandoc(kind.__doc__).split())
    if required:
        schema["required"] = required
    return schema


def type_schema(hint: Any) -> dict[str, Any]:
    """JSON schema of a field's type."""
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": type_schema(arguments[0])}
    if origin in (Union, UnionType):
        members = [type_schema(a) for a in arguments if a is not type(None)]
        return members[0] if len(members) == 1 else {"anyOf": members}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": type_schema(arguments[1])}
    if isinstance(hint, type) and attrs.has(hint):
        return class_schema(hint)
    return {}


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """The schema of a whole recipe, with the options of the plugins in `registry`."""
    schema = class_schema(Recipe)
    properties = schema["properties"]
    properties["extends"] = {
        "type": "string",
        "description": "Preset that this recipe is laid over.",
        "enum": list(registry.names("preset")),
    }
    mix = {}
    for name in registry.names("generator"):
        options = class_schema(registry.generator(name).options)
        options["properties"]["weight"] = {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 1.0,
            "description": "Share of the rows, relative to the other generators.",
        }
        mix[name] = options
    properties["generate"]["properties"]["mix"] = _tables(mix, "One table per generator.")
    properties["executor"] = _executors(registry, properties["executor"]["description"])
    for table, role in (("export", "exporter"), ("evaluate", "evaluator")):
        tables = {
            name: class_schema(getattr(registry, role)(name).options)
            for name in registry.names(role)
        }
        properties[table]["properties"]["options"] = _tables(tables, f"One table per {role}.")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heimdall recipe",
        **schema,
    }


def _executors(registry: Registry, text: str) -> dict[str, Any]:
    """The executor's name, and the options that any of them has."""
    names = registry.names("executor")
    found: dict[str, Any] = {
        "name": {"enum": list(names), "description": "Executor plugin.", "default": execution.LOCAL}
    }
    for name in names:
        for key, entry in class_schema(registry.executor(name).options)["properties"].items():
            said = f"`{name}`: {entry.get('description', '')}"
            if key in found:
                said = f"{found[key]['description']} {said}"
            found[key] = {**found.get(key, entry), "description": said}
    return _tables(found, text)


def _tables(tables: dict[str, Any], text: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": text,
        "properties": tables,
        "additionalProperties": False,
    }
