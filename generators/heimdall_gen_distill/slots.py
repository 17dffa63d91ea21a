"""What a teacher is sent for a prompt."""

from __future__ import annotations

from collections.abc import Mapping

from heimdall_core.prompt import Message
from heimdall_core.types import Json, TeacherRequest, TeacherSession
from heimdall_gen_distill.items import Item, schema_text
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prompts import Prompt, plain_messages
from heimdall_gen_distill.words import plain_query
from heimdall_lang_cypher.describe import describe
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError


class Requests:
    """Fills the slots of prompts."""

    def __init__(self, options: DistillOptions, schemas: Mapping[str, Json], main: Prompt) -> None:
        self._options, self._schemas, self._main = options, schemas, main
        self._texts: dict[str, str] = {}

    def first(self, item: Item, session: TeacherSession, number: int = 0) -> TeacherRequest:
        """What a prompt asks first, for the answer of that number."""
        return self.make(self._main, item, self.values(item), session, self.sample(number))

    def make(
        self,
        prompt: Prompt,
        item: Item,
        values: Mapping[str, str],
        session: TeacherSession,
        sample: int,
    ) -> TeacherRequest:
        """A request; `sample` tells several answers to it apart."""
        messages: tuple[Message, ...]
        if self.is_plain(prompt):
            messages, schema = plain_messages(item.question or item.query, item.given), None
        else:
            messages = prompt.messages(values, structured=session.structured)
            schema = prompt.schema if session.structured else None
        return TeacherRequest(
            messages,
            max_tokens=self._options.max_tokens,
            # Only the answers of a vote are to differ.
            temperature=self._options.heat if prompt is self._main else 0.0,
            sample=sample,
            answer_schema=schema,
        )

    def is_plain(self, prompt: Prompt) -> bool:
        """Whether the bare question is asked in place of this prompt."""
        return self._options.plain and prompt is self._main

    def sample(self, number: int) -> int:
        """The sample of a vote's answer by its place; 0 where there is no vote."""
        return number + 1 if self._options.samples > 1 else 0

    def values(self, item: Item) -> dict[str, str]:
        """What the slots hold."""
        query = plain_query(item.query)
        values = {
            "question": item.question,
            "query": query,
            "schema": self._schema_text(item),
            "dialect": self._options.dialect,
            "finding": item.finding,
            "description": "",
        }
        if self._options.task == "questions":
            try:
                values["description"] = describe(query)
            except CypherSyntaxError:
                values["description"] = "(none)"
        return values

    def _schema_text(self, item: Item) -> str:
        if item.given:
            return f"{item.given}\n\n"
        if item.schema not in self._texts:
            known = self._schemas.get(item.schema)
            self._texts[item.schema] = f"Schema:\n{schema_text(known)}\n\n" if known else ""
        return self._texts[item.schema]
