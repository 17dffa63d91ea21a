"""GBNF for answers that are JSON objects of texts and numbers: what a runtime holds a model to."""

from __future__ import annotations

import json

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Json

# A line break inside a text is escaped, as JSON has it; an empty text is no answer.
_TEXT = r'"\"" char+ "\""'
_HEX = "[0-9a-fA-F]"
_CHAR = r'[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" ' + " ".join([_HEX] * 4) + ")"
_NUMBER = r'"-"? ("0" | [1-9] [0-9]*)'
_KINDS = {"string": "text", "integer": "number"}


def json_grammar(schema: Json) -> str:
    """The GBNF text for an object with exactly the schema's properties, in their order. Raises
    `HeimdallError` for a property of another type than text or whole number."""
    parts = []
    for name, each in schema.get("properties", {}).items():
        kind = _KINDS.get(each.get("type", ""))
        if kind is None:
            raise HeimdallError(
                f"an answer's field '{name}' is neither a text nor a whole number",
                where="answer_schema",
            )
        parts.append(f'{_literal(json.dumps(name))} ws ":" ws {kind}')
    if not parts:
        raise HeimdallError("an answer needs a field", where="answer_schema")
    fields = ' ws "," ws '.join(parts)
    return "\n".join(
        (
            f'root ::= "{{" ws {fields} ws "}}"',
            f"text ::= {_TEXT}",
            f"char ::= {_CHAR}",
            f"number ::= {_NUMBER}",
            'ws ::= " "?',
            "",
        )
    )


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
