"""The system prompt as the server's source builds it: templates, actions, examples.

The builder functions are read as what they are, a row of `WriteString` calls with an `if` or a
`for` around some, and become a template that is rendered without the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from heimdall_repo_nornicdb.checkout.files import Files
from heimdall_repo_nornicdb.checkout.golang import (
    Token,
    arguments,
    calls,
    closing,
    function_body,
    joined_string,
    tokens,
)

TYPES = "pkg/heimdall/types.go"
HANDLER = "pkg/heimdall/handler.go"
ACTIONS = "pkg/heimdall/plugin.go"
PLUGINS = "plugins/heimdall"


@frozen
class Text:
    """Literal text."""

    text: str


@frozen
class Slot:
    """A value that is put in as it stands."""

    name: str


@frozen
class Block:
    """Parts that are written once if `name` is not empty, or (`each`) for every item of it."""

    name: str
    each: bool
    parts: tuple[Part, ...]


Part = Text | Slot | Block


@frozen
class Action:
    """An action that the model may ask for."""

    name: str
    """Full: `heimdall.watcher.status`."""
    description: str
    category: str


@frozen
class PromptExample:
    """A line of the prompt's examples."""

    says: str
    answer: str
    """JSON, as the prompt shows it."""


@frozen
class PromptSource:
    """What the handler makes its system message of."""

    full: tuple[Part, ...]
    minimal: tuple[Part, ...]
    category_format: str
    action_format: str
    category_end: str
    knowledge: tuple[str, ...]
    """Formats of the Watcher's knowledge block, in the order in which it writes them."""
    examples: tuple[PromptExample, ...]
    watcher_examples: tuple[PromptExample, ...]
    actions: tuple[Action, ...]
    """Of the server itself."""
    watcher_actions: tuple[Action, ...]


def read_prompts(files: Files) -> PromptSource | None:
    """The prompt's source, or None, noted, where the checkout does not have it in this form."""
    types, handler, actions = (files.read(p) for p in (TYPES, HANDLER, ACTIONS))
    if types is None or handler is None or actions is None:
        return None
    typed, handled, acting = (tokens(f.text) for f in (types, handler, actions))
    constants = _constants(typed)
    full = _builder(function_body(typed, "buildFullPrompt"), constants)
    minimal = _builder(function_body(typed, "buildMinimalPrompt"), constants)
    formats = _strings(function_body(acting, "ActionPrompt"))
    if not full or not minimal or [f.count("%s") for f in formats[-3:]] != [1, 2, 0]:
        files.note(f"{TYPES}: the system prompt is not built as known; no action rows from here")
        return None
    watcher: list[Action] = []
    watcher_examples: list[PromptExample] = []
    knowledge: tuple[str, ...] = ()
    for file in files.walk(".go"):
        if not file.path.startswith(f"{PLUGINS}/") or file.path.endswith("_test.go"):
            continue
        found = tokens(file.text)
        names = [t.text for t in function_body(found, "Name") if t.kind == "string"]
        if not names:
            continue
        watcher += _plugin_actions(function_body(found, "Actions"), names[0])
        watcher_examples += _examples(function_body(found, "PrePrompt"))
        knowledge = knowledge or tuple(
            _strings(function_body(found, "performGraphRAG"), "WriteString")
        )
    return PromptSource(
        full=full,
        minimal=minimal,
        category_format=formats[-3],
        action_format=formats[-2],
        category_end=formats[-1],
        knowledge=knowledge,
        examples=tuple(_examples(function_body(handled, "defaultExamples"))),
        watcher_examples=tuple(watcher_examples),
        actions=tuple(_builtin_actions(function_body(acting, "BuiltinActions"))),
        watcher_actions=tuple(watcher),
    )


def render(parts: Sequence[Part], values: Mapping[str, Any]) -> str:
    """The text of a template. A block's items are mappings of their own slots."""
    written = []
    for part in parts:
        if isinstance(part, Text):
            written.append(part.text)
        elif isinstance(part, Slot):
            written.append(str(values[part.name]))
        elif part.each:
            written += [render(part.parts, {**values, **item}) for item in values[part.name]]
        elif values[part.name]:
            written.append(render(part.parts, values))
    return "".join(written)


def _constants(found: Sequence[Token]) -> dict[str, str]:
    """String constants and variables of a file: `const Name = "…"`."""
    constants = {}
    for at in range(len(found) - 2):
        if (
            found[at].kind == "name"
            and found[at + 1].text == "="
            and found[at + 2].kind == "string"
        ):
            constants[found[at].text] = found[at + 2].text
    return constants


def _builder(body: Sequence[Token], constants: Mapping[str, str]) -> tuple[Part, ...]:
    """The template of a function that fills a strings.Builder."""
    parts: list[Part] = []
    at = 0
    while at < len(body):
        text = body[at].text
        if body[at].kind == "name" and text in ("if", "for"):
            brace = next((i for i in range(at, len(body)) if body[i].text == "{"), len(body))
            end = closing(body, brace)
            inner = _builder(body[brace + 1 : end], constants)
            # `p.Field` in the condition or the range is what the block depends on.
            fields = [
                body[i + 1].text
                for i in range(at, brace - 1)
                if body[i].text == "." and body[i].kind == "mark"
            ]
            if fields and inner:
                parts.append(Block(fields[0], text == "for", inner))
            at = end
        elif text == "WriteString" and body[at].kind == "name":
            parts += _written(arguments(body, at + 1), constants)
            at = closing(body, at + 1)
        at += 1
    return tuple(parts)


def _written(found: list[Sequence[Token]], constants: Mapping[str, str]) -> list[Part]:
    [expression] = found if len(found) == 1 else [()]
    literal = joined_string(expression)
    if literal is not None:
        return [Text(literal)]
    texts = [t.text for t in expression]
    if texts[:4] == ["fmt", ".", "Sprintf", "("]:
        form, *given = arguments(expression, 3)
        pieces = (joined_string(form) or "").replace("%%", "%").split("%s")
        slots = [Slot(part[-1].text) for part in given]
        parts: list[Part] = [Text(pieces[0])]
        for slot, piece in zip(slots, pieces[1:], strict=False):
            parts += [slot, Text(piece)]
        return parts
    if len(texts) == 1 and texts[0] in constants:
        return [Text(constants[texts[0]])]
    return [Slot(texts[-1])] if texts else []


def _strings(body: Sequence[Token], writer: str = "") -> list[str]:
    """String literals of a body in their order; those inside calls of `writer` alone, if given."""
    if not writer:
        return [t.text for t in body if t.kind == "string"]
    found = []
    for at, token in enumerate(body):
        if token.text == writer and token.kind == "name":
            inside = body[at + 1 : closing(body, at + 1)]
            found += [t.text for t in inside if t.kind == "string"][:1]
    return found


def _examples(body: Sequence[Token]) -> list[PromptExample]:
    """`UserSays: "…", ActionJSON: "…"` pairs, in their order."""
    found = []
    for at in range(len(body) - 6):
        names = (body[at].text, body[at + 4].text)
        if (
            names == ("UserSays", "ActionJSON")
            and body[at + 2].kind == body[at + 6].kind == "string"
        ):
            found.append(PromptExample(body[at + 2].text, body[at + 6].text))
    return found


def _fields(part: Sequence[Token]) -> dict[str, str]:
    """`Name: "text"` fields of a composite literal."""
    return {
        part[i].text: part[i + 2].text
        for i in range(len(part) - 2)
        if part[i].kind == "name" and part[i + 1].text == ":" and part[i + 2].kind == "string"
    }


def _builtin_actions(body: Sequence[Token]) -> list[Action]:
    found = []
    for at, token in enumerate(body):
        if token.text == "Name" and body[at + 1 : at + 2] and body[at + 1].text == ":":
            fields = _fields(body[at : at + 12])
            if "Name" in fields:
                found.append(
                    Action(
                        fields["Name"], fields.get("Description", ""), fields.get("Category", "")
                    )
                )
    return found


def _plugin_actions(body: Sequence[Token], plugin: str) -> list[Action]:
    found = []
    for at in range(len(body) - 2):
        if body[at].kind == "string" and body[at + 1].text == ":" and body[at + 2].text == "{":
            fields = _fields(body[at + 2 : closing(body, at + 2)])
            if "Description" in fields:
                name = f"heimdall.{plugin}.{body[at].text}"
                found.append(Action(name, fields["Description"], fields.get("Category", "")))
    return found


def has_calls(body: Sequence[Token], name: str) -> bool:
    """Whether a body calls `name`."""
    return next(calls(body, name), None) is not None
