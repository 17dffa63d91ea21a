"""What is done with one prompt: asked, read, checked, mended, voted on, judged; and the outcome."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import Message, render_example
from heimdall_core.types import CONTEXT_SIZES, NO_SCHEMA, Example, Finding, Json, TeacherRequest
from heimdall_gen_distill.asking import Answer, Asker
from heimdall_gen_distill.checking import QueryChecker
from heimdall_gen_distill.items import Item, schema_text
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prompts import Prompt, plain_messages
from heimdall_lang_cypher.complexity import complexity
from heimdall_lang_cypher.describe import describe
from heimdall_lang_cypher.extract import extract
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

Status = Literal["accepted", "rejected", "failed", "not asked"]

SOURCE = "distill"
CATEGORIES = tuple(
    f"distilled_{task}"
    for task in ("answer", "questions", "paraphrase", "explain", "evolve", "repair")
)
#: Answers in another form than asked for are asked for once more, as another sample.
_FORM_TRIES = 2
_MORE = 1000
_WORD = re.compile(
    r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])|:\s*(\w+)|(\$\w+)"
)
_TICKED = re.compile(r"`([^`\n]+)`")


class Rejected(Exception):
    """An answer that is not taken; its text is the reason."""


@frozen
class Outcome:
    """What came of one prompt."""

    item: Item
    status: Status
    reason: str = ""
    row: Example | None = None
    usd: float = 0.0
    """What its answers cost, whenever they were asked."""
    tokens: int = 0
    text: str = ""
    """The last answer, of a rejected one."""


@frozen
class Found:
    """An answer that was read and checked."""

    fields: Mapping[str, str]
    query: str = ""
    canonical: str = ""
    family: str = ""
    marks: tuple[str, ...] = ()
    ran: str = ""
    votes: int = 0
    repaired: int = 0


@frozen
class Costs:
    """Answers so far of one prompt."""

    answers: list[Answer] = field(factory=list)

    def add(self, answer: Answer) -> Answer:
        self.answers.append(answer)
        return answer


class Worker:
    """Does a task with prompts, one after the other or many at once."""

    def __init__(
        self,
        options: DistillOptions,
        asker: Asker,
        checker: QueryChecker,
        schemas: Mapping[str, Json],
        prompt: Prompt,
        repair: Prompt,
        judge: tuple[Asker, Prompt] | None = None,
    ) -> None:
        self.options, self.asker, self.checker = options, asker, checker
        self.schemas, self.prompt, self.repair, self.judge = schemas, prompt, repair, judge
        self.category = f"distilled_{options.task}"
        self._texts: dict[str, str] = {}

    def first_request(self, item: Item) -> TeacherRequest:
        """What a prompt asks first: enough for a forecast."""
        return self._request(self.prompt, item, self._values(item), sample=self._sample(0))

    async def outcome(self, item: Item) -> Outcome:
        """What comes of a prompt. Raises `TeacherFailure` and `OutOfBudget`."""
        if item.bad:
            return Outcome(item, "rejected", item.bad)
        costs = Costs()
        try:
            if self.options.task == "judge":
                return await self._only_judged(item, costs)
            found = await self._found(item, costs)
            if self.judge is not None:
                await self._judged(item, found, costs)
            row = self._row(item, found, costs)
        except Rejected as reason:
            last = costs.answers[-1].text if costs.answers else ""
            return self._costed(Outcome(item, "rejected", str(reason), text=last[:2000]), costs)
        return self._costed(Outcome(item, "accepted", row=row), costs)

    @staticmethod
    def _costed(outcome: Outcome, costs: Costs) -> Outcome:
        return evolve(
            outcome,
            usd=sum(each.usd for each in costs.answers),
            tokens=sum(each.prompt_tokens + each.answer_tokens for each in costs.answers),
        )

    # --- asking ---------------------------------------------------------------------------------

    async def _found(self, item: Item, costs: Costs) -> Found:
        if self.options.samples == 1:
            return await self._one(item, costs, 0)
        found: list[Found] = []
        reasons: list[str] = []
        for number in range(self.options.samples):
            try:
                found.append(await self._one(item, costs, number))
            except Rejected as reason:
                reasons.append(str(reason))
        return self._vote(found, reasons)

    def _vote(self, found: list[Found], reasons: list[str]) -> Found:
        """The answer that most samples mean."""
        groups: dict[str, list[Found]] = {}
        for each in found:
            by_rows = self.options.vote == "execution" and each.ran
            text = each.ran if by_rows else each.canonical or " ".join(each.fields.values())
            groups.setdefault(text, []).append(each)
        needed = self.options.min_agree or self.options.samples // 2 + 1
        best = max(groups.values(), key=len, default=[])
        if len(best) < needed:
            if not found and reasons:
                raise Rejected(reasons[0])
            raise Rejected(f"no {needed} of {self.options.samples} answers agree")
        return evolve(best[0], votes=len(best))

    async def _one(self, item: Item, costs: Costs, number: int) -> Found:
        """One answer, read and checked; mended where that was asked for."""
        values = self._values(item)
        fields = await self._fields(self.prompt, item, values, costs, self._sample(number))
        try:
            return await self._checked(item, fields)
        except Rejected as reason:
            said = str(reason)
            query = fields.get("query", "")
        for attempt in range(1, self.options.repairs + 1):
            if not query or self.options.task not in ("answer", "evolve", "repair"):
                break
            given = {**values, "query": query, "finding": said}
            if "question" in fields:
                given["question"] = fields["question"]
            mended = await self._fields(self.repair, item, given, costs, 0)
            fields = {**fields, "query": mended["query"]}
            try:
                return evolve(await self._checked(item, fields), repaired=attempt)
            except Rejected as reason:
                said, query = str(reason), fields["query"]
        raise Rejected(said)

    async def _fields(
        self,
        prompt: Prompt,
        item: Item,
        values: Mapping[str, str],
        costs: Costs,
        sample: int,
        asker: Asker | None = None,
    ) -> dict[str, str]:
        """An answer's fields; asked for once more where it has another form."""
        asker = asker or self.asker
        for attempt in range(_FORM_TRIES):
            request = self._request(
                prompt, item, values, sample=sample + attempt * _MORE, asker=asker
            )
            answer = costs.add(await asker.ask(request))
            if answer.finish == "refused":
                raise Rejected("refused by the teacher")
            if answer.finish == "length":
                raise Rejected(f"cut off at {self.options.max_tokens} tokens")
            structured = asker.session.structured and not self._is_plain(prompt)
            fields = prompt.read(answer.text, structured=structured)
            if fields is not None:
                return fields
            if not structured:
                break
        raise Rejected("not in the form that was asked for")

    def _request(
        self,
        prompt: Prompt,
        item: Item,
        values: Mapping[str, str],
        *,
        sample: int,
        asker: Asker | None = None,
    ) -> TeacherRequest:
        session = (asker or self.asker).session
        messages: tuple[Message, ...]
        if self._is_plain(prompt):
            messages, schema = plain_messages(item.question or item.query, item.given), None
        else:
            messages = prompt.messages(values, structured=session.structured)
            schema = prompt.schema if session.structured else None
        return TeacherRequest(
            messages,
            max_tokens=self.options.max_tokens,
            temperature=self.options.temperature,
            sample=sample,
            answer_schema=schema,
        )

    def _is_plain(self, prompt: Prompt) -> bool:
        return self.options.plain and prompt is self.prompt

    def _sample(self, number: int) -> int:
        return number + 1 if self.options.samples > 1 else 0

    def _values(self, item: Item) -> dict[str, str]:
        query = _plain_query(item.query)
        values = {
            "question": item.question,
            "query": query,
            "schema": self._schema_text(item),
            "dialect": self.options.dialect,
            "finding": item.finding,
            "description": "",
        }
        if self.options.task == "questions":
            try:
                values["description"] = describe(query)
            except CypherSyntaxError:
                values["description"] = "(none)"
        return values

    def _schema_text(self, item: Item) -> str:
        if item.given:
            return f"{item.given}\n\n"
        if item.schema not in self._texts:
            known = self.schemas.get(item.schema)
            self._texts[item.schema] = f"Schema:\n{schema_text(known)}\n\n" if known else ""
        return self._texts[item.schema]

    # --- checking -------------------------------------------------------------------------------

    async def _checked(self, item: Item, fields: dict[str, str]) -> Found:
        """What an answer comes to. Raises `Rejected`."""
        task = self.options.task
        if "query" in fields:
            return await self._checked_query(item, fields, fields["query"])
        query = _plain_query(item.query)
        found = await self._checked_query(item, fields, query)
        text = fields.get("question") or fields.get("explanation") or ""
        if task == "explain":
            unknown = [word for word in _TICKED.findall(text) if word.split("(")[0] not in query]
            if unknown:
                raise Rejected(f"names something that the query does not have: {unknown[0]}")
        else:
            missing = sorted(word for word in _needed(query) if word not in text)
            if missing:
                raise Rejected(f"the question does not say {missing[0]!r}")
            if extract(text) or "->" in text or "]-" in text:
                raise Rejected("the question holds Cypher")
            if task == "paraphrase" and _loose(text) == _loose(item.question):
                raise Rejected("the same words again")
        return found

    async def _checked_query(self, item: Item, fields: dict[str, str], text: str) -> Found:
        query = extract(text)
        if not query:
            raise Rejected("no query in the answer")
        looked = await self.checker.look(query, item.schema)
        if looked.finding is not None:
            raise Rejected(_said(looked.finding))
        if looked.problem:
            raise Rejected(f"cannot be checked: {looked.problem[:200]}")
        marks: tuple[str, ...] = ("cypher:checked",)
        ran = ""
        if self.options.execute and item.schema in self.schemas:
            result = await self.checker.run(query, item.schema)
            if result.verdict == "error":
                raise Rejected(f"does not run: {result.detail[:200]}")
            if result.verdict == "rows":
                marks += ("cypher:executed",)
                ran = hashlib.sha256(result.detail.encode()).hexdigest()[:16]
        if self.options.task == "evolve":
            self._is_harder(item, query, looked.canonical)
        return Found(fields, query, looked.canonical, looked.family, marks, ran)

    def _is_harder(self, item: Item, query: str, canonical: str) -> None:
        before = _plain_query(item.query)
        try:
            if normalise(before).canonical == canonical:
                raise Rejected("means the same as before")
            old, new = complexity(before), complexity(query)
        except CypherSyntaxError as error:
            raise Rejected(f"the query to make harder is none: {error}") from error
        if (new.level, sum(new.counts.values())) <= (old.level, sum(old.counts.values())):
            raise Rejected("no harder than before")

    async def _only_judged(self, item: Item, costs: Costs) -> Outcome:
        """A pair that is there already is scored by the teacher itself."""
        await self._score(self.asker, self.prompt, item, self._values(item), costs)
        return self._costed(Outcome(item, "accepted"), costs)

    async def _judged(self, item: Item, found: Found, costs: Costs) -> None:
        if self.judge is None:
            return
        asker, prompt = self.judge
        values = {
            **self._values(item),
            "question": found.fields.get("question") or item.question,
            "query": found.query or item.query,
        }
        await self._score(asker, prompt, item, values, costs)

    async def _score(
        self, asker: Asker, prompt: Prompt, item: Item, values: Mapping[str, str], costs: Costs
    ) -> None:
        fields = await self._fields(prompt, item, values, costs, 0, asker)
        score = fields["score"]
        if not score.isdigit() or not 1 <= int(score) <= 5:
            raise Rejected("the judge gave no score")
        if int(score) < self.options.min_score:
            raise Rejected(f"judged {score} of 5: {fields['reason'][:200]}")

    # --- the row --------------------------------------------------------------------------------

    def _row(self, item: Item, found: Found, costs: Costs) -> Example:
        instruction, given, output, language = self._sides(item, found)
        try:
            rendered = render_example(instruction, given, output)
        except HeimdallError as error:
            raise Rejected(str(error)) from error
        size = len(rendered.prompt.encode()) + len(rendered.answer.encode())
        answer = costs.answers[-1]
        meta: dict[str, Any] = {
            "teacher": self.asker.teacher.name,
            "model": self.asker.session.model,
            "prompt": "plain" if self.options.plain else self.prompt.label,
            # The day: a run that was killed and goes on makes the same file as one that was not.
            "asked": answer.asked[:10],
            "terms": self.asker.teacher.terms,
            "tokens": sum(each.prompt_tokens + each.answer_tokens for each in costs.answers),
            "usd": round(sum(each.usd for each in costs.answers), 8),
        }
        if item.category:
            meta["category"] = item.category
        if found.votes:
            meta["votes"] = found.votes
        if found.repaired:
            meta["repaired"] = found.repaired
        if self.judge is not None:
            meta["judge"] = self.judge[0].session.model
        if language and self.options.dialect != "nornicdb":
            meta["dialect"] = self.options.dialect
        return Example(
            instruction=instruction,
            input=given,
            output=output,
            category=self.category,
            context_size=next((n for n, limit in CONTEXT_SIZES.items() if size <= limit), "max"),
            source=SOURCE,
            licence=self.options.licence,
            language=language,
            schema=item.schema if item.schema in self.schemas else NO_SCHEMA,
            family=f"distill-{_short(found.family)}",
            combination=_short(f"{item.schema}\n{found.canonical}"),
            verification=found.marks,
            meta=meta,
        )

    def _sides(self, item: Item, found: Found) -> tuple[str, str, str, str]:
        """Instruction, input, output and language of the row."""
        task, fields = self.options.task, found.fields
        if task == "explain":
            return "Explain what this query does.", found.query, fields["explanation"], ""
        if task == "repair":
            ask = item.question or "This Cypher query fails. Write the query as it should be."
            wrong = f"{item.query}\n\n{item.finding}" if item.finding else item.query
            return ask, wrong, found.query, "cypher"
        question = fields.get("question") or item.question
        return question, item.given, found.query, "cypher"


def _plain_query(text: str) -> str:
    """The query in a text, in one line and without comments; one that does not parse as it is."""
    query = extract(text) or text
    try:
        return print_query(parse(query))
    except CypherSyntaxError:
        return query


def _said(finding: Finding) -> str:
    place = f"line {finding.line}, column {finding.column}"
    hint = f"; likely meant: {finding.suggestion}" if finding.suggestion else ""
    return f"{finding.code} at {place}: {finding.message}{hint}"


def _needed(query: str) -> set[str]:
    """Names and values of a query that its question must hold."""
    found = set()
    for match in _WORD.finditer(query):
        found.add(next((group for group in match.groups() if group), ""))
    return {word for word in found if word}


def _loose(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
