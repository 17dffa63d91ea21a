"""One request, whatever the server does: from the cache, or sent, waited for, sent again, counted,
and kept."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from heimdall_core.errors import TeacherFailure
from heimdall_core.teaching import plain_messages
from heimdall_core.types import Json, Teacher, TeacherAnswer, TeacherRequest, TeacherSession
from heimdall_gen_distill.budget import Budget
from heimdall_gen_distill.cache import AnswerCache, request_key, request_text, text_key
from heimdall_gen_distill.limits import Gate, Pace
from heimdall_gen_distill.prices import Price
from heimdall_gen_distill.words import is_unicode

_AGAIN = frozenset({"busy", "server", "timeout", "connection", "broken"})
_LONGEST_PAUSE = 60.0
#: Seconds: pauses that are not worth one, and those that the user is told of.
_SHORT, _WORTH_TELLING = 0.002, 5.0
#: So many requests denied one after the other: all of them will be. One alone may be moderation.
_DENIED = 5
#: Tokens that a server may count beyond the bytes of a request.
_MARGIN = 64


@frozen
class Limits:
    """What a teacher may be asked, and how patiently."""

    concurrency: int = 32
    requests_per_minute: float = 0
    tokens_per_minute: float = 0
    attempts: int = 6
    backoff: float = 0.5
    """Seconds before the second try, doubled for each further one."""


@frozen
class Answer:
    """What a teacher answered, and when."""

    text: str
    finish: str
    prompt_tokens: int
    answer_tokens: int
    usd: float
    """What it cost when it was asked, at today's prices."""
    asked: str
    cached: bool
    key: str = ""
    """What it is kept under."""


class Asker:
    """Asks one teacher. `counts` and the budget say what it came to."""

    def __init__(
        self,
        teacher: Teacher,
        session: TeacherSession,
        cache: AnswerCache,
        budget: Budget,
        price: Price,
        limits: Limits,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.teacher, self.session = teacher, session
        self.price, self.limits = price, limits
        self.counts: Counter[str] = Counter()
        """`sent`, `cached`, and each kind of failure."""
        self.gate = Gate(limits.concurrency)
        self._cache, self._budget = cache, budget
        self._requests = Pace(limits.requests_per_minute)
        self._tokens = Pace(limits.tokens_per_minute)
        self._flying: dict[str, asyncio.Future[Answer]] = {}
        #: Refusals are not kept beyond the run, and not asked for twice in it.
        self._refused: dict[str, Answer] = {}
        self._random = random.Random()  # noqa: S311 - jitter
        self.fatal: TeacherFailure | None = None
        self.answered = 0
        """Answers that came, those of the cache not among them."""
        self._denied = 0
        self._tell = tell

    def key(self, request: TeacherRequest) -> str:
        """What the answer to a request is kept under."""
        return request_key(self.teacher.name, self.session.render(request))

    def is_cached(self, request: TeacherRequest) -> bool:
        """Whether asking costs nothing."""
        return self._cache.has(self.key(request))

    def is_late(self) -> bool:
        """Whether the limits would allow more than is asked."""
        paces = [pace for pace in (self._requests, self._tokens) if pace.is_limited]
        return bool(paces) and all(pace.is_late() for pace in paces)

    async def ask(self, request: TeacherRequest) -> Answer:
        """The answer. The same request asked twice at once is sent once. Raises `TeacherFailure`
        and `OutOfBudget`."""
        rendered = self.session.render(request)
        text = request_text(self.teacher.name, rendered)
        key = text_key(text)
        while (flying := self._flying.get(key)) is not None:
            try:
                return await asyncio.shield(flying)
            except asyncio.CancelledError:
                if not flying.cancelled():
                    raise
        if key in self._refused:
            return self._refused[key]
        kept = self._cache.get(key)
        if kept is not None:
            self.counts["cached"] += 1
            return self._answer(key, kept.answer, kept.asked, cached=True)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._flying[key] = future
        try:
            found = await self._insist(key, rendered, len(text) + _MARGIN, request.max_tokens)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # whoever else waits gets it too; nobody has to
            raise
        else:
            if found.finish == "refused":
                self._refused[key] = found
            future.set_result(found)
            return found
        finally:
            del self._flying[key]

    async def _insist(self, key: str, rendered: Json, size: int, max_tokens: int) -> Answer:
        """Sends until there is an answer; `size`: bytes of the request, no fewer than its
        tokens."""
        for attempt in range(1, self.limits.attempts + 1):
            if self.fatal is not None:
                raise self.fatal
            epoch = await self.gate.enter()
            try:
                answer = await self._once(rendered, size, max_tokens, epoch)
            except TeacherFailure as failure:
                self.counts[failure.kind] += 1
                if failure.kind in ("fatal", "denied"):
                    failure = self._refused_all(failure)
                    if failure.kind == "fatal":
                        self.fatal = failure
                    raise failure from None
                if failure.kind not in _AGAIN or attempt == self.limits.attempts:
                    raise
                pause = failure.retry_after
            else:
                asked = self._cache.put(key, self.teacher.name, self.session.model, answer)
                return self._answer(key, answer, asked, cached=False)
            finally:
                self.gate.leave()
            longest = min(self.limits.backoff * 2 ** (attempt - 1), _LONGEST_PAUSE)
            # Not before the server wants it, and not all at the same moment.
            await asyncio.sleep((pause or 0.0) + self._random.uniform(0, longest))
        raise AssertionError("unreachable")

    async def _once(self, rendered: Json, size: int, max_tokens: int, epoch: int) -> TeacherAnswer:
        tokens = size / 4 + max_tokens
        await self._turn(tokens)
        # A token is at least one byte: this is the most that it can cost.
        reserved = await self._budget.reserve(self.price.cost(size, max_tokens))
        self.counts["sent"] += 1
        try:
            answer = await self.session.send(rendered)
        except TeacherFailure as failure:
            self._budget.settle(reserved, reserved if failure.billed else 0.0, known=False)
            if not failure.billed:
                self._tokens.correct(-tokens)
            if failure.kind == "busy" or failure.retry_after:
                self._slow_down(epoch, failure)
            raise
        except BaseException:
            self._budget.settle(reserved, reserved, known=False)
            raise
        if not answer.prompt_tokens and not answer.answer_tokens:
            answer = _guessed(answer, size)
        cost = self.price.cost(answer.prompt_tokens, answer.answer_tokens)
        self._budget.settle(reserved, cost)
        self._tokens.correct(answer.prompt_tokens + answer.answer_tokens - tokens)
        if not answer.text.strip() and answer.finish != "refused":
            raise TeacherFailure("broken", "the answer is empty")
        if not is_unicode(answer.text):
            raise TeacherFailure("broken", "the answer holds half a character")
        self.gate.went_well()
        self.answered += 1
        self._denied = 0
        return answer

    async def _turn(self, tokens: float) -> None:
        """Waits for a turn in which the server is not to be left alone. One that comes while it is
        counts as used: others would come too many at once when it is over."""
        while True:
            wait = max(self._requests.delay(), self._tokens.delay(tokens))
            if wait > _SHORT:
                await asyncio.sleep(wait)
            if not await self.gate.until_open():
                return

    def _slow_down(self, epoch: int, failure: TeacherFailure) -> None:
        pause = failure.retry_after or 0.0
        if pause >= _WORTH_TELLING and self.gate.pause() < pause / 2:
            self._tell(
                f"{self.teacher.name} wants to be left alone for {pause:,.0f} s ({failure.message})"
            )
        if failure.kind == "busy":
            self.gate.busy(epoch, pause)
        else:
            self.gate.rest(pause)

    def _refused_all(self, failure: TeacherFailure) -> TeacherFailure:
        """A request that was denied: `fatal` where no other will be answered either."""
        self._denied += 1
        is_one_of_many = self._denied < _DENIED and (failure.kind == "denied" or self.answered)
        return TeacherFailure("request" if is_one_of_many else "fatal", failure.message)

    def _answer(self, key: str, answer: TeacherAnswer, asked: str, *, cached: bool) -> Answer:
        return Answer(
            answer.text,
            answer.finish,
            answer.prompt_tokens,
            answer.answer_tokens,
            self.price.cost(answer.prompt_tokens, answer.answer_tokens),
            asked,
            cached,
            key,
        )


class ThreadSession:
    """A session over a teacher that only has `answer`: called in threads."""

    structured = False

    def __init__(self, teacher: Teacher, options: Any, settings: Json) -> None:
        self._teacher, self._options, self._settings = teacher, options, settings
        self.model = str(getattr(options, "model", "") or teacher.name)

    def render(self, request: TeacherRequest) -> Json:
        """Messages, sample and the teacher's options."""
        return {
            "messages": plain_messages(request.messages),
            "sample": request.sample,
            "options": self._settings,
        }

    async def send(self, rendered: Json) -> TeacherAnswer:
        """One call, in a thread."""
        from heimdall_core.prompt import Message

        messages = [Message(each["role"], each["content"]) for each in rendered["messages"]]
        try:
            return await asyncio.to_thread(self._teacher.answer, messages, self._options)
        except TeacherFailure:
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise TeacherFailure("server", f"{type(error).__name__}: {text}") from error

    async def close(self) -> None:
        """Nothing is open."""


def estimate_tokens(messages: Sequence[Any]) -> int:
    """About how many tokens messages are: one for four letters, one for a sign of other scripts."""
    signs = sum(len(each.content) for each in messages)
    others = sum(1 for each in messages for sign in each.content if sign > "\u02ff")
    return (signs - others) // 4 + others + 8 * len(messages)


def most_tokens(messages: Sequence[Any]) -> int:
    """No fewer than they are: a token is at least one byte."""
    return sum(len(each.content.encode()) for each in messages) + _MARGIN


def _guessed(answer: TeacherAnswer, size: int) -> TeacherAnswer:
    """Counts for a server that gives none, on the high side."""
    return TeacherAnswer(answer.text, size // 3, len(answer.text) // 3 + 1, answer.finish)
