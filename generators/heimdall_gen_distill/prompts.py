"""What teachers are told: files with slots and a version."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen, validators

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.prompt import Message, messages_for
from heimdall_core.structure import structure
from heimdall_gen_distill.words import is_unicode, short_hash

TASKS = ("answer", "questions", "paraphrase", "explain", "evolve", "repair")
#: Slots without which every prompt would be the same request.
ESSENTIAL = {
    "answer": ("question",),
    "questions": ("query",),
    "paraphrase": ("question",),
    "explain": ("query",),
    "evolve": ("question", "query"),
    "repair": ("query", "finding"),
    "judge": ("question", "query"),
}
SLOTS = ("question", "query", "schema", "dialect", "finding", "description")
_SLOT = re.compile(r"\{(\w+)\}")


@frozen
class Prompt:
    """A prompt file."""

    name: str
    """What it is called in provenance; by default the task."""
    version: str = field(validator=validators.min_len(1))
    """Changed with its text: rows say which one they come from."""
    answer: Mapping[str, str]
    """Fields of the answer, each with what it holds."""
    system: str
    """System message, with `{slots}`."""
    user: str
    """User's message, with `{slots}`."""
    summary: str = ""
    """One line."""

    @property
    def label(self) -> str:
        """`answer@1`."""
        return f"{self.name}@{self.version}"

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the answer."""
        kinds = {name: "integer" if name == "score" else "string" for name in self.answer}
        return {
            "type": "object",
            "properties": {
                name: {"type": kinds[name], "description": text}
                for name, text in self.answer.items()
            },
            "required": list(self.answer),
            "additionalProperties": False,
        }

    def messages(self, values: Mapping[str, str], *, structured: bool) -> tuple[Message, ...]:
        """The conversation. A teacher that cannot be held to a schema is asked for JSON, or, where
        one field is all there is, for that alone."""
        system = _filled(self.system, values).strip()
        if structured or len(self.answer) > 1:
            fields = ", ".join(f'"{name}": …' for name in self.answer)
            system += f"\n\nAnswer with one JSON object and nothing else: {{{fields}}}"
        user = _filled(self.user, values).strip()
        return (Message("system", system), Message("user", user))

    def read(self, text: str, *, structured: bool) -> dict[str, str] | None:
        """The fields of an answer; None where it has another form."""
        if not structured and len(self.answer) == 1:
            (name,) = self.answer
            return {name: text.strip()} if text.strip() else None
        return read_fields(text, self.answer)


def plain_messages(question: str, given: str = "") -> tuple[Message, ...]:
    """The question by itself, as a model that was trained for it is asked."""
    return messages_for(question, given)


def read_fields(text: str, fields: Mapping[str, str]) -> dict[str, str] | None:
    """The object in an answer, if it has exactly the fields that were asked for."""
    body = text.strip()
    if fence := re.match(r"```(?:json)?\s*\n(.*?)\n?```\s*\Z", body, re.DOTALL):
        body = fence[1].strip()
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or set(data) != set(fields):
        return None
    found = {}
    for name, value in data.items():
        if name == "score" and type(value) is int:
            value = str(value)
        if not isinstance(value, str) or not value.strip() or not is_unicode(value):
            return None
        found[name] = value.strip()
    return found


def load_prompt(task: str, own: str = "") -> Prompt:
    """The prompt of a task, or the user's own file in its place."""
    if own:
        path = Path(own)
        try:
            text, where = path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise HeimdallError(f"cannot be read: {error}", where=own) from error
    else:
        known = (*TASKS, "judge")
        if task not in known:
            raise HeimdallError(f"unknown task '{task}'", hint=did_you_mean(task, known))
        text, where = source(task), f"{task}.toml"
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HeimdallError(f"not valid TOML: {error}", where=where) from error
    prompt = structure(data, Prompt, where)
    slots = {*_SLOT.findall(prompt.system), *_SLOT.findall(prompt.user)}
    for name in sorted(slots - set(SLOTS)):
        raise HeimdallError(f"unknown slot '{name}'", where=where, hint=did_you_mean(name, SLOTS))
    for name in ESSENTIAL[task]:
        if name not in slots:
            raise HeimdallError(
                f"the slot {{{name}}} is missing",
                where=where,
                hint=f"without it the task '{task}' would ask the same for every prompt",
            )
    if not own:
        return prompt
    usual = load_prompt(task)
    if set(prompt.answer) != set(usual.answer):
        raise HeimdallError(
            f"the answer of the task '{task}' has the fields {', '.join(sorted(usual.answer))}",
            where=where,
        )
    if prompt.label == usual.label and prompt != usual:
        # Rows must not say that they come from a text that was not used.
        return evolve(prompt, version=f"{prompt.version}+{short_hash(text)[:8]}")
    return prompt


def source(task: str) -> str:
    """The built-in file of a task."""
    return (files(__package__) / "prompts" / f"{task}.toml").read_text(encoding="utf-8")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """In one pass: what stands in a value is no slot."""
    return _SLOT.sub(lambda found: values.get(found[1], ""), text)
