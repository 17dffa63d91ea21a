"""One question's way to its answer: cache, model, checker, a second try, templates."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, Final, Literal

from attrs import define, evolve, field, frozen

from heimdall_core.prompt import Message, normalise_text, render_prompt
from heimdall_core.types import CheckRequest, Finding, Json, Language, LoadedModel
from heimdall_serve_llamacpp.fallback import fallback_answer

#: Sampling of the second try: the first was greedy, and would only be repeated.
_SECOND_TEMPERATURE: Final = 0.7

Source = Literal["model", "second try", "template"]


@frozen
class Settings:
    """How questions are answered."""

    max_tokens: int = 512
    temperature: float = 0.0
    dialect: str = ""
    schema: Json | None = None
    grammar: str = ""
    """GBNF that every answer follows; empty for free text."""
    check: bool = True
    """Whether queries in answers are checked, and tried again where they are wrong."""
    fallback: bool = True
    """Whether a template may answer what the model cannot."""
    cache: int = 1000
    """How many answers are remembered."""


@frozen
class Answer:
    """What a question got."""

    text: str
    finish: Literal["stop", "length", "context"]
    tokens: int
    prompt_tokens: int
    seconds: float
    source: Source = "model"
    cached: bool = False
    query: str = ""
    """The query inside; empty for prose."""
    valid: bool | None = None
    """The checker's verdict; None for prose."""
    findings: tuple[Finding, ...] = ()


class LRU:
    """The last answers by conversation; the one unused for longest goes first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = self.misses = 0
        self._kept: OrderedDict[tuple[object, ...], Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: tuple[object, ...]) -> Answer | None:
        """An answer, which is then the newest."""
        if key in self._kept:
            self._kept.move_to_end(key)
            self.hits += 1
            return self._kept[key]
        self.misses += 1
        return None

    def put(self, key: tuple[object, ...], answer: Answer) -> None:
        """Remembers an answer, and forgets the oldest where there is no room."""
        if self.size:
            self._kept[key] = answer
            self._kept.move_to_end(key)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)


@define(eq=False)
class Answerer:
    """Answers conversations with one model. Thread safe: questions wait for each other."""

    model: LoadedModel
    language: Language
    settings: Settings = field(factory=Settings)
    cache: LRU = field(init=False)
    counts: dict[str, int] = field(init=False, factory=dict)
    """How many answers came from where."""
    _lock: Lock = field(init=False, factory=Lock)

    def __attrs_post_init__(self) -> None:
        self.cache = LRU(self.settings.cache)

    def answer(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int = 0,
        on_text: Callable[[str], None] | None = None,
    ) -> Answer:
        """The answer to a conversation. Sampled answers are not remembered.

        Raises `PromptError` for a conversation that cannot be rendered.
        """
        prompt = render_prompt(messages)
        limit = max_tokens or self.settings.max_tokens
        heat = self.settings.temperature if temperature is None else temperature
        key = (prompt, limit)
        with self._lock:
            if heat == 0 and (known := self.cache.get(key)) is not None:
                self._count("cache")
                return evolve(known, cached=True, seconds=0.0)
            started = time.perf_counter()
            found = self._ask(prompt, limit, heat, seed, "model", on_text)
            template = self._template(messages)
            # A system message may ask for something else than queries.
            asked = template is not None and all(m.role != "system" for m in messages)
            if self._failed(found, asked) and on_text is None:
                second = max(heat, _SECOND_TEMPERATURE)
                found = self._ask(prompt, limit, second, seed + 1, "second try", None)
                if template is not None and self._failed(found, asked):
                    found = evolve(found, finish="stop", source="template", **template)
            found = evolve(found, seconds=time.perf_counter() - started)
            self._count(found.source)
            if heat == 0:
                self.cache.put(key, found)
            return found

    def judge(self, text: str) -> tuple[str, bool | None, tuple[Finding, ...]]:
        """The query in an answer, whether it is valid, and what was found in it."""
        query = self.language.extract(text)
        if not query:
            return "", False if self.settings.grammar else None, ()
        request = CheckRequest(dialect=self.settings.dialect, schema=self.settings.schema)
        findings = tuple(self.language.check(query, request))
        return query, not any(f.severity == "error" for f in findings), findings

    def _ask(
        self,
        prompt: str,
        limit: int,
        heat: float,
        seed: int,
        source: Source,
        on_text: Callable[[str], None] | None,
    ) -> Answer:
        [done] = self.model.generate(
            [prompt],
            max_new_tokens=limit,
            temperature=heat,
            seed=seed,
            grammar=self.settings.grammar,
            on_text=on_text,
        )
        query, valid, findings = self.judge(done.text)
        return Answer(
            text=done.text,
            finish=done.finish,
            tokens=done.tokens,
            prompt_tokens=len(self.model.tokenize(prompt)),
            seconds=done.seconds,
            source=source,
            query=query,
            valid=valid,
            findings=findings,
        )

    def _failed(self, answer: Answer, asked: bool) -> bool:
        """Whether an answer is to be tried again: a query that the checker refuses, or none where
        one was asked for."""
        return self.settings.check and (answer.valid is False or (asked and not answer.query))

    def _template(self, messages: Sequence[Message]) -> Mapping[str, Any] | None:
        """What a template answers, where one fits the question and the checker takes it (the
        schema, for example, may have no such label)."""
        if not (self.settings.fallback and self.settings.check):
            return None
        text = fallback_answer(normalise_text(messages[-1].content), self.settings.schema)
        query, valid, findings = self.judge(text) if text else ("", None, ())
        if not valid:
            return None
        return {"text": text, "query": query, "valid": valid, "findings": findings}

    def _count(self, source: str) -> None:
        self.counts[source] = self.counts.get(source, 0) + 1
