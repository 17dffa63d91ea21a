"""What validation reports: counts, and the lines that say whether they are good enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from heimdall_core.dataset.io import BadLine
from heimdall_core.dataset.lengths import TokenReport

if TYPE_CHECKING:
    from heimdall_core.dataset.validate import ValidateOptions


@frozen
class Contradiction:
    """A prompt that has more than one answer."""

    line: int
    """Where it first stands."""
    rows: int
    answers: int
    """How many different ones."""
    prompt: str
    """Its instruction, cut short."""


@frozen
class FindingCount:
    """One kind of finding of a language, over the whole file."""

    language: str
    severity: str
    kind: str
    code: str
    count: int
    example: str
    """The first one: file, line and message."""


@frozen
class ValidationReport:
    """What is in a dataset file. `judge` compares it with the options' limits."""

    path: str
    rows: int
    """Lines that can be trained on."""
    bad: int
    """Lines that cannot: unreadable, or refused by the prompt contract."""
    bad_lines: tuple[str, ...]
    """The first of them, as `file:line: reason`."""
    placeholders: int
    """Rows whose answer only stands for one."""
    placeholder_lines: tuple[str, ...]
    duplicates: int
    """Rows whose prompt and answer repeat those of an earlier row."""
    near_duplicates: int | None
    """Rows that are almost an earlier one and teach the same; None where nobody looked."""
    prompts: int
    """Different prompts, as the model sees them."""
    contradictions: int
    """Prompts with more than one answer."""
    contradictory_rows: int
    """Rows with such a prompt."""
    worst_contradictions: tuple[Contradiction, ...]
    """Those with the most answers."""
    shared_ids: int
    """Rows whose id belongs to an earlier row with other content."""
    categories: Mapping[str, int]
    """Rows by category, most frequent first; so are the other counts."""
    context_sizes: Mapping[str, int]
    licences: Mapping[str, int]
    """Rows by SPDX identifier; an empty name where a row states none."""
    checked: int
    """Rows whose answer a language has checked."""
    invalid: int
    """Of these, rows with an error."""
    missing_languages: Mapping[str, int]
    """Rows by a language that they name and that is not installed."""
    without_schema: int
    """Checked rows that name a graph schema which was not given."""
    findings: tuple[FindingCount, ...]
    personal: int | None
    """Rows with personal data or secrets; None where nobody looked."""
    personal_reserved: int
    """Further rows with nothing but addresses that are set aside for documentation, as under
    example.org and 192.0.2.0/24: nobody's, so that no limit counts them."""
    personal_kinds: Mapping[str, int]
    personal_lines: tuple[str, ...]
    """The first of them, what was found masked."""
    tokens: TokenReport | None
    """Lengths, where a tokenizer was named."""
    skipped: tuple[str, ...]
    """What was asked for and not looked at, since the extra `data` is not installed."""

    @property
    def lines_read(self) -> int:
        """Rows and bad lines; blank lines do not count."""
        return self.rows + self.bad

    @property
    def valid_share(self) -> float:
        """Share of the lines that are rows; 0 for an empty file."""
        return self.rows / self.lines_read if self.lines_read else 0.0

    @property
    def duplicate_share(self) -> float:
        """Share of the rows that repeat an earlier one."""
        return self.duplicates / self.rows if self.rows else 0.0

    @property
    def near_share(self) -> float:
        """Share of the rows that are near an earlier one."""
        return (self.near_duplicates or 0) / self.rows if self.rows else 0.0

    @property
    def personal_share(self) -> float:
        """Share of the rows with personal data or secrets."""
        return (self.personal or 0) / self.rows if self.rows else 0.0

    @property
    def invalid_share(self) -> float:
        """Share of the checked answers that are wrong by their language."""
        return self.invalid / self.checked if self.checked else 0.0

    @property
    def category_ratio(self) -> float:
        """Largest category over smallest; 1 where there are fewer than two."""
        return category_ratio(self.categories)

    def ok(self, options: ValidateOptions) -> bool:
        """Whether every limit is kept."""
        return not self.failures(options)

    def failures(self, options: ValidateOptions) -> list[str]:
        """What misses its limit, one line each."""
        return [text for passed, text in self.judge(options) if passed is False]

    def lines(self, options: ValidateOptions) -> list[str]:
        """The report for a terminal: Format, Duplicates and Categories first, each with `✓`,
        `✗` where it misses its limit, or `–` where it was not judged."""
        marks = {True: "✓", False: "✗", None: "–"}
        return [f"{marks[passed]} {text}" for passed, text in self.judge(options)]

    def judge(self, options: ValidateOptions) -> Iterator[tuple[bool | None, str]]:
        """Each thing that was looked at: kept its limit, missed it, or not judged; and in words."""
        yield self._format(options)
        yield self._duplicates(options)
        yield self._balance(options)
        yield (
            self.contradictions <= options.max_contradictions,
            f"Contradictions: {self.contradictions:,} prompts have different answers "
            f"({self.contradictory_rows:,} of {self.rows:,} rows; {self.prompts:,} prompts in all)"
            if self.contradictions
            else f"Contradictions: none in {self.prompts:,} prompts",
        )
        yield (
            self.placeholders <= options.max_placeholder_share * self.rows,
            f"Placeholders: {self.placeholders:,} of {self.rows:,} answers"
            if self.placeholders
            else "Placeholders: none",
        )
        if self.near_duplicates is not None:
            yield self._near(options)
        if self.checked:
            yield (
                self.invalid_share <= options.max_invalid_share,
                f"Language: {_floor_percent(1 - self.invalid_share)} of {self.checked:,} "
                "checked answers are valid",
            )
        for name, rows in self.missing_languages.items():
            yield None, f"Language: {rows:,} answers in '{name}', which is not installed"
        if self.without_schema:
            yield None, f"Schemas: {self.without_schema:,} rows name one that was not given"
        if self.personal is not None:
            yield self._personal(options)
        if self.tokens is not None:
            yield self._tokens(options)
        if options.licences or len(self.licences) > 1:
            yield self._licences(options)
        for what in self.skipped:
            yield None, f"Not looked for: {what} (needs the extra 'data')"
        if self.shared_ids:
            yield None, f"Ids: {self.shared_ids:,} rows share theirs with a different row"

    def to_json(self) -> dict[str, Any]:
        """All counts and shares as plain JSON."""
        return {
            **attrs.asdict(self),
            "lines_read": self.lines_read,
            "valid_share": self.valid_share,
            "duplicate_share": self.duplicate_share,
            "category_ratio": self.category_ratio,
            "invalid_share": self.invalid_share,
            "near_share": self.near_share,
            "personal_share": self.personal_share,
        }

    def _format(self, options: ValidateOptions) -> tuple[bool, str]:
        enough = self.rows >= options.min_rows
        if not self.lines_read:
            return enough, "Format: the file holds no rows"
        text = f"Format: {_floor_percent(self.valid_share)} valid"
        if self.bad:
            text += f" ({self.bad:,} of {self.lines_read:,} lines are no rows)"
        if not enough:
            text += f"; {self.rows:,} rows, {options.min_rows:,} wanted"
        return enough and self.bad <= options.max_bad_share * self.lines_read, text

    def _duplicates(self, options: ValidateOptions) -> tuple[bool, str]:
        share, limit = self.duplicate_share, options.max_duplicate_share
        counts = f"{self.duplicates:,} of {self.rows:,} rows"
        if share < limit:
            return True, f"Duplicates: <{limit * 100:g}% ({counts})"
        return share <= limit, f"Duplicates: {share:.1%} ({counts}; {limit * 100:g}% allowed)"

    def _near(self, options: ValidateOptions) -> tuple[bool | None, str]:
        limit, count = options.max_near_share, self.near_duplicates or 0
        text = (
            f"Near duplicates: {count:,} of {self.rows:,} rows"
            if count
            else ("Near duplicates: none")
        )
        if limit is None:
            return (None if count else True), text
        return self.near_share <= limit, text + (f" ({limit * 100:g}% allowed)" if count else "")

    def _personal(self, options: ValidateOptions) -> tuple[bool | None, str]:
        reserved = (
            f"; {self.personal_reserved:,} rows hold addresses that are reserved for examples"
            if self.personal_reserved
            else ""
        )
        if not self.personal:
            return True, f"Personal data and secrets: none found{reserved}"
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.personal_kinds.items())
        text = f"Personal data and secrets: in {self.personal:,} of {self.rows:,} rows ({kinds})"
        text += reserved
        limit = options.max_personal_share
        return (None if limit is None else self.personal_share <= limit), text

    def _tokens(self, options: ValidateOptions) -> tuple[bool | None, str]:
        found = self.tokens
        assert found is not None  # noqa: S101 - asked by the caller
        text = (
            f"Tokens: {found.row.p50:,} in the middle, 95 % of the rows up to {found.row.p95:,}, "
            f"longest {found.row.longest:,}"
        )
        if not found.max_seq_length:
            return (False if found.untrainable else None), text
        text += f"; {found.truncated:,} rows are longer than {found.max_seq_length:,}"
        if found.untrainable:
            text += f"; {found.untrainable:,} without a trainable token"
        fits = found.truncated <= options.max_truncated_share * found.rows
        return fits and not found.untrainable, text

    def _licences(self, options: ValidateOptions) -> tuple[bool | None, str]:
        mix = ", ".join(f"{name or 'not stated'} {n:,}" for name, n in self.licences.items())
        if not options.licences:
            return None, f"Licences: {mix}"
        others = [name for name in self.licences if name not in options.licences]
        return not others, f"Licences: {mix}" + (f" ({len(others)} not allowed)" if others else "")

    def _balance(self, options: ValidateOptions) -> tuple[bool | None, str]:
        names = list(self.categories)
        if len(names) < 2:
            only = f"all rows are '{names[0]}'" if names else "none"
            return None, f"Categories: {only}"
        ratio, limit = self.category_ratio, options.max_category_ratio
        ends = (
            f"largest '{names[0]}' {self.categories[names[0]]:,} rows, "
            f"smallest '{names[-1]}' {self.categories[names[-1]]:,}"
        )
        if limit is None:
            return None, f"Categories: {show_ratio(ratio)} ({ends}; no limit)"
        if ratio <= limit:
            counts = f"{show_ratio(ratio)} over {len(names)} categories"
            return True, f"Categories: Balanced ({counts}; {show_ratio(limit)} allowed)"
        words = f"Imbalanced {show_ratio(ratio)} ({ends}; {show_ratio(limit)} allowed)"
        return False, f"Categories: {words}"


class Listed:
    """Counts all bad lines and keeps the first few as text."""

    def take(self, count: int, some: Iterable[BadLine]) -> None:
        """Takes `count` more, of which the first few are given."""
        self.count += count
        for bad in some:
            if len(self.shown) < self._keep:
                self.shown.append(str(bad))

    def __init__(self, keep: int) -> None:
        self.count, self.shown, self._keep = 0, list[str](), keep

    def add(self, bad: BadLine) -> None:
        """Takes one more."""
        self.count += 1
        if len(self.shown) < self._keep:
            self.shown.append(str(bad))


def by_count(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def category_ratio(categories: Mapping[str, int]) -> float:
    """Largest count over smallest; 1 where there are fewer than two."""
    return max(categories.values()) / min(categories.values()) if len(categories) > 1 else 1.0


def show_ratio(ratio: float) -> str:
    """`2.83:1`, `141:1`; rounded up, so that nothing over a limit reads as if it kept it."""
    number = f"{math.ceil(ratio * 100 - 1e-6) / 100:,.2f}"
    return number.rstrip("0").rstrip(".") + ":1"


def _floor_percent(share: float) -> str:
    """Rounded down, so that only a whole is called 100 %."""
    return f"{math.floor(share * 1000 + 1e-9) / 10:g}%"
