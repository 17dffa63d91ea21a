"""The system message as NornicDB's handler makes it, for rows that train what is served.

The order of categories and of the actions in them is that of a Go map: another one at every
request, so callers pass a random stream. The prompt is not cut here: what a server with a small
batch attends to is `tail`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from heimdall_repo_nornicdb.checkout.prompts import Action, PromptExample, PromptSource, render

#: Estimated tokens per byte, and the budget over which the handler falls back to its short prompt.
TOKENS_PER_BYTE = 0.25
MAX_SYSTEM_TOKENS = 6000

#: Words that a message begins with when the Watcher looks nothing up for it.
NO_LOOKUP = ("status", "metrics", "health", "config", "hello", "hi", "help")

_HIDDEN = frozenset({"embedding", "id", "created_at", "updated_at"})


@frozen
class Related:
    """A neighbour of a result in the knowledge block."""

    label: str
    title: str
    relationship: str
    outgoing: bool


@frozen
class Result:
    """A hit of the Watcher's search."""

    label: str
    title: str
    preview: str
    properties: Mapping[str, Any]
    related: tuple[Related, ...] = ()


def looks_up(message: str) -> bool:
    """Whether the Watcher searches the graph for a message: five bytes or more, no system word."""
    return len(message.encode()) >= 5 and not message.lower().startswith(NO_LOOKUP)


def catalogue(source: PromptSource, actions: Sequence[Action], order: random.Random) -> str:
    """The list of actions, categories and actions each in a random order."""
    by_category: dict[str, list[Action]] = {}
    for action in order.sample(actions, len(actions)):
        by_category.setdefault(action.category or "general", []).append(action)
    written = []
    for category in order.sample(sorted(by_category), len(by_category)):
        written.append(source.category_format.replace("%s", category, 1))
        for action in by_category[category]:
            line = source.action_format.replace("%s", "\0", 1).replace("%s", "\1", 1)
            written.append(line.replace("\0", action.name).replace("\1", action.description))
        written.append(source.category_end)
    return "".join(written)


def knowledge_block(source: PromptSource, results: Sequence[Result]) -> str:
    """What the Watcher adds for the results of its search; empty without any, and where the
    checkout writes the block in another form than the known one."""
    if not results or len(source.knowledge) != 13:
        return ""
    head, intro, hit, content, properties, entry, related, more, relation, gap, *end = (
        source.knowledge
    )
    written = [head, intro]
    for number, result in enumerate(results, 1):
        written.append(_go(hit, number, result.label, result.title))
        if result.preview:
            written.append(_go(content, result.preview))
        shown = {k: v for k, v in result.properties.items() if k not in _HIDDEN}
        if result.properties:
            written.append(properties)
            written += [_go(entry, key, _cut(value)) for key, value in shown.items()]
        if result.related:
            written.append(related)
            for at, other in enumerate(result.related):
                if at >= 3:
                    written.append(_go(more, len(result.related) - 3))
                    break
                arrow = "→" if other.outgoing else "←"
                written.append(_go(relation, arrow, other.label, other.title, other.relationship))
        written.append(gap)
    return "".join((*written, *end))


def system_message(
    source: PromptSource,
    order: random.Random,
    *,
    watcher: bool,
    knowledge: str = "",
    max_system_tokens: int = MAX_SYSTEM_TOKENS,
) -> str:
    """The system message of one request, in full or, over the budget, in the short form."""
    actions = (*source.actions, *(source.watcher_actions if watcher else ()))
    examples: tuple[PromptExample, ...] = source.examples
    if watcher:
        examples = (*examples, *source.watcher_examples)
    values = {
        "ActionPrompt": catalogue(source, actions, order),
        "AdditionalInstructions": knowledge if watcher else "",
        "Examples": [{"UserSays": e.says, "ActionJSON": e.answer} for e in examples],
    }
    full = render(source.full, values)
    if int(len(full.encode()) * TOKENS_PER_BYTE) <= max_system_tokens:
        return full
    return render(source.minimal, values)


def tail(message: str, size: int) -> str:
    """The last `size` bytes of a message at most, cut between characters."""
    return message.encode()[-size:].decode("utf-8", "ignore") if size > 0 else ""


def action_json(action: str, params: Mapping[str, Any] | None = None) -> str:
    """An answer as the handler parses it, in the form of the prompt's examples."""
    return json.dumps({"action": action, "params": dict(params or {})}, ensure_ascii=False)


def parse_action(answer: str) -> tuple[str, Mapping[str, Any]] | None:
    """What the handler reads from an answer: action and parameters, or None where it shows the
    answer as text. It parses from the first brace to the last."""
    text = answer.strip()
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end <= start:
        return None
    try:
        found = json.loads(text[start : end + 1])
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    action, params = found.get("action"), found.get("params") or {}
    if not isinstance(action, str) or not action or not isinstance(params, dict):
        return None
    return action, params


def _go(form: str, *values: object) -> str:
    """A Go format with plain verbs, filled."""
    for value in values:
        at = form.index("%")
        form = f"{form[:at]}{str(value).replace('%', chr(0))}{form[at + 2 :]}"
    return form.replace(chr(0), "%")


def _cut(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and len(value.encode()) > 200:
        return value.encode()[:200].decode("utf-8", "ignore") + "..."
    return value
