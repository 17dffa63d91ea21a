"""Validation: what is in a dataset file, and what is wrong with it. Reads, and changes nothing."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen, validators

from heimdall_core.dataset import near, personal
from heimdall_core.dataset.checks import AnswerChecker, LanguageLookup, no_language
from heimdall_core.dataset.io import rows_at
from heimdall_core.dataset.lengths import TokenReport, token_report
from heimdall_core.dataset.near_spread import open_index
from heimdall_core.dataset.report import (
    Contradiction,
    FindingCount,
    Listed,
    ValidationReport,
    by_count,
)
from heimdall_core.dataset.rows import Repeats, excerpt
from heimdall_core.dataset.same import Sameness
from heimdall_core.dataset.scan import Emit, Scanned, ScanOptions, scan
from heimdall_core.dataset.spill import Column, Partitions
from heimdall_core.errors import did_you_mean
from heimdall_core.prompt import PROFILES
from heimdall_core.types import Json


def _share() -> Any:
    return [validators.ge(0), validators.le(1)]


def _maybe_share() -> Any:
    return validators.optional([validators.ge(0), validators.le(1)])


def _ratio() -> Any:
    return validators.optional(validators.ge(1))


def _profile(_: Any, attribute: Any, value: str) -> None:
    if value not in PROFILES:
        raise ValueError(
            f"'prompt_profile' must be known: '{value}'; {did_you_mean(value, PROFILES)}"
        )


@frozen(kw_only=True)
class ValidateOptions:
    """What a dataset must be like. The string below each field is its help text."""

    check_language: bool = True
    """Check each answer with the language plugin that its row names."""
    language: str = ""
    """Language of the rows that name none; empty leaves them unchecked."""
    dialect: str = ""
    """Dialect to check answers against; empty for the language's default."""
    near_duplicates: bool = True
    """Look for rows that are almost another one (extra `data`; without it, the report says so)."""
    near_threshold: float = field(default=0.7, validator=[validators.gt(0), validators.le(1)])
    """Similarity of two texts (Jaccard, over five-character shingles) from which they are near."""
    personal_data: bool = True
    """Look for personal data and secrets (extra `data`; without it, the report says so)."""
    tokenizer: str = ""
    """Model folder, `tokenizer.json` or hub name to count tokens with; empty counts none."""
    prompt_profile: str = field(default="chatml", validator=_profile)
    """Rendering that the tokens are counted under; there is one, the prompt contract's."""
    max_seq_length: int = field(default=0, validator=validators.ge(0))
    """Tokens of a row that a trainer takes; 0 leaves the lengths unjudged. Needs a tokenizer."""
    max_bad_share: float = field(default=0.0, validator=_share())
    """Share of lines that may be no rows."""
    max_duplicate_share: float = field(default=0.05, validator=_share())
    """Share of rows that may repeat an earlier one."""
    max_near_share: float | None = field(default=None, validator=_maybe_share())
    """Share of rows that may be near an earlier one; none leaves it unjudged."""
    max_contradictions: int = field(default=0, validator=validators.ge(0))
    """Prompts that may have different answers."""
    max_placeholder_share: float = field(default=0.0, validator=_share())
    """Share of rows whose answer may be a placeholder."""
    max_category_ratio: float | None = field(default=3.0, validator=_ratio())
    """Largest category over smallest; none leaves the balance unjudged."""
    max_invalid_share: float = field(default=0.0, validator=_share())
    """Share of checked answers that may be wrong by their language."""
    max_personal_share: float | None = field(default=None, validator=_maybe_share())
    """Share of rows that may hold personal data or secrets; none leaves it unjudged."""
    max_truncated_share: float = field(default=0.0, validator=_share())
    """Share of rows that may be longer than `max_seq_length`."""
    licences: tuple[str, ...] = ()
    """SPDX identifiers that rows may have (an empty one for rows that state none); none named
    leaves the mix unjudged."""
    min_rows: int = field(default=1, validator=validators.ge(0))
    """Rows that there must be."""
    examples: int = field(default=5, validator=validators.ge(0))
    """How many of each kind of fault are shown with their lines; all are counted."""
    workers: int = field(default=0, validator=validators.ge(0))
    """Processes; 0 for one per core. Changes no figure."""

    def __attrs_post_init__(self) -> None:
        if self.max_seq_length and not self.tokenizer:
            raise ValueError("'max_seq_length' must be with a tokenizer to count with")

    def strict(self) -> ValidateOptions:
        """The same with every limit as a corrected dataset keeps it."""
        return attrs.evolve(
            self,
            max_bad_share=0.0,
            max_duplicate_share=0.0,
            max_near_share=0.0,
            max_contradictions=0,
            max_placeholder_share=0.0,
            max_category_ratio=min(self.max_category_ratio or 3.0, 3.0),
            max_invalid_share=0.0,
            max_personal_share=0.0,
            max_truncated_share=0.0,
        )


def validate_file(
    path: Path,
    options: ValidateOptions | None = None,
    *,
    language: LanguageLookup = no_language,
    schemas: Mapping[str, Json] | None = None,
    emit: Emit = lambda event: None,
) -> ValidationReport:
    """Reads `path` (JSONL, `.gz` too, Parquet, a folder of `datasets`) and reports on it; what is
    kept of a row is figures, on the disk where rows are many.

    `language` looks a language plugin up by name and gives None for one that is not there;
    `schemas` holds the graph schemas by the names that rows use. Raises `DatasetError` for a
    file that cannot be read; bad lines and bad rows are what the report is about.
    """
    options = options or ValidateOptions()
    checker = AnswerChecker(
        language, schemas or {}, default=options.language, dialect=options.dialect
    )
    return _Validation(path, options, checker).run(emit)


class _Validation:
    """The running counts of one validation."""

    def __init__(self, path: Path, options: ValidateOptions, checker: AnswerChecker) -> None:
        self.path, self.options, self.checker = path, options, checker
        self.skipped: list[str] = []
        self.near = options.near_duplicates and self._has(near, "near-duplicates")
        self.personal_data = options.personal_data and self._has(personal, "personal data")
        self.rows = 0
        self.lines = Column("Q")  # line number by row
        self.answers = Column("Q")
        self.repeats = Repeats()
        self.near_index = open_index()
        self.tokens = (Column("I"), Column("I"))
        self.bad = Listed(options.examples)
        self.placeholders = Listed(options.examples)
        self.personal = Listed(options.examples)
        self.personal_reserved = 0
        self.personal_kinds: Counter[str] = Counter()
        self.categories: Counter[str] = Counter()
        self.context_sizes: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.ids = Partitions()  # ids that are no content hash
        self.checked = self.invalid = self.without_schema = 0
        self.missing: Counter[str] = Counter()
        self.findings: dict[tuple[str, str, str, str], FindingCount] = {}

    def _has(self, module: Any, what: str) -> bool:
        if module.available():
            return True
        self.skipped.append(what)
        return False

    def run(self, emit: Emit) -> ValidationReport:
        """Reads the file and sums up."""
        wanted = ScanOptions(
            check_language=self.options.check_language,
            near=self.near,
            personal=self.personal_data,
            ids=True,
            tokenizer=self.options.tokenizer,
            examples=self.options.examples,
        )
        scanned = scan(
            self.path,
            wanted,
            self.checker,
            index=self.near_index,
            workers=self.options.workers,
            emit=emit,
        )
        for found in scanned:
            self._take(found)
        return self._report(emit)

    def _take(self, found: Scanned) -> None:
        self.bad.take(found.bad, found.bad_lines)
        self.placeholders.take(found.placeholders, found.placeholder_lines)
        self.personal.take(found.personal_rows, found.personal_lines)
        self.personal_reserved += found.reserved_rows
        self.personal_kinds += found.personal
        self.context_sizes += found.context_sizes
        self.licences += found.licences
        self.checked += found.checked
        self.invalid += found.invalid
        self.missing += found.missing
        self.without_schema += found.without_schema
        for key, seen in found.findings.items():
            before = self.findings.get(key)
            example = str(seen.first)
            if before is not None:
                example = before.example
            count = seen.count + (before.count if before else 0)
            self.findings[key] = FindingCount(*key, count=count, example=example)
        for category, count in Counter(array_of("I", found.columns["category"])).items():
            self.categories[found.categories[category]] += count
        answers, prompts = array_of("Q", found.columns["answer"]), found.columns["prompt"]
        for offset, answer in enumerate(answers):
            prompt = prompts[16 * offset : 16 * offset + 16]
            self.repeats.add(self.rows + offset, prompt, answer)
        for digest, content in found.own_ids:
            self.ids.add(digest, content, 0)
        self.lines.extend(found.columns["line"])
        self.answers.extend(found.columns["answer"])
        for column, name in zip(self.tokens, ("prompt_tokens", "answer_tokens"), strict=True):
            column.extend(found.columns.get(name, b""))
        self.rows += found.rows

    def _report(self, emit: Emit) -> ValidationReport:
        duplicates = rows_in_conflict = 0
        conflicts: list[tuple[int, int, int]] = []  # answers, line, rows
        gone = Column("B")
        gone.fill(0, self.rows)
        repeated = gone.values()
        lines = self.lines.values()
        keep = self.options.examples
        count = 0
        same = Sameness(
            self.path,
            self.checker,
            self.lines,
            self.answers,
            forms=self.options.check_language,
            workers=self.options.workers,
            emit=emit,
        )
        open_groups = []
        for answers in self.repeats.groups():
            rows = sum(map(len, answers))
            duplicates += rows - len(answers)
            for equal in answers:
                for row in equal[1:]:
                    repeated[row] = 1
            if len(answers) > 1:
                open_groups.append((rows, [equal[0] for equal in answers]))
        if self.options.check_language:
            same.learn([row for _, firsts in open_groups for row in firsts])
        for rows, firsts in open_groups:
            if (different := same.different(firsts)) > 1:
                count += 1
                rows_in_conflict += rows
                conflicts.append((-different, lines[firsts[0]], rows))
        worst = sorted(conflicts)[:keep]
        asked = rows_at(self.path, [line for _, line, _ in worst])
        return ValidationReport(
            path=str(self.path),
            rows=self.rows,
            bad=self.bad.count,
            bad_lines=tuple(self.bad.shown),
            placeholders=self.placeholders.count,
            placeholder_lines=tuple(self.placeholders.shown),
            duplicates=duplicates,
            near_duplicates=self._near(repeated, same),
            prompts=self.repeats.prompts,
            contradictions=count,
            contradictory_rows=rows_in_conflict,
            worst_contradictions=tuple(
                Contradiction(line, rows, -answers, excerpt(asked[line].instruction))
                for answers, line, rows in worst
            ),
            shared_ids=shared_ids(self.ids),
            categories=by_count(self.categories),
            context_sizes=by_count(self.context_sizes),
            licences=by_count(self.licences),
            checked=self.checked,
            invalid=self.invalid,
            missing_languages=by_count(self.missing),
            without_schema=self.without_schema,
            findings=tuple(sorted(self.findings.values(), key=lambda f: (-f.count, f.code))),
            personal=self.personal.count if self.personal_data else None,
            personal_reserved=self.personal_reserved,
            personal_kinds=by_count(self.personal_kinds),
            personal_lines=tuple(self.personal.shown),
            tokens=self._token_report(),
            skipped=tuple(self.skipped),
        )

    def _near(self, repeated: Any, same: Sameness) -> int | None:
        if not self.near:
            return None
        if not self.rows:
            return 0
        return len(self.near_index.removals(repeated, self.options.near_threshold, same.pairs))

    def _token_report(self) -> TokenReport | None:
        options = self.options
        if not options.tokenizer:
            return None
        prompts, answers = (column.values() for column in self.tokens)
        return token_report(
            options.tokenizer, options.prompt_profile, options.max_seq_length, prompts, answers
        )


def array_of(code: str, data: bytes) -> array[int]:
    """A column's bytes as numbers."""
    made = array(code)
    made.frombytes(data)
    return made


def shared_ids(ids: Iterable[list[tuple[bytes, int, int]]]) -> int:
    """Rows whose id stands with other content in an earlier row."""
    shared = 0
    for records in ids:
        first: dict[bytes, int] = {}
        shared += sum(first.setdefault(key, content) != content for key, content, _ in records)
    return shared
