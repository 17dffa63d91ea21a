"""GBNF grammars for llama.cpp: an answer that is decoded under one of them always parses.

The rules stand in `data/cypher.gbnf`; a variant replaces some of them by tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from string import ascii_lowercase
from typing import Any

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import Json
from heimdall_lang_cypher.printer_names import NO_VARIABLES
from heimdall_lang_cypher.printer_names import key as key_name
from heimdall_lang_cypher.schema import GraphSchema, Properties, read_schema
from heimdall_lang_cypher.signatures import functions, procedures

VARIANTS = ("any", "read", "data", "schema", "schema-read")

_RULE = re.compile(r"^([a-z][a-z-]*) ::= (.*)$")
_REFERENCE = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|([a-z][a-z-]*)')

#: The rules from an expression down to what may stand in parentheses.
_LADDER = (
    *("expression", "xor", "and", "not", "comparison", "test", "sum", "product", "power", "sign"),
    "operand",
)

#: Rules that leave everything out that writes.
_READ = {
    "statement": "query",
    "reading": "(read-clause | with) ws reading | return",
    "read-clause": "match | unwind | call | subquery",
}
#: Rules that leave out schema commands and what comes from other places than the graph.
_DATA = {"statement": "query", "read-clause": "match | unwind | call | subquery"}

#: Words that open a subquery when a brace follows them, if they are not variables.
_BEFORE_BRACES = frozenset(("ALL", "COLLECT", "COUNT", "EXISTS"))
#: Functions whose arguments are not just a list of expressions.
_SPECIAL_CALLS = frozenset(
    (
        *("ALL", "ANY", "NONE", "SINGLE", "REDUCE", "ALLREDUCE", "TRIM", "NORMALIZE"),
        *("VECTOR", "VECTOR_DISTANCE", "VECTOR_NORM", "PROPERTY_EXISTS"),
    )
)

_FUNCTIONS = ("aggregating", "standard", "neo4j")
_PROCEDURES = ("neo4j", "nornicdb")
#: A function with more arguments than this takes any number of them.
_MANY = 20
#: Procedures that only tell something: by what their names begin with, and by what is not in them.
_TELLING = re.compile(
    r"(?!.*(?:create|drop|await|resample|set[A-Z]))"
    r"(?:db\.(?:labels|relationshipTypes|propertyKeys|indexes|constraints|index\.|schema\.|info|ping)"
    r"|dbms\.(?:components|functions|info|procedures))",
)


def grammar(variant: str = "any", schema: Json | None = None) -> str:
    """The GBNF text of a variant, its start rule `root`.

    `any`: reading, writing, schema commands, with any names. `read`: one query that changes
    nothing, with known functions and procedures. `data`: queries that read or write, with known
    functions and procedures, so that everything it allows parses. `schema`: the same with the
    labels, relationship types and properties of `schema` and no others; in a pattern, those of its
    label.
    `schema-read`: both. Raises `HeimdallError` for another variant, and for a schema variant
    without a schema that names labels.
    """
    if variant not in VARIANTS:
        raise HeimdallError(
            f"unknown grammar variant '{variant}'", hint=did_you_mean(variant, VARIANTS)
        )
    rules = dict(_rules())
    if variant != "any":
        rules |= _READ if "read" in variant else _DATA
        rules |= _table_rules()
    if variant.startswith("schema"):
        if schema is None:
            raise HeimdallError(f"the grammar variant '{variant}' needs a graph schema")
        rules |= _schema_rules(read_schema(schema))
    return _text(rules)


@cache
def _rules() -> Mapping[str, str]:
    """The rules of `data/cypher.gbnf`, in order."""
    text = files(__package__).joinpath("data", "cypher.gbnf").read_text("utf-8")
    matches = (_RULE.match(line) for line in text.splitlines())
    rules = {match[1]: match[2] for match in matches if match}
    for name in _LADDER:
        rules[_in_predicate(name)] = _REFERENCE.sub(
            lambda match: _in_predicate(match[0]) if match[0] in _LADDER else match[0], rules[name]
        )
    rules["free-name"] = _name_but_for(NO_VARIABLES)
    rules["projected-name"] = _name_but_for(NO_VARIABLES | _BEFORE_BRACES)
    rules["plain-function"] = _name_but_for(NO_VARIABLES | _SPECIAL_CALLS)
    rules["p-not"] = '("NOT" ws)* (p-comparison | node (relationship node)+)'
    return rules


def _name_but_for(words: Iterable[str]) -> str:
    """A rule for names, in whatever letters, that are none of `words`."""
    ends = ""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for letter in word.lower():
            node = node.setdefault(letter, {})
        node[ends] = {}

    def after(node: Mapping[str, Any], start: bool = False) -> str:
        """What may follow the letters that lead to `node`."""
        if not any(letter != ends for letter in node):
            return "[a-zA-Z0-9_] more"
        parts = [f"[{_others(node)}{'' if start else '0-9'}] more"]
        for letter in sorted(set(node) - {ends}):
            both = f"[{letter}{letter.upper()}]" if letter.isalpha() else f"[{letter}]"
            below = after(node[letter])
            parts.append(f"{both} ({below})" if ends in node[letter] else f"{both} ({below})?")
        return " | ".join(parts)

    return f"{after(tree, start=True)} | quoted"


def _others(taken: Mapping[str, Any]) -> str:
    """The letters and `_`, but for those in `taken`, as ranges of a set."""
    free = "".join(each if each not in taken else " " for each in ascii_lowercase).split()
    ranges = [run if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in free]
    return "".join([*ranges, *map(str.upper, ranges), "" if "_" in taken else "_"])


def _in_predicate(name: str) -> str:
    return "predicate" if name == "expression" else f"p-{name}"


def _table_rules() -> dict[str, str]:
    """Calls of known functions, each with as many arguments as it takes, and of procedures."""
    calls: dict[str, list[str]] = {}
    aggregating = functions(_FUNCTIONS[:1])
    for signature in functions(_FUNCTIONS).values():
        distinct = '("DISTINCT" ws)? ' if signature.name.lower() in aggregating else ""
        arguments = distinct + _arguments(signature.minimum, signature.maximum)
        calls.setdefault(arguments, []).append(signature.name)
    telling = (
        signature.name
        for signature in procedures(_PROCEDURES).values()
        if signature.columns and _TELLING.match(signature.name)
    )
    rules = {"procedure-name": _alternatives(telling)}
    for number, (arguments, names) in enumerate(calls.items()):
        rules[f"call-{_letters(number)}"] = f'({_alternatives(names)}) o "(" o {arguments}")"'
    special = '"count" o "(" o "*" o ")" | quantified | reduce'
    rules["call-expression"] = " | ".join([*(name for name in rules if "call-" in name), special])
    return rules


def _arguments(fewest: int, most: int) -> str:
    """A list of so many expressions, each followed by white space."""
    if not most:
        return ""
    more = 'o "," o expression'
    if most > _MANY:
        rest = f" ({more})*" if fewest < 2 else f" ({more}){{{fewest - 1},}}"
    else:
        rest = f" ({more}){{{max(fewest, 1) - 1},{most - 1}}}" if most > 1 else ""
    listed = f"expression{rest} o"
    return f"{listed} " if fewest else f"({listed})? "


def _schema_rules(schema: GraphSchema) -> dict[str, str]:
    if not schema.nodes:
        raise HeimdallError("the graph schema names no labels", hint="it needs a key 'nodes'")
    rules = {
        "label-name": _alternatives(map(key_name, schema.nodes)),
        # Without a relationship type, no relationship has one that could be named.
        "type-name": _alternatives(map(key_name, schema.relationships)) or '"_"',
        "property-name": _alternatives(map(key_name, sorted(schema.keys))) or '"_"',
        # A map in a pattern has properties for keys; elsewhere it may have any.
        "property-map": _map_rule("property-name"),
        "node": ('"(" o (variable (o described)? (ws where)? o | described (ws where)? o)? ")"'),
        "described": '":" o labelled | property-map',
        "new-node": '"(" o (variable o)? ((":" o new-labels o) | (property-map o))? ")"',
        "body": '"[" o (variable o)? ((":" o typed o) | ((length o)? (property-map o)?)) "]"',
        "new-body": '"[" o (variable o)? ":" o type-one o "]"',
        "type-one": "",
    }
    described = _described("node", schema.nodes, rules)
    several = 'label-name (o ":" o label-name)+ (o property-map)?'
    rules["new-labels"] = f"{described} | {several}"
    rules["labelled"] = (
        f'{described} | {several} | label-name ((o "|" o label-name)+ | (o "&" o label-name)+)'
        " (o property-map)?"
    )
    rules["type-one"] = _described("edge", schema.relationships, rules) or '"_"'
    rules["typed"] = (
        "type-one | type-name o length (o property-map)?"
        ' | type-name (o "|" o type-name)+ (o length)? (o property-map)?'
    )
    return rules


def _described(prefix: str, owners: Mapping[str, Properties | None], rules: dict[str, str]) -> str:
    """For each label or type: its name, and a map with its own properties only."""
    parts = []
    for number, (name, properties) in enumerate(owners.items()):
        literal = _literal(key_name(name))
        if properties is None:
            parts.append(f"{literal} (o property-map)?")
        elif properties:
            key, map_rule = f"{prefix}-key-{_letters(number)}", f"{prefix}-map-{_letters(number)}"
            rules[key] = _alternatives(map(key_name, properties))
            rules[map_rule] = _map_rule(key)
            parts.append(f"{literal} (o {map_rule})?")
        else:
            parts.append(literal)
    return " | ".join(parts)


def _map_rule(key: str) -> str:
    return f'"{{" o {key} o ":" o expression (o "," o {key} o ":" o expression)* o "}}"'


def _letters(number: int) -> str:
    """A number as letters, for rule names: 0 is `a`, 26 is `ba`."""
    text = ""
    while True:
        number, digit = divmod(number, 26)
        text = chr(ord("a") + digit) + text
        if not number:
            return text


def _alternatives(names: Iterable[str]) -> str:
    return " | ".join(map(_literal, dict.fromkeys(names)))


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _text(rules: Mapping[str, str]) -> str:
    """The rules that `root` reaches, one per line."""
    reached = dict.fromkeys(["root"])
    waiting = ["root"]
    while waiting:
        for name in _references(rules[waiting.pop()]):
            if name not in reached:
                reached[name] = None
                waiting.append(name)
    return "".join(f"{name} ::= {rules[name]}\n" for name in rules if name in reached)


def _references(body: str) -> Iterator[str]:
    return (match[1] for match in _REFERENCE.finditer(body) if match[1])
