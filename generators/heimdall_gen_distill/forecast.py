"""What a run will come to, before anything is sent."""

from __future__ import annotations

from attrs import field, frozen

from heimdall_core.cli.common import human_seconds
from heimdall_gen_distill.asking import Asker, estimate_tokens, most_tokens
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prices import FREE, Price, find_price
from heimdall_gen_distill.tasks import FORM_TRIES, MENDED, Worker

_SECONDS_AN_ANSWER = 2.0
#: Tokens of a judge's or repair's own words around question, query and schema, about.
_FRAME = 250


@frozen
class Forecast:
    """What a run will come to."""

    prompts: int
    unusable: int
    cached: int
    """Prompts whose first answers are there already."""
    requests: int
    prompt_tokens: int
    answer_tokens: int
    """About a third of the longest answers."""
    usd: float | None
    usd_most: float | None
    """With every answer as long as allowed, every repair needed and every form asked for twice;
    without what failed and was sent again. None where nobody knows the price."""
    price_date: str
    seconds: float

    def text(self) -> str:
        """All of it on one line."""
        money = "nobody knows the price"
        if self.usd is not None and self.usd_most is not None:
            money = f"about {self.usd:.4f} USD, at most {self.usd_most:.4f} and what is sent again"
            if self.price_date:
                money += f" (prices of {self.price_date})"
        return (
            f"{self.prompts:,} prompts, {self.cached:,} answered already, "
            f"{self.requests:,} requests; about {self.prompt_tokens:,} tokens to send and "
            f"{self.answer_tokens:,} to get; {money}; about {human_seconds(self.seconds)}"
        )


@frozen
class Counted:
    """Adds up what prompts will ask."""

    _options: DistillOptions
    _worker: Worker
    _numbers: dict[str, float] = field(factory=dict, init=False)

    @property
    def prompts(self) -> int:
        """How many there are."""
        return int(self._numbers.get("prompts", 0))

    def add(self, item: Item) -> None:
        """Counts one prompt."""
        options, worker = self._options, self._worker
        self._count(prompts=1)
        if item.bad:
            self._count(unusable=1)
            return
        asked = [worker.request(item, number) for number in range(options.samples)]
        missing = [each for each in asked if not worker.asker.is_cached(each)]
        size = estimate_tokens(asked[0].messages)
        # Every answer may have to be asked for twice, and to go back with what is wrong with it.
        tries = FORM_TRIES if worker.asker.session.structured else 1
        mends = options.repairs if options.task in MENDED else 0
        longest = most_tokens(asked[0].messages) + options.max_tokens + _FRAME
        self._count(
            cached=not missing,
            requests=len(missing),
            sent=len(missing) * size,
            most_sent=len(missing) * tries * longest * (1 + mends),
            most_answers=len(missing) * tries * (1 + mends),
        )
        if options.judge and missing:
            self._count(
                judged=1, judge_sent=size + _FRAME, judge_most=FORM_TRIES * (longest + _FRAME)
            )

    def forecast(self) -> Forecast:
        """All of it together."""
        options, worker = self._options, self._worker
        got = {name: int(value) for name, value in self._numbers.items()}
        judged = got.get("judged", 0)
        requests = got.get("requests", 0) + judged
        sent = got.get("sent", 0) + got.get("judge_sent", 0)
        answers = requests * options.max_tokens // 3
        price, judge = (
            self._price(worker.asker),
            self._price(worker.judge) if worker.judge else FREE,
        )
        usd = most = None
        if price is not None and judge is not None:
            each = options.max_tokens
            usd = price.cost(got.get("sent", 0), got.get("requests", 0) * each // 3)
            usd += judge.cost(got.get("judge_sent", 0), judged * each // 3)
            most = price.cost(got.get("most_sent", 0), got.get("most_answers", 0) * each)
            most += judge.cost(got.get("judge_most", 0), judged * FORM_TRIES * each)
        rates, tokens = options.requests_per_minute, options.tokens_per_minute
        seconds = max(
            requests / max(1, options.concurrency) * _SECONDS_AN_ANSWER,
            60 * requests / rates if rates else 0,
            60 * (sent + answers) / tokens if tokens else 0,
        )
        return Forecast(
            self.prompts,
            got.get("unusable", 0),
            got.get("cached", 0),
            requests,
            sent,
            answers,
            usd,
            most,
            price.date if price else "",
            seconds,
        )

    def _price(self, asker: Asker) -> Price | None:
        session = asker.session
        if getattr(session, "free", False):
            return FREE
        return find_price(session.model, self._options.prices)

    def _count(self, **numbers: float) -> None:
        for name, value in numbers.items():
            self._numbers[name] = self._numbers.get(name, 0) + value
