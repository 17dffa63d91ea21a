"""Reads an answer as NornicDB's chat handler does, and says what comes of it.

The handler takes the text from the first `{` to the last `}` and parses it as JSON; what is no
action goes to the user as text. While it streams, it holds everything back from the moment that
the text begins with `{`: if no action comes of it, the user sees nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Literal

from attrs import field, frozen

from heimdall_eval_actions.catalogue import ACTIONS, MOST_CYPHER

Kind = Literal["action", "unknown_action", "missing_parameter", "text", "empty"]


@frozen
class Reply:
    """What the handler makes of an answer."""

    kind: Kind
    action: str = ""
    params: Mapping[str, Any] = field(factory=dict)
    why: str = ""


def read_answer(answer: str, *, streaming: bool = True, known: Collection[str] = ()) -> Reply:
    """What comes of an answer. `known` are actions beside NornicDB's own."""
    text = answer.strip()
    if not text:
        return Reply("empty", why="the answer is empty")
    call, why = _call(text)
    if call is None:
        if streaming and text.startswith("{"):
            return Reply("empty", why=f"begins with '{{' and is no action ({why}): not shown")
        return Reply("text", why=why)
    name, params = call
    if name not in ACTIONS and name not in known:
        return Reply("unknown_action", name, params, f"there is no action '{name}'")
    for wanted in ACTIONS[name].required if name in ACTIONS else ():
        value = params.get(wanted)
        if not isinstance(value, str) or not value:
            why = f"Missing required parameter: {wanted}"
            return Reply("missing_parameter", name, params, why)
    cypher = params.get("cypher")
    if name == "heimdall.watcher.query" and len(str(cypher)) > MOST_CYPHER:
        return Reply("missing_parameter", name, params, f"cypher is over {MOST_CYPHER} characters")
    return Reply("action", name, params)


def _call(text: str) -> tuple[tuple[str, dict[str, Any]] | None, str]:
    """Name and parameters of the action in a text; or None, and why there is none."""
    first, last = text.find("{"), text.rfind("}")
    if first < 0:
        return None, "no JSON"
    if last < first:
        return None, "no closing brace"
    try:
        found = json.loads(text[first : last + 1], parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return None, f"not valid JSON: {error}"
    if not isinstance(found, dict):
        return None, "no JSON object"
    name, params = _field(found, "action"), _field(found, "params")
    if not isinstance(name, str) or not name:
        return None, "no 'action'"
    if params is None:
        return (name, {}), ""
    if not isinstance(params, dict):
        return None, "'params' is no object"
    return (name, params), ""


def _field(found: Mapping[str, Any], name: str) -> Any:
    """A field as Go reads it: the exact name first, then whatever its case."""
    if name in found:
        return found[name]
    return next((value for key, value in found.items() if key.lower() == name), None)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
