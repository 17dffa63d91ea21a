"""The decisions of a correction: which rows go, and why. Reads the file once, writes nothing."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from heimdall_core.dataset.balance import cap, spread
from heimdall_core.dataset.checks import AnswerChecker, is_invalid, is_placeholder
from heimdall_core.dataset.io import BadLine
from heimdall_core.dataset.report import Listed, show_ratio
from heimdall_core.dataset.rows import (
    Repeats,
    answer_digest,
    digest,
    short_digest,
    skeleton,
    trainable_rows,
)
from heimdall_core.types import Example, Finding

if TYPE_CHECKING:
    from heimdall_core.dataset.correct import CorrectOptions

#: Why a row is removed, in the order in which it is tried: a row has one reason, the first.
REASONS: Final = ("format", "placeholder", "language", "duplicate", "contradiction", "balance")


class Decisions:
    """One verdict per trainable row, found in one pass. Some 250 bytes a row, and no text."""

    def __init__(self, path: Path, options: CorrectOptions, checker: AnswerChecker) -> None:
        self.path, self.options, self.checker = path, options, checker
        self.bad = Listed(options.examples)
        self.removed: dict[int, tuple[str, str]] = {}  # by row: reason and detail
        self._checked_by = array("H")  # 1 + position in `_languages`; 0 for an unchecked row
        self._languages: list[str] = []
        self._names: dict[str, int] = {}  # categories, with the number that stands for each
        self._lines = array("Q")
        self._category = array("L")
        self._family, self._schema, self._combination = array("Q"), array("Q"), array("Q")
        self._content = array("Q")
        self._repeats = Repeats()
        for line, row, seen in trainable_rows(path, self.bad.add):
            index = len(self._lines)
            self._lines.append(line)
            prompt, answer = digest(seen.prompt), answer_digest(seen)
            self._note_strata(row, prompt, answer)
            if not self._reject(index, line, row):
                self._repeats.add(index, prompt, answer)
        self._reject_repeats()
        self._reject_surplus()

    @property
    def rows(self) -> int:
        """How many trainable rows the file holds."""
        return len(self._lines)

    @property
    def marked(self) -> int:
        """Rows that stay and that a language has checked."""
        return sum(by != 0 and row not in self.removed for row, by in enumerate(self._checked_by))

    def checked_with(self, row: int) -> str:
        """The language that found no error in the row's answer, or an empty name."""
        by = self._checked_by[row]
        return self._languages[by - 1] if by else ""

    def categories(self, *, removed: bool) -> Counter[str]:
        """Rows by category, with the removed ones or without; then 0 for a category that has
        lost them all."""
        sizes = Counter(
            number
            for row, number in enumerate(self._category)
            if removed or row not in self.removed
        )
        return Counter({name: sizes[number] for name, number in self._names.items()})

    def reasons(self) -> dict[str, int]:
        """Removed lines by reason; every reason is there."""
        counts = Counter(reason for reason, _ in self.removed.values())
        counts["format"] = self.bad.count
        return {reason: counts[reason] for reason in REASONS}

    def examples(self) -> dict[str, tuple[str, ...]]:
        """The first few removals of each reason, as `file:line: detail`."""
        listed = {reason: Listed(self.options.examples) for reason in REASONS}
        listed["format"] = self.bad
        for row, (reason, detail) in sorted(self.removed.items()):
            listed[reason].add(BadLine(self.path, self._lines[row], detail))
        return {reason: tuple(some.shown) for reason, some in listed.items()}

    def _note_strata(self, row: Example, prompt: bytes, answer: int) -> None:
        self._category.append(self._names.setdefault(row.category, len(self._names)))
        # An imported row names neither family nor combination: the answer's shape and the prompt
        # stand in for them.
        self._family.append(short_digest(row.family or skeleton(row.output)))
        self._schema.append(short_digest(row.schema))
        prompt_start = int.from_bytes(prompt[:8])
        combination = short_digest(row.combination) if row.combination else prompt_start
        self._combination.append(combination)
        self._content.append(prompt_start ^ answer)

    def _reject(self, index: int, line: int, row: Example) -> bool:
        """The checks that need the row itself."""
        self._checked_by.append(0)
        if self.options.drop_placeholders and is_placeholder(row.output):
            self._remove(index, "placeholder", "the answer only stands for one")
            return True
        if not self.options.check_language:
            return False
        result = self.checker.check(row, f"{self.path}:{line}")
        if result is None:
            return False
        name, findings = result
        if is_invalid(findings):
            self._remove(index, "language", f"{name}: {_first_error(findings)}")
            return True
        if name not in self._languages:
            self._languages.append(name)
        self._checked_by[index] = self._languages.index(name) + 1
        return False

    def _reject_repeats(self) -> None:
        """Duplicates, then contradictions. Votes are counted with the duplicates."""
        for answers in self._repeats.groups():
            for same in answers:
                for row in same[1:]:
                    self._remove(row, "duplicate", f"of line {self._lines[same[0]]}")
            if len(answers) < 2 or self.options.contradictions == "keep":
                continue
            keep = _majority(answers) if self.options.contradictions == "majority" else None
            line = self._lines[answers[0][0]]
            detail = f"{len(answers)} different answers to this prompt, first at line {line}"
            for same in answers:
                if same is not keep:
                    self._remove(same[0], "contradiction", detail)

    def _reject_surplus(self) -> None:
        kept = +self.categories(removed=False)
        limit = cap(kept, self.options.max_category_ratio, self.options.min_category_size)
        if limit is None:
            return
        rows_of: dict[int, list[int]] = {
            self._names[name]: [] for name, size in kept.items() if size > limit
        }
        for row, number in enumerate(self._category):
            if number in rows_of and row not in self.removed:
                rows_of[number].append(row)
        ratio = show_ratio(self.options.max_category_ratio or 0)
        names = list(self._names)
        strata = (self._family, self._schema, self._combination)
        for number, rows in rows_of.items():
            detail = f"'{names[number]}' has {len(rows)} rows, {limit} may stay ({ratio})"
            for row in spread(rows, strata, self._content)[limit:]:
                self._remove(row, "balance", detail)

    def _remove(self, row: int, reason: str, detail: str) -> None:
        self.removed[row] = (reason, detail)


def _majority(answers: Sequence[list[int]]) -> list[int] | None:
    """The rows of the answer that more rows give than any other; None on a tie."""
    first, second = sorted(answers, key=len, reverse=True)[:2]
    return first if len(first) > len(second) else None


def _first_error(findings: Sequence[Finding]) -> str:
    error = next(f for f in findings if f.severity == "error")
    return f"{error.code} at {error.line}:{error.column}: {error.message}"
