"""Asking a model in this process: requests that come together are answered together, in a thread
of their own, so that checking goes on beside it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heimdall_core.errors import HeimdallError, ModelError, TeacherFailure
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.prompt import Message, render_prompt, strip_answer
from heimdall_core.registry import Registry
from heimdall_core.teaching import answer_once, plain_messages
from heimdall_core.types import Completion, Json, LoadedModel, TeacherAnswer, TeacherRequest
from heimdall_teach_local.grammar import json_grammar
from heimdall_teach_local.options import LocalOptions

_Waiting = tuple[Json, "asyncio.Future[TeacherAnswer]"]


def answer(messages: Sequence[Any], options: LocalOptions) -> TeacherAnswer:
    """One answer."""
    return answer_once(open_session, messages, options)


def open_session(options: LocalOptions) -> LocalSession:
    """The model, loaded. Raises `ModelError` where there is none."""
    if not options.model:
        raise ModelError(
            "no model is named", where="teacher local", hint="give a GGUF or a model directory"
        )
    path = Path(options.model)
    registry = Registry()
    cypher = _cypher_grammar(registry, options.grammar) if options.grammar else ""
    model = open_model(registry, path, options.runtime or None, options.threads)
    try:
        can_follow = (options.structured or bool(cypher)) and follows_grammars(model)
        if cypher and not can_follow:
            raise ModelError(
                "the runtime of this model cannot follow a grammar",
                where=str(path),
                hint="export it as GGUF, or leave `grammar` out",
            )
        return LocalSession(model, fingerprint(path), options, can_follow, cypher)
    except BaseException:
        model.close()
        raise


def follows_grammars(model: LoadedModel) -> bool:
    """Whether the model's runtime can hold it to a grammar."""
    try:
        model.generate(["?"], max_new_tokens=1, grammar="root ::= [a-zA-Z0-9 ]+")
    except HeimdallError:
        return False
    return True


def _cypher_grammar(registry: Registry, variant: str) -> str:
    language = registry.language("cypher")
    if language.grammar is None:
        raise ModelError("the language 'cypher' has no grammar", where="teacher local")
    return language.grammar(variant, None)


def fingerprint(path: Path) -> str:
    """Changes with the weights: the same name may hold another model tomorrow."""
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            digest.update(hashlib.file_digest(source, "sha256").digest())
    return digest.hexdigest()[:16]


class LocalSession:
    """One model and the requests that wait for it."""

    free = True
    """Whether its answers cost nothing."""

    def __init__(
        self,
        model: LoadedModel,
        weights: str,
        options: LocalOptions,
        can_follow: bool = False,
        cypher: str = "",
    ) -> None:
        self._model, self._weights, self._batch = model, weights, options.batch
        self.structured = can_follow and options.structured
        self._cypher = cypher
        self.model = f"{Path(options.model).name}@{weights}"
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    def render(self, request: TeacherRequest) -> Json:
        """The messages and settings, with the fingerprint of the weights for a name."""
        body: dict[str, Any] = {
            "model": self._weights,
            "messages": plain_messages(request.messages),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.sample,
        }
        if request.answer_schema is not None and self.structured:
            body["grammar"] = json_grammar(request.answer_schema)
        elif self._cypher:
            body["grammar"] = self._cypher
        return body

    async def send(self, rendered: Json) -> TeacherAnswer:
        """Waits for its turn in a batch."""
        future: asyncio.Future[TeacherAnswer] = asyncio.get_running_loop().create_future()
        self._waiting.append((rendered, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Frees the model."""
        if self._task is not None:
            await self._task
        self._model.close()

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whoever asks in the same turn of the loop comes along
            first = _settings(self._waiting[0][0])
            batch: list[_Waiting] = []
            rest: list[_Waiting] = []
            for each in self._waiting:
                fits = len(batch) < self._batch and _settings(each[0]) == first
                (batch if fits else rest).append(each)
            self._waiting = rest
            try:
                found = await asyncio.to_thread(self._answers, [body for body, _ in batch])
            except HeimdallError as error:
                failure = TeacherFailure("request", error.message)
                for _, future in batch:
                    if not future.done():
                        future.set_exception(failure)
                continue
            for (_, future), answer_ in zip(batch, found, strict=True):
                if not future.done():
                    future.set_result(answer_)

    def _answers(self, bodies: Sequence[Json]) -> list[TeacherAnswer]:
        prompts = [
            render_prompt([Message(each["role"], each["content"]) for each in body["messages"]])
            for body in bodies
        ]
        found = self._model.generate(
            prompts,
            max_new_tokens=bodies[0]["max_tokens"],
            temperature=bodies[0]["temperature"],
            seed=bodies[0]["seed"],
            grammar=bodies[0].get("grammar", ""),
        )
        return [
            self._answer(prompt, completion)
            for prompt, completion in zip(prompts, found, strict=True)
        ]

    def _answer(self, prompt: str, completion: Completion) -> TeacherAnswer:
        return TeacherAnswer(
            strip_answer(completion.text),
            prompt_tokens=len(self._model.tokenize(prompt)),
            answer_tokens=completion.tokens,
            finish="stop" if completion.finish == "stop" else "length",
        )


def _settings(body: Json) -> tuple[Any, ...]:
    return (body["max_tokens"], body["temperature"], body["seed"], body.get("grammar", ""))
