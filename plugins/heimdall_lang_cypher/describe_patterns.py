"""Graph patterns in English: `a Person p whose name is 'Ada', which has an outgoing KNOWS
relationship to a Person q`."""

from __future__ import annotations

from collections.abc import Callable

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.describe_expressions import code, joined, plain

Describe = Callable[[ast.Expression], str]


def path_text(node: ast.PathPattern | ast.ShortestPath, seen: set[str], of: Describe) -> str:
    """A path. `seen` holds the variables that were introduced; new ones are added."""
    if isinstance(node, ast.ShortestPath):
        which = "all shortest paths" if node.all else "one shortest path"
        return f"{which} along {path_text(node.path, seen, of)}"
    if any(isinstance(each, ast.ParenthesisedPath) for each in node.elements):
        return f"the pattern {code(node)}"
    texts: list[str] = []
    for each in node.elements:
        if isinstance(each, ast.NodePattern):
            texts.append(_node(each, seen, of))
        elif isinstance(each, ast.RelationshipPattern):
            texts.append(_relationship(each, seen, of))
    # Node, relationship and its preposition, node, …
    text = texts[0]
    for at in range(1, len(texts) - 1, 2):
        text += f"{', which has' if at == 1 else ', which in turn has'} {texts[at]} {texts[at + 1]}"
    return text


def part_text(part: ast.PatternPart, seen: set[str], of: Describe) -> str:
    """One of the patterns of a clause."""
    if part.selector is not None:
        return f"the pattern {code(part)}"
    text = path_text(part.path, seen, of)
    if part.variable is not None:
        seen.add(part.variable.name)
        return f"the path {plain(part.variable)} of {text}"
    return text


def labels_text(labels: ast.LabelExpression, word: str = "and") -> str:
    """`Person`, `Person and Author`, `Person or Author`."""
    if isinstance(labels, ast.LabelName):
        return plain(labels)
    if isinstance(labels, ast.LabelAnd | ast.LabelOr) and all(
        isinstance(each, ast.LabelName) for each in labels.operands
    ):
        word = "and" if isinstance(labels, ast.LabelAnd) else "or"
        return joined([plain(each) for each in labels.operands], word)
    return code(labels)


def _node(node: ast.NodePattern, seen: set[str], of: Describe) -> str:
    name = plain(node.variable) if node.variable else ""
    known = node.variable is not None and node.variable.name in seen
    if node.variable is not None:
        seen.add(node.variable.name)
    if known:
        text = f"{name}, {_article(labels_text(node.labels))}" if node.labels else name
    elif node.labels:
        text = f"{_article(labels_text(node.labels))} node {name}".rstrip()
    else:
        text = f"a node {name}" if name else "any node"
    return text + _having(node.properties, node.where, of)


def _article(name: str) -> str:
    """`a Person`, `an Order`."""
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


_BEFORE = {"->": "outgoing ", "<-": "incoming ", "--": "", "<->": ""}
_AFTER = {
    "->": "to",
    "<-": "from",
    "--": "in either direction with",
    "<->": "in either direction with",
}


def _relationship(node: ast.RelationshipPattern, seen: set[str], of: Describe) -> str:
    name = plain(node.variable) if node.variable else ""
    if node.variable is not None:
        seen.add(node.variable.name)
    kind = f"{labels_text(node.types)} " if node.types else ""
    before = _BEFORE[node.direction]
    length = _length(node)
    if length:
        text = f"a chain of {length} {before}{kind}relationships {name}".rstrip()
    else:
        article = "an" if before else "a"
        text = f"{article} {before}{kind}relationship {name}".rstrip()
    return f"{text}{_having(node.properties, node.where, of)} {_AFTER[node.direction]}"


def _length(node: ast.RelationshipPattern) -> str:
    if node.quantifier is not None:
        return _range(node.quantifier.lower, node.quantifier.upper)
    if node.length is None:
        return ""
    lower = 1 if node.length.lower is None else node.length.lower
    return _range(lower, node.length.upper)


def _range(lower: int, upper: int | None) -> str:
    if upper is None:
        return f"{lower} or more"
    return f"exactly {lower}" if lower == upper else f"{lower} to {upper}"


def _having(
    properties: ast.MapLiteral | ast.Parameter | None, where: ast.Expression | None, of: Describe
) -> str:
    text = ""
    if isinstance(properties, ast.Parameter):
        text = f" with the properties {plain(properties)}"
    elif properties is not None and properties.entries:
        pairs = [f"{plain(each.key)} is {of(each.value)}" for each in properties.entries]
        text = f" whose {joined(pairs)}"
    return f"{text} (where {of(where)})" if where is not None else text
