"""Answers many prompts in one llama.cpp context: as soon as one answer is finished, the next
prompt takes its place in the batch. What all prompts begin with (a system prompt) is computed
once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Final

from attrs import define, field

from heimdall_run_llamacpp.log import Log
from heimdall_run_llamacpp.native import Batch, NativeModel
from heimdall_run_llamacpp.picking import Picker

#: Tokens that prompts must have in common before sharing them pays: in a shared cache every token
#: looks at every other answer's part of it, to find that it must not.
_WORTH_SHARING: Final = 64


@define
class Answer:
    """One answer as it grows."""

    prompt: Sequence[int]
    limit: int
    """Tokens it may have, the end token included; at least 1."""
    pick: Picker
    tokens: list[int] = field(factory=list)
    stopped: bool = False
    """The last token is a stop token."""
    seconds: float = 0.0
    """From the moment that its prompt was begun."""
    cached: int = 0
    """Tokens of prompt and answer that lie in the cache."""
    started: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether it gets no further token."""
        return self.stopped or len(self.tokens) >= self.limit

    @property
    def most(self) -> int:
        """Tokens of prompt and answer at their longest."""
        return len(self.prompt) + self.limit

    def add_pending(self, batch: Batch, place: int, room: int) -> bool:
        """Puts up to `room` tokens that are not yet in the cache into the batch; whether that
        was all of them, so that the next one can be picked."""
        rest = self.tokens[-1:] or self.prompt[self.cached :]
        part = rest[:room]
        whole = len(part) == len(rest)
        batch.add(part, self.cached, place, wanted=int(whole))
        self.cached += len(part)
        return whole

    def take(self, token: int, stop: frozenset[int]) -> None:
        """Appends the token that was picked."""
        self.tokens.append(token)
        self.stopped = token in stop
        self.seconds = time.perf_counter() - self.started


def run(
    native: NativeModel,
    answers: Sequence[Answer],
    log: Log,
    *,
    parallel: int,
    stop: frozenset[int],
    on_token: Callable[[Answer], None] = lambda answer: None,
) -> None:
    """Completes every answer, `parallel` at a time; `on_token` is called after each token.

    Answers do not depend on `parallel`, up to the last bits of a logit: llama.cpp adds in another
    order for another batch.
    """
    if not answers:
        return
    parallel = min(parallel, len(answers))
    common = _open_cache(native, answers, parallel, log)
    queue = sorted(answers, key=lambda answer: -len(answer.prompt))
    places: list[Answer | None] = [None] * parallel
    while queue or any(places):
        for place, answer in enumerate(places):
            if answer is None and queue:
                places[place] = answer = queue.pop()
                answer.started = time.perf_counter()
                if common:
                    native.copy(parallel, place)
                    answer.cached = common
        batch = Batch()
        picking = [
            (place, answer)
            for place, answer in enumerate(places)
            if answer and answer.add_pending(batch, place, native.batch_size - len(batch))
        ]
        for (place, answer), logits in zip(picking, native.decode(batch, log), strict=True):
            answer.take(answer.pick(logits), stop)
            on_token(answer)
            if answer.finished:
                native.forget(place)
                places[place] = None


def _open_cache(native: NativeModel, answers: Sequence[Answer], parallel: int, log: Log) -> int:
    """Makes room for `parallel` answers; the length of the beginning that all share, which then
    lies in the cache as sequence number `parallel`."""
    needs = sorted((answer.most for answer in answers), reverse=True)[:parallel]
    prompts = [answer.prompt for answer in answers]
    # The last token of a prompt is never shared: its logits are wanted for each.
    common = min(_common_start(prompts), min(map(len, prompts)) - 1)
    if len(answers) > 1 and common >= _WORTH_SHARING:
        native.prepare(parallel + 1, sum(needs) - (parallel - 1) * common, shared=True)
        for start in range(0, common, native.batch_size):
            batch = Batch()
            batch.add(prompts[0][start : min(common, start + native.batch_size)], start, parallel)
            native.decode(batch, log)
        return common
    # Where a few prompts are far longer than the rest, one cache for all is much smaller.
    uneven = 2 * sum(needs) < parallel * needs[0]
    native.prepare(parallel, sum(needs) if uneven else needs[0], shared=uneven)
    return 0


def _common_start(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with."""
    low, high = min(prompts, key=list), max(prompts, key=list)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
