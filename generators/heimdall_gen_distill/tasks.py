"""What is done with one prompt: asked, read, checked, mended, voted on, judged; and the outcome."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import evolve

from heimdall_core.types import TeacherRequest
from heimdall_gen_distill.asking import Answer, Asker
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Costs, Found, Outcome, Rejected
from heimdall_gen_distill.prompts import Prompt
from heimdall_gen_distill.rows import MEND_IT, Provenance, make_row
from heimdall_gen_distill.slots import Requests
from heimdall_gen_distill.verdicts import Verdicts
from heimdall_gen_distill.votes import vote
from heimdall_gen_distill.words import plain_query

#: Answers in another form than asked for are asked for once more, as another sample.
FORM_TRIES = 2
_MORE = 1000
MENDED = ("answer", "evolve", "repair")


class Worker:
    """Does a task with prompts, one after the other or many at once."""

    def __init__(
        self,
        options: DistillOptions,
        asker: Asker,
        verdicts: Verdicts,
        requests: Requests,
        schemas: Collection[str],
        prompt: Prompt,
        repair: Prompt,
        judge: tuple[Asker, Prompt] | None = None,
    ) -> None:
        self.options, self.asker = options, asker
        self._verdicts, self._requests, self._schemas = verdicts, requests, schemas
        self._prompt, self._repair, self._judge = prompt, repair, judge
        self._origin = Provenance(
            asker.teacher.name,
            asker.session.model,
            "plain" if options.plain else prompt.label,
            asker.teacher.terms,
            judge[0].session.model if judge else "",
            judge[1].label if judge else "",
        )

    @property
    def judge(self) -> Asker | None:
        """Who scores, if anybody does."""
        return self._judge[0] if self._judge else None

    def first_request(self, item: Item) -> TeacherRequest:
        """What a prompt asks first."""
        return self.request(item, 0)

    def request(self, item: Item, number: int) -> TeacherRequest:
        """What a prompt asks for the answer of that number: enough for a forecast."""
        return self._requests.first(item, self.asker.session, number)

    async def outcome(self, item: Item, first: Answer | None = None) -> Outcome:
        """What comes of a prompt; `first` is the answer to its first request, where that is at
        hand. Raises `TeacherFailure` and `OutOfBudget`."""
        if item.bad:
            return Outcome(item, "rejected", item.bad)
        costs = Costs()
        try:
            if self.options.task == "judge":
                await self._score(self.asker, self._prompt, item, {}, costs, first)
                return Outcome(item, "accepted", **costs.told)
            found = await self._found(item, costs, first)
            if self._judge is not None:
                found = await self._judged(item, found, costs)
            known = item.schema in self._schemas
            row = make_row(item, found, costs, self.options, self._origin, known)
        except Rejected as reason:
            last = costs.answers[-1].text[:2000] if costs.answers else ""
            return Outcome(item, "rejected", str(reason), **costs.told, text=last)
        return Outcome(item, "accepted", row=row, **costs.told)

    async def _found(self, item: Item, costs: Costs, first: Answer | None) -> Found:
        if self.options.samples == 1:
            return await self._one(item, costs, 0, first)
        found: list[Found] = []
        reasons: list[str] = []
        for number in range(self.options.samples):
            try:
                found.append(await self._one(item, costs, number, None if number else first))
            except Rejected as reason:
                reasons.append(str(reason))
        return vote(found, reasons, self.options)

    async def _one(self, item: Item, costs: Costs, number: int, first: Answer | None) -> Found:
        """One answer, read and checked; mended where that was asked for."""
        sample = self._requests.sample(number)
        fields = await self._fields(self._prompt, item, {}, costs, sample, first=first)
        try:
            return await self._verdicts.of(item, fields)
        except Rejected as reason:
            said = str(reason)
            query = fields.get("query", "")
        for attempt in range(1, self.options.repairs + 1):
            if not query or self.options.task not in MENDED:
                break
            given = {"query": query, "finding": said}
            if "question" in fields:
                given["question"] = fields["question"]
            mended = await self._fields(self._repair, item, given, costs, 0)
            fields = {**fields, "query": mended["query"]}
            try:
                return evolve(await self._verdicts.of(item, fields), repaired=attempt)
            except Rejected as reason:
                said, query = str(reason), fields["query"]
        raise Rejected(said)

    async def _fields(
        self,
        prompt: Prompt,
        item: Item,
        given: Mapping[str, str],
        costs: Costs,
        sample: int,
        *,
        asker: Asker | None = None,
        first: Answer | None = None,
    ) -> dict[str, str]:
        """An answer's fields; asked for once more where it has another form. `given` stands in
        the slots in place of what the prompt says itself."""
        asker = asker or self.asker
        structured = asker.session.structured and not self._requests.is_plain(prompt)
        for attempt in range(FORM_TRIES):
            answer = first
            if answer is None or attempt:
                values = {**self._requests.values(item), **given}
                number = sample + attempt * _MORE
                answer = await asker.ask(
                    self._requests.make(prompt, item, values, asker.session, number)
                )
            costs.add(answer)
            if answer.finish == "refused":
                raise Rejected("refused by the teacher")
            if answer.finish == "length":
                raise Rejected(f"cut off at {self.options.max_tokens} tokens")
            fields = prompt.read(answer.text, structured=structured)
            if fields is not None:
                return fields
            if not structured:
                break
        raise Rejected("not in the form that was asked for")

    async def _judged(self, item: Item, found: Found, costs: Costs) -> Found:
        if self._judge is None:
            return found
        asker, prompt = self._judge
        given = {
            "question": found.fields.get("question") or item.question or MEND_IT,
            "query": found.query or item.query,
        }
        if self.options.task == "repair" and not item.question:
            given["question"] += f"\n{plain_query(item.query)}"
        return evolve(found, score=await self._score(asker, prompt, item, given, costs))

    async def _score(
        self,
        asker: Asker,
        prompt: Prompt,
        item: Item,
        given: Mapping[str, str],
        costs: Costs,
        first: Answer | None = None,
    ) -> int:
        fields = await self._fields(prompt, item, given, costs, 0, asker=asker, first=first)
        score = fields["score"]
        if not score.isdigit() or not 1 <= int(score) <= 5:
            raise Rejected("the judge gave no score")
        if int(score) < self.options.min_score:
            raise Rejected(f"judged {score} of 5: {fields['reason'][:200]}")
        return int(score)
