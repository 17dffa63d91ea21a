"""A typed graph schema: labels, relationship types, their properties and what they connect.

It is read from plain JSON, in the project's own shape

    {"name": "shop",
     "nodes": {"Product": {"properties": {"name": "STRING", "price": "FLOAT"}}},
     "relationships": [{"type": "PART_OF", "from": "Product", "to": "Category", "properties": {}}],
     "indexes": [{"label": "Product", "properties": ["name"], "kind": "RANGE"}],
     "procedures": ["my.proc(name :: STRING) :: (score :: FLOAT)"]}

or in the shapes that tools around Neo4j write: `node_props`/`rel_props`/`relationships` (graph
libraries), `labels`/`relationshipTypes`/`propertyKeys`/`graphSchema` (editors), and the text that
they put into prompts, under `schema_text`. A part that is missing is not checked.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from heimdall_core import HeimdallError
from heimdall_core.types import Json
from heimdall_lang_cypher.signatures import Signature, parse_signature
from heimdall_lang_cypher.value_types import ANY, join, parse_type

Properties = Mapping[str, int]
"""Types of properties by name, as in `value_types`."""


class SchemaError(HeimdallError):
    """A graph schema that cannot be read."""


@frozen
class Index:
    """An index, or a constraint that has one."""

    label: str
    """A label, or a relationship type."""
    properties: tuple[str, ...]
    kind: str = "RANGE"
    """In capitals: RANGE, TEXT, POINT, FULLTEXT, VECTOR, UNIQUE …"""


@frozen
class GraphSchema:
    """What a graph holds. Mappings that are empty say nothing."""

    name: str = ""
    nodes: Mapping[str, Properties | None] = field(factory=dict)
    """Properties by label; None where only the label is known."""
    relationships: Mapping[str, Properties | None] = field(factory=dict)
    """Properties by relationship type; None where only the type is known."""
    endpoints: Mapping[str, frozenset[tuple[str, str]]] = field(factory=dict)
    """Pairs of labels (from, to) by relationship type."""
    keys: frozenset[str] = frozenset()
    """All property names."""
    indexes: tuple[Index, ...] = ()
    procedures: tuple[Signature, ...] | None = None
    """All procedures there are beside the built-in ones; None where they are not known."""
    overlaps: Mapping[str, frozenset[str]] = field(init=False)
    """Labels that nodes of a label may carry as well, by label: those that stand at every end of a
    relationship where it stands (at two at least). A schema that was sampled from data names such
    nodes twice and their properties once."""

    @overlaps.default
    def _find_overlaps(self) -> Mapping[str, frozenset[str]]:
        ends: dict[str, set[tuple[str, int]]] = {}
        for name, pairs in self.endpoints.items():
            for start, end in pairs:
                ends.setdefault(start, set()).add((name, 0))
                ends.setdefault(end, set()).add((name, 1))
        return {
            label: frozenset(
                other for other, theirs in ends.items() if other != label and own <= theirs
            )
            for label, own in ends.items()
            if len(own) > 1
        }

    def indexed(self, label: str, key: str, kinds: Iterable[str] = ()) -> bool:
        """Whether an index of `label` starts with the property `key`; `kinds` restricts it."""
        wanted = frozenset(kinds)
        return any(
            index.label == label
            and index.properties[:1] == (key,)
            and (not wanted or index.kind in wanted)
            for index in self.indexes
        )


#: Schemas that were read last, with the JSON they were read from: the same object is passed for
#: query after query, and reading it costs more than checking a query.
_RECENT: OrderedDict[int, tuple[Json, GraphSchema]] = OrderedDict()
_RECENT_LIMIT = 512


def read_schema(json: Json) -> GraphSchema:
    """The schema that `json` describes, in any of the shapes that the module names.

    An object that was read lately is not read again: do not change it between calls.
    Raises SchemaError where a part has the wrong shape.
    """
    known = _RECENT.get(id(json))
    if known is not None and known[0] is json:
        return known[1]
    equal = (schema for other, schema in reversed(_RECENT.values()) if other == json)
    schema = next(equal, None) or _read(json)
    _RECENT[id(json)] = (json, schema)
    if len(_RECENT) > _RECENT_LIMIT:
        _RECENT.popitem(last=False)
    return schema


def _read(json: Json) -> GraphSchema:
    builder = _Builder(str(json.get("name") or json.get("database") or ""))
    source = json.get("structured", json)
    try:
        if "node_props" in source:
            builder.structured(source)
        elif "labels" in source or "graphSchema" in source:
            builder.editor(source)
        elif "nodes" in source or "relationships" in source:
            builder.own(source)
        elif json.get("schema_text"):
            builder.text(str(json["schema_text"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(
            f"graph schema '{builder.name}' has an unexpected shape: {error!r}",
            hint='write {"nodes": {"Label": {"properties": {"key": "TYPE"}}}, "relationships": '
            '[{"type": "T", "from": "Label", "to": "Label"}]}',
        ) from error
    signatures = json.get("procedures")
    return builder.build(
        None if signatures is None else tuple(parse_signature(str(each)) for each in signatures)
    )


class _Builder:
    """Collects the parts of a schema."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[str, dict[str, int] | None] = {}
        self.relationships: dict[str, dict[str, int] | None] = {}
        self.endpoints: dict[str, set[tuple[str, str]]] = {}
        self.keys: set[str] = set()
        self.indexes: list[Index] = []

    def build(self, procedures: tuple[Signature, ...] | None) -> GraphSchema:
        for properties in (*self.nodes.values(), *self.relationships.values()):
            self.keys.update(properties or ())
        return GraphSchema(
            name=self.name,
            nodes=self.nodes,
            relationships=self.relationships,
            endpoints={name: frozenset(pairs) for name, pairs in self.endpoints.items()},
            keys=frozenset(self.keys),
            indexes=tuple(self.indexes),
            procedures=procedures,
        )

    def add(
        self, table: dict[str, dict[str, int] | None], name: str, properties: Mapping[str, Any]
    ) -> None:
        """Adds properties (type names by key) to a label or relationship type."""
        known = table.get(name) or {}
        for key, type_name in properties.items():
            type_ = parse_type(str(type_name)) if type_name else ANY
            known[key] = join(known[key], type_) if key in known else type_
        table[name] = known

    def connect(self, type_name: str, start: str, end: str) -> None:
        self.relationships.setdefault(type_name, None)
        self.endpoints.setdefault(type_name, set()).add((start, end))

    def own(self, source: Json) -> None:
        """The project's own shape. Properties may also be a list of names."""
        nodes = source.get("nodes") or {}
        if not isinstance(nodes, Mapping):
            nodes = {each.get("label") or each["name"]: each for each in nodes}
        for label, node in nodes.items():
            self.add(self.nodes, label, _named(node.get("properties") or {}))
        for each in source.get("relationships") or ():
            type_name = each["type"]
            self.add(self.relationships, type_name, _named(each.get("properties") or {}))
            for start in _several(each.get("from")):
                for end in _several(each.get("to")):
                    self.connect(type_name, start, end)
        for each in source.get("indexes") or ():
            self.index(each, str(each.get("kind") or each.get("type") or "RANGE"))

    def structured(self, source: Json) -> None:
        """`{"node_props": {"L": [{"property", "type"}]}, "rel_props", "relationships":
        [{"start", "type", "end"}], "metadata": {"constraint", "index"}}`."""
        for table, part in ((self.nodes, "node_props"), (self.relationships, "rel_props")):
            for name, properties in (source.get(part) or {}).items():
                self.add(table, name, {each["property"]: each["type"] for each in properties})
        for each in source.get("relationships") or ():
            for label in (each["start"], each["end"]):
                self.nodes.setdefault(label, {})
            # A type without an entry in rel_props has no properties.
            self.add(self.relationships, each["type"], {})
            self.connect(each["type"], each["start"], each["end"])
        metadata = source.get("metadata") or {}
        for each in metadata.get("index") or ():
            self.index(each, str(each.get("type") or "RANGE"))
        for each in metadata.get("constraint") or ():
            self.index(each, str(each.get("type") or "UNIQUE"))

    def editor(self, source: Json) -> None:
        """`{"labels": [...], "relationshipTypes": [...], "propertyKeys": [...], "graphSchema":
        [{"from", "relType", "to"}]}`: which label has which property is not known."""
        for label in source.get("labels") or ():
            self.nodes[label] = None
        for type_name in source.get("relationshipTypes") or ():
            self.relationships[type_name] = None
        for each in source.get("graphSchema") or ():
            self.connect(each["relType"], each["from"], each["to"])
            for label in (each["from"], each["to"]):
                self.nodes.setdefault(label, None)
        self.keys.update(source.get("propertyKeys") or ())

    def text(self, text: str) -> None:
        """The text of a schema as in prompts: `- **Label**`, "- `key`: TYPE", `(:A)-[:T]->(:B)`,
        or `Label {key: TYPE, …}`."""
        table = self.nodes
        name = ""
        for line in text.splitlines():
            stripped = line.strip()
            lowered = stripped.lower()
            if "relationship propert" in lowered or lowered.startswith("rel propert"):
                table = self.relationships
            elif "node propert" in lowered:
                table = self.nodes
            for start, type_name, end in _CONNECTION.findall(stripped):
                self.nodes.setdefault(start, {})
                self.nodes.setdefault(end, {})
                self.add(self.relationships, type_name, {})
                self.connect(type_name, start, end)
            if match := _HEADING.match(stripped):
                name = match[1]
                self.add(table, name, {})
            elif name and (match := _PROPERTY.match(stripped)):
                self.add(table, name, {match[1]: match[2]})
            elif match := _INLINE.match(stripped):
                pairs = _PAIR.findall(match[2])
                self.add(table, match[1], dict(pairs))

    def index(self, each: Mapping[str, Any], kind: str) -> None:
        label = each.get("label") or next(iter(each.get("labelsOrTypes") or ()), "")
        kind = "UNIQUE" if kind.upper() in ("UNIQUENESS", "UNIQUE") else kind.upper()
        self.indexes.append(Index(str(label), tuple(each.get("properties") or ()), kind))


_CONNECTION = re.compile(r"\(:`?([^)`]+)`?\)-\[:`?([^\]`]+)`?\]->\(:`?([^)`]+)`?\)")
_HEADING = re.compile(r"[-*]?\s*\*\*`?([^`*]+)`?\*\*")
_PROPERTY = re.compile(r"[-*]\s*`?([^`:]+)`?\s*:\s*(\w+)")
_INLINE = re.compile(r"[-*]?\s*:?`?(\w+)`?\s*\{(.*)\}")
_PAIR = re.compile(r"`?(\w+)`?\s*:\s*(\w+)")


def _several(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _named(properties: Any) -> Mapping[str, Any]:
    """Properties as a mapping from names to type names."""
    if isinstance(properties, Mapping):
        return {
            key: value.get("type") if isinstance(value, Mapping) else value
            for key, value in properties.items()
        }
    return {
        each if isinstance(each, str) else each["name"]: (
            "" if isinstance(each, str) else each.get("type", "")
        )
        for each in properties
    }
