"""How a name or a value is written: in Cypher, in a prompt, and in words."""

from __future__ import annotations

from attrs import frozen

from heimdall_gen_cypher.schema import Node, Property, Relationship, Value, words


@frozen
class Term:
    """What one slot of a template is filled with."""

    code: str
    """In the query: `WindFarm`, `ACTED_IN`, `'Blue Harbour'`."""
    text: str
    """In the prompt, as it stands: `WindFarm`, `ACTED_IN`, `'Blue Harbour'`."""
    words: str = ""
    """In the prompt, spoken: `wind farm`, `acted in`."""
    plural: str = ""
    """In the prompt, spoken, of many: `wind farms`."""


def label_term(node: Node) -> Term:
    """A label."""
    return Term(node.label, node.label, words(node.label), node.plural)


def relationship_term(relationship: Relationship) -> Term:
    """A relationship type."""
    return Term(relationship.type, relationship.type, words(relationship.type))


def property_term(of: Property) -> Term:
    """A property name."""
    return Term(of.name, of.name, words(of.name))


def value_term(value: Value) -> Term:
    """A literal, which prompts show as the query does: the quotes tell where a text ends."""
    return name_term(literal(value))


def name_term(name: str) -> Term:
    """A bare name that prompts give as it stands, such as an index name."""
    return Term(name, name)


def literal(value: Value) -> str:
    r"""A value as Cypher writes it.

    >>> literal("O'Hara"), literal(True), literal(7.5)
    ("'O\\'Hara'", 'true', '7.5')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)
