"""The gate that every generated row passes: what is written, what is left out, and why."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import attrs
from attrs import frozen

from heimdall_core.dataset import dump_example
from heimdall_core.dataset.io import example_from_dict
from heimdall_core.dataset.save import Write
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline.steps.checking import CHUNK, AnyChecker, gap, question
from heimdall_core.pipeline.steps.parts import (
    MadePart,
    answer_key_of,
    marked,
    prompt_key_of,
)
from heimdall_core.registry import Registry
from heimdall_core.types import CONTEXT_SIZES, Event, Example, Finding

_EVERY = 500


@frozen
class GenerateReport:
    """What generation came to."""

    rows: int
    wanted: int
    prompts: int
    """Distinct prompts; equal to `rows`, since a prompt is never written twice."""
    rejected: int
    """Rows that lack a field or that the checker found an error in."""
    duplicates: int
    """Rows left out because their prompt was already there."""
    conflicts: int
    """Those of the duplicates whose answer was another one: their prompt does not determine it."""
    by_source: Mapping[str, int]
    by_category: Mapping[str, int]
    rejected_by: Mapping[str, int]
    """Rejected rows by the code of their first finding."""
    possible: Mapping[str, int]
    """Of the generators that could not make their share: how many unique rows they can make."""
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return attrs.asdict(self)


class Gate:
    """Lets rows of one run through, or not: what was written, what was not, and why."""

    def __init__(
        self,
        registry: Registry,
        checker: AnyChecker,
        write: Write,
        rejects: IO[str] | None,
        dialect: str,
        check: bool,
        total: int,
        emit: Callable[[Event], None],
    ) -> None:
        self.checker, self.write, self.rejects = checker, write, rejects
        self.dialect, self.check, self.total = dialect, check, total
        self.emit = emit
        #: Whether the generator at work describes its schemas.
        self.closed = False
        self.exclude: Callable[[Example], bool] | None = None
        #: Tokens that a row may have, by its own context size; 0 for any number.
        self.most_tokens = 0
        self.too_large = 0
        self.on_row: Callable[[Example], None] | None = None
        self.languages = frozenset(registry.names("language"))
        self.missing: set[str] = set()
        self.notes: list[str] = []
        self.by_source: Counter[str] = Counter()
        self.by_category: Counter[str] = Counter()
        self.rejected_by: Counter[str] = Counter()
        self.duplicates = self.conflicts = self.rows = 0
        #: Rows that were written or wait for their check.
        self.taken = 0
        self.first_reject: tuple[Example, Finding] | None = None
        # Prompts that were taken, with what they were answered: 24 bytes of digest a row.
        self._seen: dict[bytes, bytes] = {}
        self._chunk: list[Example] = []
        self._asked: deque[list[Example]] = deque()

    def note(self, text: str) -> None:
        """Something that the user should read; said once."""
        if text not in self.notes:
            self.notes.append(text)
            self.emit(Event("warning", "generate", text))

    def offer(self, row: Example, *, count_copies: bool) -> None:
        """Takes a row in, unless its prompt is there already, or it lacks a field."""
        key = prompt_key_of(row)
        answer = answer_key_of(row)
        known = self._seen.setdefault(key, answer)
        if known is not answer:
            if count_copies:
                self.duplicates += 1
                self.conflicts += known != answer
            return
        finding = gap(row)
        if finding is not None:
            self._reject(row, finding)
            return
        if self.most_tokens and CONTEXT_SIZES.get(row.context_size, 0) > self.most_tokens:
            self.too_large += 1
            return
        if self.exclude is not None and self.exclude(row):
            return
        self._chunk.append(row)
        self.taken += 1
        if len(self._chunk) == CHUNK:
            self._send()
            while self.checker.ready():
                self._take()

    def take_part(self, part: MadePart, most: int) -> int:
        """Writes the rows of a part that are new, up to `most` of them; returns how many."""
        for text in part.notes:
            self.note(text)
        self.missing.update(part.missing)
        self.too_large += part.too_large
        for row, finding in part.rejected:
            self._reject(row, finding)
        before, seen = self.rows, self._seen
        for at, line in enumerate(part.lines):
            if self.rows - before >= most:
                break
            answer = part.answers[8 * at : 8 * at + 8]
            known = seen.setdefault(part.prompts[16 * at : 16 * at + 16], answer)
            if known is not answer:
                self.duplicates += 1
                self.conflicts += known != answer
                continue
            if self.exclude is not None or self.on_row is not None:
                row = example_from_dict(json.loads(line))
                if self.exclude is not None and self.exclude(row):
                    continue
                if self.on_row is not None:
                    self.on_row(row)
            self.write(line + "\n")
            self.rows += 1
            source, category = part.groups[at]
            self.by_source[source] += 1
            self.by_category[category] += 1
        made = self.rows - before
        self.taken += made
        self.emit(Event("progress", "generate", done=self.rows, total=self.total))
        return made

    def drain(self) -> None:
        """Waits for everything that is being checked."""
        if self._chunk:
            self._send()
        while self._asked:
            self._take()

    def finish(self, max_rejected: float, rejects: Path | None, *, short: bool) -> None:
        """The last notes; raises `FindingsError` where too much was rejected."""
        made = self.rows + self.rejected
        if self.duplicates:
            other = f", {self.conflicts} of them with another answer" if self.conflicts else ""
            self.note(f"{self.duplicates} rows left out: their prompt was already there{other}")
        if self.too_large:
            self.note(
                f"{self.too_large} rows passed over: they are made for more than "
                f"{self.most_tokens:,} tokens (max_context_size)"
            )
        if self.missing:
            names = ", ".join(sorted(self.missing))
            self.note(f"rows not checked: no plugin provides the language {names}")
        if self.first_reject is not None:
            row, finding = self.first_reject
            text = (
                f"{self.rejected} of {made} rows rejected by the checker; the first: "
                f"{finding.code}: {finding.message} in {row.output!r}"
            )
            if self.rejected > max_rejected * made:
                where = f"; all are in {rejects}" if rejects else ""
                raise FindingsError(
                    text + where, where="generate", hint="raise generate.max_rejected to go on"
                )
            self.note(text)
        if short and self.rows < self.total:
            self.note(f"{self.total} rows wanted, {self.rows} made; none was copied to fill up")
        self.emit(Event("progress", "generate", done=self.rows, total=self.rows))

    @property
    def rejected(self) -> int:
        return self.rejected_by.total()

    def report(self, possible: Mapping[str, int]) -> GenerateReport:
        return GenerateReport(
            rows=self.rows,
            wanted=self.total,
            prompts=self.rows,
            rejected=self.rejected,
            duplicates=self.duplicates,
            conflicts=self.conflicts,
            by_source=dict(self.by_source),
            by_category=dict(sorted(self.by_category.items())),
            rejected_by=dict(self.rejected_by),
            possible=dict(possible),
            notes=tuple(self.notes),
        )

    def _send(self) -> None:
        asked = [
            question(row, self.dialect, closed=self.closed) if self.check else None
            for row in self._chunk
        ]
        self.checker.ask(asked)
        self._asked.append(self._chunk)
        self._chunk = []

    def _take(self) -> None:
        for row, finding in zip(self._asked.popleft(), self.checker.take(), strict=True):
            if finding is not None:
                self.taken -= 1
                self._reject(row, finding)
            else:
                self._write(row)

    def _write(self, row: Example) -> None:
        if self.check and row.language:
            if row.language in self.languages:
                row = marked(row)
            else:
                self.missing.add(row.language)
        row = attrs.evolve(row, id=row.content_id())
        self.write(dump_example(row) + "\n")
        self.rows += 1
        self.by_source[row.source] += 1
        self.by_category[row.category] += 1
        if self.on_row is not None:
            self.on_row(row)
        if self.rows % _EVERY == 0:
            self.emit(Event("progress", "generate", done=self.rows, total=self.total))

    def _reject(self, row: Example, finding: Finding) -> None:
        self.rejected_by[finding.code] += 1
        self.first_reject = self.first_reject or (row, finding)
        if self.rejects is not None:
            line = {
                "instruction": row.instruction,
                "output": row.output,
                "family": row.family,
                "schema": row.schema,
                "finding": attrs.asdict(finding),
            }
            self.rejects.write(json.dumps(line, ensure_ascii=False) + "\n")
