"""From records to rows: parsed, told apart by meaning, freed of data, checked, asked for."""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from heimdall_core.dataset.sources import Tally
from heimdall_core.errors import DatasetError, HeimdallError
from heimdall_core.prompt import render_example
from heimdall_core.structure import structure
from heimdall_core.types import (
    CONTEXT_SIZES,
    NO_SCHEMA,
    CheckRequest,
    Example,
    Finding,
    GenerateContext,
    Json,
)
from heimdall_gen_logs import fixing
from heimdall_gen_logs.anonymise import NotSafe, Replacer, anonymise
from heimdall_gen_logs.fixing import Lesson, Unmended, Waiting
from heimdall_gen_logs.options import LogsOptions
from heimdall_gen_logs.questions import Ask, by_teacher, by_template
from heimdall_gen_logs.read import read_records
from heimdall_gen_logs.records import Record
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.describe import describe
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

SOURCE = "logs"
QUERY, FIX, DIAGNOSIS = "production_query", "production_fix", "production_diagnosis"
CATEGORIES = (QUERY, FIX, DIAGNOSIS)

#: Lexical forms whose outcome is remembered; a form that was forgotten costs one more parse.
_REMEMBERED = 100_000
_VALUE = re.compile(
    r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\b\d[\w.]*|//[^\n]*|/\*.*?\*/|\s+", re.S
)
_GOES_ON = re.compile(r"\s|[({\[)}\],|+\-*/<>=.:]|(?:[A-Z]{2,}|[a-z]+)\b")


def examples(
    context: GenerateContext, options: LogsOptions, tally: Tally | None = None
) -> Iterator[Example]:
    """A row per query that means something new, as the logs are read; what was left out is noted
    when the reading ends."""
    if not options.files:
        raise DatasetError("no log file is named", where="logs.files", hint="files = ['query.log']")
    counted = tally or Tally(context.note)
    if options.keep_literals:
        context.note(
            "keep_literals: the rows hold the log's own values, names and numbers of people among "
            "them; do not give them, or a model trained on them, to others"
        )
    ingest = _Ingest(context, options, counted)
    try:
        yield from ingest.rows()
    finally:
        context.note(f"logs: {counted.summary()}")


def schemas(options: LogsOptions) -> Mapping[str, Json]:
    """The graph schema that rows name, where one was given."""
    if not options.schema:
        return {}
    path = Path(options.schema)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot be read: {error}", where=str(path)) from error
    if not isinstance(data, dict):
        raise DatasetError("must be a JSON object", where=str(path))
    return {str(data.get("name") or path.stem): data}


class _Ingest:
    def __init__(self, context: GenerateContext, options: LogsOptions, tally: Tally) -> None:
        self.context, self.options, self.tally = context, options, tally
        known = schemas(options)
        self.schema = next(iter(known), NO_SCHEMA)
        self.request = CheckRequest(
            dialect=options.dialect, schema=known.get(self.schema), performance=False
        )
        self.ask = _teacher(context, options)
        self.seen: set[int] = set()
        self.forms: OrderedDict[int, None] = OrderedDict()
        self.unmended = Unmended()
        self.left = dict(context.quotas)

    def rows(self) -> Iterator[Example]:
        """All rows that the logs give."""
        options = self.options
        paths = [Path(name) for name in options.files]
        records = read_records(
            paths,
            self.tally,
            format=options.format,
            rotated=options.rotated,
            whole=_is_whole,
        )
        fixing_ = options.failed == "fix"
        for number, record in enumerate(records):
            if fixing_:
                for waiting in self.unmended.expired(number):
                    yield from self._lesson(self._alone(waiting))
            if record.failed:
                self.tally.counts["failed"] += not fixing_
                if fixing_:
                    until = number + fixing.WINDOW if record.who else number
                    self.unmended.add(Waiting(record.text, record.who, record.where, until))
                continue
            if fixing_ and record.who:
                waiting_ = self.unmended.mended_by(record.text, record.who)
                if waiting_ is not None:
                    yield from self._lesson(self._mended(waiting_, record))
            if not self._is_new_form(record.text):
                self.tally.counts["repeated"] += 1
                continue
            yield from self._record(record)
        for waiting in self.unmended.rest():
            yield from self._lesson(self._alone(waiting))

    # --- queries that worked --------------------------------------------------------------------

    def _record(self, record: Record) -> Iterator[Example]:
        try:
            script = _parsed(record.text)
        except CypherSyntaxError as error:
            self.tally.add("not Cypher", record.where, f"not Cypher: {error}")
            return
        for statement in script.statements:
            try:
                yield from self._statement(statement, record)
            except NotSafe as reason:
                self.tally.counts[str(reason)] += 1

    def _statement(self, statement: ast.Statement, record: Record) -> Iterator[Example]:
        marks = anonymise(statement, Replacer("placeholders", Random(0)))  # noqa: S311
        key = _digest(normalise(print_query(marks)).canonical)
        if key in self.seen:
            self.tally.counts["repeated"] += 1
            return
        random = Random(f"{self.context.seed}:{key}")  # noqa: S311 - made-up values, no secret
        chosen = statement
        if not self.options.keep_literals:
            chosen = anonymise(statement, Replacer(self.options.values, random))
        query = print_query(chosen)
        finding = fixing.first_error(check(query, self.request))
        if finding is not None:
            self.tally.add(
                f"refused by the checker ({finding.code})",
                record.where,
                f"{finding.code}: {finding.message}",
            )
            self.seen.add(key)
            return
        self.seen.add(key)
        description = describe(chosen)
        question, worded = "", "template"
        if self.ask is not None:
            question, worded = by_teacher(query, description, self.ask), "teacher"
            if not question:
                self.tally.seen["questions the teacher left something out of"] += 1
        if not question:
            question, worded = by_template(description, random), "template"
        yield from self._row(QUERY, question, "", query, f"log-{key:016x}", {"worded_by": worded})

    # --- queries that failed --------------------------------------------------------------------

    def _mended(self, waiting: Waiting, record: Record) -> Lesson | None:
        """The failed query with the next one of the same user, both with the same values."""
        random = Random(f"{self.context.seed}:{waiting.text}")  # noqa: S311
        replacer = Replacer("synthetic", random)
        try:
            (statement,) = parse(record.text).statements
            right = statement if self.options.keep_literals else anonymise(statement, replacer)
        except (CypherSyntaxError, NotSafe, ValueError):
            return self._alone(waiting)
        fixed = print_query(right)
        broken = self._cleaned(waiting.text, replacer)
        finding = fixing.first_error(self._check(broken)) if broken else None
        if finding is None or broken is None or fixing.first_error(self._check(fixed)):
            return self._alone(waiting)
        return Lesson(broken, finding, fixed, "next query")

    def _alone(self, waiting: Waiting) -> Lesson | None:
        """What the checker alone can say about a failed query."""
        random = Random(f"{self.context.seed}:{waiting.text}")  # noqa: S311
        broken = self._cleaned(waiting.text, Replacer("synthetic", random))
        if broken is None:
            self.tally.counts["failed, with a text that does not end"] += 1
            return None
        finding = fixing.first_error(self._check(broken))
        if finding is None:
            self.tally.counts["failed, and nothing wrong with the query"] += 1
            return None
        fixed = fixing.checkers_fix(broken, finding, self._check)
        return Lesson(broken, finding, fixed, "checker" if fixed else "")

    def _cleaned(self, text: str, replacer: Replacer) -> str | None:
        if self.options.keep_literals:
            return text
        try:
            anonymise(parse(text).statements[0], Replacer("placeholders", Random(0)))  # noqa: S311
        except CypherSyntaxError:
            pass  # token by token, then
        except NotSafe:
            return None
        if re.search(r"\bPASSWORD\b|apoc\.(?:cypher|periodic)", text, re.IGNORECASE):
            return None
        return fixing.clean_text(text, replacer)

    def _lesson(self, lesson: Lesson | None) -> Iterator[Example]:
        if lesson is None:
            return
        key = _digest(_VALUE.sub("?", lesson.broken) + lesson.finding.code)
        if key in self.seen:
            self.tally.counts["repeated"] += 1
            return
        self.seen.add(key)
        found = lesson.finding
        place = f"line {found.line}, column {found.column}"
        family = f"fix-{found.code}"
        meta = {"finding": found.code, "fixed_by": lesson.by}
        if lesson.fixed:
            given = f"{lesson.broken}\n\nError at {place}: {found.message}"
            ask = "This Cypher query fails. Write the query as it should be."
            yield from self._row(FIX, ask, given, lesson.fixed, family, meta)
            return
        answer = f"At {place}: {found.message}."
        if found.suggestion:
            answer += f" Likely meant: {found.suggestion}"
        ask = "This Cypher query fails. Say where, and why."
        yield from self._row(DIAGNOSIS, ask, lesson.broken, answer, family, meta)

    # --- both -----------------------------------------------------------------------------------

    def _check(self, text: str) -> Sequence[Finding]:
        return check(text, self.request)

    def _row(
        self,
        category: str,
        instruction: str,
        given: str,
        output: str,
        family: str,
        meta: dict[str, Any],
    ) -> Iterator[Example]:
        if self.context.quotas:
            if self.left.get(category, 0) <= 0:
                return
            self.left[category] -= 1
        prose = category == DIAGNOSIS
        if not prose and self.options.dialect != "nornicdb":
            meta = {**meta, "dialect": self.options.dialect}
        try:
            rendered = render_example(instruction, given, output)
        except HeimdallError:
            self.tally.counts["holds a control marker"] += 1
            return
        size = len(rendered.prompt.encode()) + len(rendered.answer.encode())
        yield Example(
            instruction=instruction,
            input=given,
            output=output,
            category=category,
            context_size=next((n for n, limit in CONTEXT_SIZES.items() if size <= limit), "max"),
            source=SOURCE,
            licence=self.options.licence,
            language="" if prose else "cypher",
            schema=self.schema,
            family=family,
            combination=hashlib.sha256(f"{family}\n{given}\n{output}".encode()).hexdigest()[:16],
            meta=meta,
        )

    def _is_new_form(self, text: str) -> bool:
        """Whether no query was seen lately that differs from this one in values alone."""
        key = _digest(_VALUE.sub(" ", text))
        if key in self.forms:
            self.forms.move_to_end(key)
            return False
        self.forms[key] = None
        if len(self.forms) > _REMEMBERED:
            self.forms.popitem(last=False)
        return True


def _parsed(text: str) -> ast.Script:
    """The statements of a record. Where it does not parse, lines at its end that look like no
    Cypher (what the server printed after the query) are left out first."""
    try:
        return parse(text)
    except CypherSyntaxError:
        lines = text.split("\n")
        for count in range(len(lines) - 1, max(0, len(lines) - 6), -1):
            if _GOES_ON.match(lines[count]):
                break
            try:
                return parse("\n".join(lines[:count]))
            except CypherSyntaxError:
                continue
        raise


def _is_whole(text: str) -> bool:
    try:
        parse(text)
    except CypherSyntaxError:
        return False
    return True


def _digest(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big"
    )


def _teacher(context: GenerateContext, options: LogsOptions) -> Ask | None:
    """Who words the questions, where somebody does."""
    if not options.teacher:
        return None
    if context.teacher is None:
        raise HeimdallError("no teacher can be asked here", where="logs.teacher")
    teacher = context.teacher(options.teacher)
    settings: Any = structure(
        dict(options.teacher_options), teacher.options, "logs.teacher_options"
    )

    def ask(messages: Any) -> str:
        answer = teacher.answer(messages, settings)
        return answer.text if answer.finish == "stop" else ""

    return ask
