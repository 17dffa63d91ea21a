"""Validation: what is in a dataset file, and what is wrong with it. Reads, and changes nothing."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen, validators

from heimdall_core.dataset.checks import (
    AnswerChecker,
    LanguageLookup,
    is_invalid,
    is_placeholder,
    no_language,
)
from heimdall_core.dataset.io import BadLine
from heimdall_core.dataset.report import (
    Contradiction,
    FindingCount,
    Listed,
    ValidationReport,
    by_count,
)
from heimdall_core.dataset.rows import Repeats, answer_digest, digest, excerpt, trainable_rows
from heimdall_core.types import Example, Json


def _share() -> Any:
    return [validators.ge(0), validators.le(1)]


def _ratio() -> Any:
    return validators.optional(validators.ge(1))


@frozen(kw_only=True)
class ValidateOptions:
    """What a dataset must be like. The string below each field is its help text."""

    check_language: bool = True
    """Check each answer with the language plugin that its row names."""
    language: str = ""
    """Language of the rows that name none; empty leaves them unchecked."""
    dialect: str = ""
    """Dialect to check answers against; empty for the language's default."""
    max_bad_share: float = field(default=0.0, validator=_share())
    """Share of lines that may be no rows."""
    max_duplicate_share: float = field(default=0.05, validator=_share())
    """Share of rows that may repeat an earlier one."""
    max_contradictions: int = field(default=0, validator=validators.ge(0))
    """Prompts that may have different answers."""
    max_placeholder_share: float = field(default=0.0, validator=_share())
    """Share of rows whose answer may be a placeholder."""
    max_category_ratio: float | None = field(default=3.0, validator=_ratio())
    """Largest category over smallest; none leaves the balance unjudged."""
    max_invalid_share: float = field(default=0.0, validator=_share())
    """Share of checked answers that may be wrong by their language."""
    min_rows: int = field(default=1, validator=validators.ge(0))
    """Rows that there must be."""
    examples: int = field(default=5, validator=validators.ge(0))
    """How many of each kind of fault are shown with their lines; all are counted."""


def validate_file(
    path: Path,
    options: ValidateOptions | None = None,
    *,
    language: LanguageLookup = no_language,
    schemas: Mapping[str, Json] | None = None,
) -> ValidationReport:
    """Reads `path` (JSONL, `.gz` too) once and reports on it; some 200 bytes a row are kept.

    `language` looks a language plugin up by name and gives None for one that is not there;
    `schemas` holds the graph schemas by the names that rows use. Raises `DatasetError` for a
    file that cannot be read; bad lines and bad rows are what the report is about.
    """
    options = options or ValidateOptions()
    checker = AnswerChecker(
        language, schemas or {}, default=options.language, dialect=options.dialect
    )
    return _Validation(path, options, checker).run()


class _Validation:
    """The running counts of one validation."""

    def __init__(self, path: Path, options: ValidateOptions, checker: AnswerChecker) -> None:
        self.path, self.options, self.checker = path, options, checker
        self.lines = array("Q")  # line number by row
        self.repeats = Repeats()
        self.asked: dict[int, str] = {}  # prompts that repeat, as shown, by their first row
        self.bad = Listed(options.examples)
        self.placeholders = Listed(options.examples)
        self.categories: Counter[str] = Counter()
        self.context_sizes: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.ids: dict[str, str] = {}  # ids that are no content hash, with the first one's hash
        self.shared_ids = 0
        self.checked = 0
        self.invalid = 0
        self.findings: dict[tuple[str, str, str, str], FindingCount] = {}

    def run(self) -> ValidationReport:
        """Reads the file and sums up."""
        for line, row, seen in trainable_rows(self.path, self.bad.add):
            index = len(self.lines)
            self.lines.append(line)
            first = self.repeats.add(index, digest(seen.prompt), answer_digest(seen))
            if first != index and first not in self.asked:
                self.asked[first] = excerpt(row.instruction)
            self._count(row, line)
            if self.options.check_language:
                self._check(row, line)
        return self._report()

    def _count(self, row: Example, line: int) -> None:
        self.categories[row.category] += 1
        self.context_sizes[row.context_size] += 1
        self.licences[row.licence] += 1
        if is_placeholder(row.output):
            self.placeholders.add(BadLine(self.path, line, excerpt(row.output)))
        content = row.content_id()
        if row.id != content and self.ids.setdefault(row.id, content) != content:
            self.shared_ids += 1

    def _check(self, row: Example, line: int) -> None:
        result = self.checker.check(row, f"{self.path}:{line}")
        if result is None:
            return
        name, found = result
        self.checked += 1
        self.invalid += is_invalid(found)
        for finding in found:
            key = (name, finding.severity, finding.kind, finding.code)
            before = self.findings.get(key)
            if before is None:
                example = f"{self.path}:{line}: {finding.message}"
                self.findings[key] = FindingCount(*key, count=1, example=example)
            else:
                self.findings[key] = attrs.evolve(before, count=before.count + 1)

    def _report(self) -> ValidationReport:
        duplicates = 0
        contradictions = []
        for answers in self.repeats.groups():
            rows = sum(map(len, answers))
            duplicates += rows - len(answers)
            if len(answers) > 1:
                first = answers[0][0]
                contradictions.append(
                    Contradiction(self.lines[first], rows, len(answers), self.asked[first])
                )
        contradictions.sort(key=lambda c: (-c.answers, c.line))
        return ValidationReport(
            path=str(self.path),
            rows=len(self.lines),
            bad=self.bad.count,
            bad_lines=tuple(self.bad.shown),
            placeholders=self.placeholders.count,
            placeholder_lines=tuple(self.placeholders.shown),
            duplicates=duplicates,
            prompts=self.repeats.prompts,
            contradictions=len(contradictions),
            contradictory_rows=sum(c.rows for c in contradictions),
            worst_contradictions=tuple(contradictions[: self.options.examples]),
            shared_ids=self.shared_ids,
            categories=by_count(self.categories),
            context_sizes=by_count(self.context_sizes),
            licences=by_count(self.licences),
            checked=self.checked,
            invalid=self.invalid,
            missing_languages=by_count(self.checker.missing),
            without_schema=self.checker.without_schema,
            findings=tuple(sorted(self.findings.values(), key=lambda f: (-f.count, f.code))),
        )
