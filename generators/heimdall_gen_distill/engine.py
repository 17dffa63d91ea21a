"""A run: prompts through the teacher, many at a time, with what came of each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from heimdall_core.errors import HeimdallError, TeacherFailure
from heimdall_core.structure import structure
from heimdall_core.types import Event, Teacher, TeacherSession
from heimdall_gen_distill.asking import Answer, Asker, Limits, ThreadSession
from heimdall_gen_distill.budget import Budget, OutOfBudget
from heimdall_gen_distill.cache import AnswerCache, default_folder
from heimdall_gen_distill.checking import QueryChecker
from heimdall_gen_distill.findings import with_finding
from heimdall_gen_distill.forecast import Counted, Forecast
from heimdall_gen_distill.items import Item, read_items, read_schemas, with_schema
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Outcome
from heimdall_gen_distill.prices import FREE, Price, find_price
from heimdall_gen_distill.progress import Progress
from heimdall_gen_distill.prompts import TASKS, load_prompt
from heimdall_gen_distill.senders import FAST, LONG, SpreadSession, setup_of
from heimdall_gen_distill.slots import Requests
from heimdall_gen_distill.tasks import Worker
from heimdall_gen_distill.verdicts import Verdicts

_EVERY = 0.5
#: Prompts whose answers may wait for their check, how many of them with the answer at hand (the
#: others' is read from the cache again), and how many are looked at together.
_LAG, _AT_HAND, _HANDS = 20_000, 2_000, 128
_REST = 0.05

FindTeacher = Callable[[str], Teacher]


async def _first_error(asks: asyncio.Future[Any], checks: asyncio.Future[Any]) -> None:
    """Waits for the asking to end, or for the checking to fail."""
    await asyncio.wait((asks, checks), return_when=asyncio.FIRST_COMPLETED)
    if checks.done():
        await checks
    await asks


class Distiller:
    """One teacher and one task. A context manager that holds cache, session and checker."""

    def __init__(
        self,
        options: DistillOptions,
        find_teacher: FindTeacher,
        emit: Callable[[Event], None] = lambda event: None,
    ) -> None:
        if options.samples > 1 and not options.heat:
            raise HeimdallError(
                f"{options.samples} answers at temperature 0 are {options.samples} times the same",
                where="distill.temperature",
                hint="leave it out, or give more than 0",
            )
        if options.judge and options.task == "explain":
            raise HeimdallError(
                "a judge scores pairs of a question and a query, and explanations are none",
                where="distill.judge",
                hint="leave it out",
            )
        self.options, self.emit = options, emit
        self.schemas = read_schemas(options.schema)
        self.prompt = load_prompt(options.task, options.prompt)
        self.label = "plain" if options.plain else self.prompt.label
        self.cache = AnswerCache(Path(options.cache) if options.cache else default_folder())
        self.budget = Budget(options.budget_usd, options.max_requests)
        self.progress = Progress()
        self.stopped = ""
        self.fatal: TeacherFailure | None = None
        """Why it stopped where no request will be answered any more."""
        self._find = find_teacher
        self._askers: list[Asker] = []
        self._checker: QueryChecker | None = None
        self.price: Price | None = None
        self.model = ""
        self.seconds = 0.0
        self.seconds_asking = 0.0
        """Until the last prompt's first answer."""
        self.failures: Counter[str] = Counter()
        """Requests that brought no answer, by kind."""
        self.total = 0
        self._told = 0.0

    # --- opening and closing --------------------------------------------------------------------

    def open(self) -> Worker:
        """Connects; call inside the event loop that asks."""
        options = self.options
        asker = self._asker(options.teacher, dict(options.teacher_options), "teacher")
        self.price, self.model = asker.price, asker.session.model
        judge = None
        if options.judge:
            judging = self._asker(options.judge, dict(options.judge_options), "judge")
            judge = (judging, load_prompt("judge"))
        self._checker = QueryChecker(self.schemas, options.dialect)
        return Worker(
            options,
            asker,
            Verdicts(options, self._checker, self.schemas),
            Requests(options, self.schemas, self.prompt),
            self.schemas,
            self.prompt,
            load_prompt("repair"),
            judge,
        )

    async def close(self) -> None:
        """Ends connections and processes."""
        for asker in self._askers:
            with suppress(HeimdallError):
                await asker.session.close()
        self._askers.clear()
        if self._checker is not None:
            await self._checker.close()
            self._checker = None

    def _asker(self, name: str, table: dict[str, Any], role: str) -> Asker:
        options = self.options
        teacher = self._find(name)
        settings: Any = structure(table, teacher.options, f"{role}_options")
        session: TeacherSession
        if teacher.open is not None:
            session = teacher.open(settings)
            setup = setup_of(teacher, table)
            # A model in this process is not loaded twice.
            if setup is not None and not getattr(session, "free", False):
                session = SpreadSession(session, setup)
        else:
            session = ThreadSession(teacher, settings, table)
        price = find_price(session.model, options.prices)
        if price is None and options.budget_usd and not getattr(session, "free", False):
            raise HeimdallError(
                f"nobody knows what the model '{session.model}' costs",
                where="budget_usd",
                hint="give its price in a table of your own with --prices",
            )
        limits = Limits(
            options.concurrency,
            options.requests_per_minute,
            options.tokens_per_minute,
            options.attempts,
            options.backoff,
        )
        asker = Asker(teacher, session, self.cache, self.budget, price or FREE, limits, self._warn)
        self._askers.append(asker)
        return asker

    # --- running --------------------------------------------------------------------------------

    def items(self) -> Iterator[Item]:
        """The prompts."""
        options = self.options
        if options.task not in TASKS:
            raise HeimdallError(
                f"'{options.task}' is no task of prompts",
                where="distill.task",
                hint="--judge NAME:MODEL scores what another task makes",
            )
        if not options.prompts:
            raise HeimdallError(
                "no file of prompts is named", where="distill.prompts", hint="--prompts FILE"
            )
        for item in read_items(Path(options.prompts), options.task):
            item = with_schema(item, self.schemas)
            if options.task == "repair":
                item = with_finding(item, self.schemas, options.dialect)
            yield item

    def run(
        self,
        done: Callable[[Outcome], None],
        *,
        items: Sequence[Item] | None = None,
        before: Callable[[Forecast], bool] | None = None,
    ) -> None:
        """Every prompt's outcome, as they come. `before` is shown the forecast and says whether to
        go on. Raises `TeacherFailure` where no request will be answered."""
        asyncio.run(self._run(done, items, before))

    async def _run(
        self,
        done: Callable[[Outcome], None],
        items: Sequence[Item] | None,
        before: Callable[[Forecast], bool] | None,
    ) -> None:
        try:
            worker = self.open()
            if before is None or before(
                self._forecast(worker, self.items() if items is None else items)
            ):
                await self._work(worker, self.items() if items is None else items, done)
            self.failures = self._failures()
        finally:
            await self.close()

    async def _work(
        self, worker: Worker, items: Iterable[Item], done: Callable[[Outcome], None]
    ) -> None:
        source = iter(items)
        session = worker.asker.session
        fast = self.options.requests_per_minute >= FAST and self.total >= LONG
        if fast and isinstance(session, SpreadSession):
            await session.prepare()
        started = self._told = time.monotonic()
        # Answers wait here to be looked at: asking does not wait for checking, up to a point.
        answered: asyncio.Queue[tuple[Item, Answer | Outcome | None] | None] = asyncio.Queue(_LAG)
        may_check = asyncio.Event()

        async def ask() -> None:
            for item in source:
                first = await self._asked(worker, item)
                if isinstance(first, Answer) and answered.qsize() >= _AT_HAND:
                    first = None
                await answered.put((item, first))

        async def ask_first() -> None:
            """Lets the checks wait while the limits would allow more requests."""
            while True:
                if worker.asker.is_late() and answered.qsize() < _LAG // 2:
                    may_check.clear()
                else:
                    may_check.set()
                await asyncio.sleep(_REST)

        async def check() -> None:
            while (found := await answered.get()) is not None:
                await may_check.wait()
                item, first = found
                outcome = (
                    first
                    if isinstance(first, Outcome)
                    else await self._outcome(worker, item, first)
                )
                self.progress.add(outcome, self.label)
                done(outcome)
                self._tell(started)
            await answered.put(None)  # for the next one

        asks = [asyncio.create_task(ask()) for _ in range(2 * self.options.concurrency)]
        checks = [asyncio.create_task(check()) for _ in range(_HANDS)]
        watch = asyncio.create_task(ask_first())
        asked, checked = asyncio.gather(*asks), asyncio.gather(*checks)
        try:
            await _first_error(asked, checked)
            watch.cancel()
            may_check.set()
            self.seconds_asking = time.monotonic() - started
            await answered.put(None)
            await checked
        finally:
            for task in (watch, *asks, *checks):
                task.cancel()
            await asyncio.gather(watch, asked, checked, return_exceptions=True)
        self.seconds = time.monotonic() - started
        self._tell(started, last=True)

    async def _asked(self, worker: Worker, item: Item) -> Answer | Outcome | None:
        """The answer to a prompt's first request, or what came of it without one."""
        if item.bad:
            return None
        request = worker.first_request(item)
        if self.stopped and not worker.asker.is_cached(request):
            return Outcome(item, "not asked", self.stopped)
        try:
            return await worker.asker.ask(request)
        except (OutOfBudget, TeacherFailure) as error:
            return self._not_answered(item, error)

    def _not_answered(self, item: Item, error: OutOfBudget | TeacherFailure) -> Outcome:
        if isinstance(error, TeacherFailure):
            if error.kind != "fatal":
                return Outcome(item, "failed", error.message)
            if not self._has_answers():
                raise error
            self.fatal = error  # what was paid for is not lost
        if not self.stopped:
            self.stopped = error.message
            self.emit(Event("warning", "distill", f"stopped: {error.message}"))
        return Outcome(item, "not asked", error.message)

    def _warn(self, text: str) -> None:
        self.emit(Event("warning", "distill", text))

    def _has_answers(self) -> bool:
        return any(asker.answered or asker.counts["cached"] for asker in self._askers)

    async def _outcome(self, worker: Worker, item: Item, first: Answer | None) -> Outcome:
        try:
            return await worker.outcome(item, first)
        except (OutOfBudget, TeacherFailure) as error:
            return self._not_answered(item, error)

    def _tell(self, started: float, *, last: bool = False) -> None:
        now = time.monotonic()
        if now - self._told < _EVERY and not last:
            return
        self._told = now
        progress = self.progress
        self.emit(Event("progress", "distill", done=progress.prompts, total=self.total))
        values = {
            "requests": float(self.budget.sent),
            "usd": self.budget.spent,
            "per second": progress.prompts / max(now - started, 1e-9),
            **{f"accepted {name}": rate for name, rate in list(progress.rates().items())[:8]},
        }
        self.emit(Event("metric", "distill", values=values))

    def _failures(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for asker in self._askers:
            found.update({k: n for k, n in asker.counts.items() if k not in ("sent", "cached")})
        return found

    # --- before the first call ------------------------------------------------------------------

    def _forecast(self, worker: Worker, items: Iterable[Item]) -> Forecast:
        counted = Counted(self.options, worker)
        for item in items:
            counted.add(item)
        self.total = counted.prompts
        return counted.forecast()
