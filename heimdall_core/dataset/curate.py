"""The decisions of a correction: which rows go, and why. Reads the dataset, writes nothing."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from heimdall_core.dataset.balance import cap, spread
from heimdall_core.dataset.checks import AnswerChecker
from heimdall_core.dataset.io import rows_at
from heimdall_core.dataset.near_spread import open_index
from heimdall_core.dataset.report import Listed, show_ratio
from heimdall_core.dataset.rows import Repeats
from heimdall_core.dataset.same import Sameness
from heimdall_core.dataset.scan import COLUMNS, STRATA, Emit, Scanned, ScanOptions, scan
from heimdall_core.dataset.spill import Column
from heimdall_core.types import Example, Finding

if TYPE_CHECKING:
    from heimdall_core.dataset.correct import CorrectOptions

#: Why a row is removed, in the order in which it is tried: a row has one reason, the first.
REASONS: Final = (
    *("format", "placeholder", "language", "duplicate", "canonical", "contradiction", "near"),
    "balance",
)
_CODE: Final = {reason: code for code, reason in enumerate(REASONS, 1)}
_KINDS: Final = {name: COLUMNS[name] for name in ("line", "answer", "category", "checked_by")}


@frozen
class BlockDecisions:
    """The verdicts on the rows of one block: small, and fit to be sent to another process."""

    gone: bytes
    """By row: 0 for one that stays, or 1 + the place of its reason among `REASONS`."""
    details: Mapping[int, str]
    """Why a row goes, in words; "" where only its text can tell."""
    checked_by: bytes
    """By row: 1 + the place in `languages` of the one that found no error in it, or 0."""
    languages: tuple[str, ...]

    def checked_with(self, at: int) -> str:
        """The language that found no error in the row's answer, or an empty name."""
        by = self.checked_by[at]
        return self.languages[by - 1] if by else ""

    def removal(
        self, at: int, example: Example, where: str, checker: AnswerChecker
    ) -> tuple[str, str]:
        """Reason and detail of a row that goes."""
        reason = REASONS[self.gone[at] - 1]
        return reason, self.details[at] or language_detail(checker, example, where)


def language_detail(checker: AnswerChecker, example: Example, where: str) -> str:
    """What is wrong with an answer by its language."""
    found = checker.check(example, where)
    return f"{found[0]}: {_first_error(found[1])}" if found else ""


class Decisions:
    """One verdict per trainable row. Some 60 bytes a row and 192 for its signature, on the disk
    where rows are many; no text."""

    def __init__(
        self,
        path: Path,
        options: CorrectOptions,
        checker: AnswerChecker,
        emit: Emit = lambda event: None,
        folder: Path | None = None,
    ) -> None:
        self.path, self.options, self.checker = path, options, checker
        self.bad = Listed(options.examples)
        self.missing: Counter[str] = Counter()
        self.block_rows = array("Q")
        """Trainable rows of each block of the dataset."""
        self._languages: list[str] = []
        self._names: dict[str, int] = {}  # categories, with the number that stands for each
        self._columns = {name: Column(code, folder) for name, code in {**_KINDS, **STRATA}.items()}
        self._reason, self._reference = Column("B", folder), Column("Q", folder)
        self._conflicts: dict[int, tuple[int, int]] = {}  # by kept number: answers, first row
        self._surplus: dict[int, str] = {}  # by category: the detail of its removals
        repeats, index = Repeats(folder), open_index(folder)
        wanted = ScanOptions(
            check_language=options.check_language,
            placeholders=options.drop_placeholders,
            strata=True,
            near=options.near_duplicates,
            examples=options.examples,
        )
        scanned = scan(path, wanted, checker, index=index, workers=options.workers, emit=emit)
        for found in scanned:
            self._take(found, repeats)
        self._reference.fill(0, self.rows)
        self._gone, self._of = self._reason.values(), self._reference.values()
        self._values: dict[str, Any] = {n: c.values() for n, c in self._columns.items()}
        same = Sameness(
            path,
            checker,
            self._columns["line"],
            self._columns["answer"],
            forms=options.canonical_duplicates != "keep",
            workers=options.workers,
            emit=emit,
        )
        self._reject_repeats(repeats, same)
        if options.canonical_duplicates == "all":
            self._reject_canonical(same)
        if options.near_duplicates and self.rows:
            pairs = self._other_prompts(same) if options.contradictions == "keep" else same.pairs
            for row, kept in index.removals(self._gone, options.near_threshold, pairs).items():
                self._remove(row, "near", kept)
        self._reject_surplus()

    @property
    def rows(self) -> int:
        """How many trainable rows the file holds."""
        return len(self._columns["line"])

    @property
    def marked(self) -> int:
        """Rows that stay and that a language has checked."""
        by = self._values["checked_by"]
        return sum(b != 0 and not g for b, g in zip(by, self._gone, strict=True))

    def of_block(self, start: int, count: int) -> BlockDecisions:
        """What was decided of `count` rows from `start` on."""
        gone = bytes(self._gone[start : start + count])
        return BlockDecisions(
            gone,
            {at: self._detail(start + at) for at, code in enumerate(gone) if code},
            bytes(self._values["checked_by"][start : start + count]),
            tuple(self._languages),
        )

    def _detail(self, row: int) -> str:
        """Why a row goes, in words; "" where only its text can tell."""
        reason = REASONS[self._gone[row] - 1]
        other = self._of[row]
        if reason == "placeholder":
            return "the answer only stands for one"
        if reason == "language":
            return ""
        if reason == "contradiction":
            answers, first = self._conflicts[other]
            line = self._values["line"][first]
            return f"{answers} different answers to this prompt, first at line {line}"
        if reason == "balance":
            return self._surplus[self._values["category"][row]]
        kind = {"duplicate": "of", "canonical": "same query as", "near": "almost as"}[reason]
        return f"{kind} line {self._values['line'][other]}"

    def categories(self, *, removed: bool) -> Counter[str]:
        """Rows by category, with the removed ones or without; then 0 for a category that has
        lost them all."""
        if removed:
            sizes = Counter(self._values["category"])
        else:
            pairs = zip(self._values["category"], self._gone, strict=True)
            sizes = Counter(category for category, gone in pairs if not gone)
        return Counter({name: sizes[number] for name, number in self._names.items()})

    def reasons(self) -> dict[str, int]:
        """Removed lines by reason; every reason is there."""
        counts = Counter(self._gone)
        found = {reason: counts[code] for reason, code in _CODE.items()}
        return {**found, "format": self.bad.count}

    def examples(self) -> dict[str, tuple[str, ...]]:
        """The first few removals of each reason, as `file:line: detail`."""
        lines = self._values["line"]
        few: dict[str, list[int]] = {reason: [] for reason in REASONS}
        for row, code in enumerate(self._gone):
            if code and len(few[REASONS[code - 1]]) < self.options.examples:
                few[REASONS[code - 1]].append(row)
        texts = rows_at(self.path, [lines[row] for row in few["language"]])
        shown = {}
        for reason, rows in few.items():
            listed = []
            for row in rows:
                where = f"{self.path}:{lines[row]}"
                example = texts.get(lines[row], Example(""))
                detail = self._detail(row) or language_detail(self.checker, example, where)
                listed.append(f"{where}: {detail}")
            shown[reason] = tuple(listed)
        return {**shown, "format": tuple(self.bad.shown)}

    def _take(self, found: Scanned, repeats: Repeats) -> None:
        start = self.rows
        self.bad.take(found.bad, found.bad_lines)
        self.missing += found.missing
        self.block_rows.append(found.rows)
        columns = dict(found.columns)
        codes = [self._names.setdefault(n, len(self._names)) for n in found.categories]
        categories = array("I")
        categories.frombytes(columns["category"])
        columns["category"] = array("I", [codes[c] for c in categories]).tobytes()
        for name in found.languages:
            if name not in self._languages:
                self._languages.append(name)
        by = bytes([0, *(1 + self._languages.index(name) for name in found.languages)])
        columns["checked_by"] = columns["checked_by"].translate(by.ljust(256, b"\0"))
        for name, column in self._columns.items():
            column.extend(columns[name])
        # Verdicts of the scan (placeholder, invalid) as reasons.
        verdicts = columns["verdict"]
        codes_of = bytes([0, _CODE["placeholder"], _CODE["language"]]).ljust(256, b"\0")
        self._reason.extend(verdicts.translate(codes_of))
        answers = array("Q")
        answers.frombytes(columns["answer"])
        for offset, (answer, verdict) in enumerate(zip(answers, verdicts, strict=True)):
            if not verdict:
                prompt = columns["prompt"][16 * offset : 16 * offset + 16]
                repeats.add(start + offset, prompt, answer)

    def _reject_repeats(self, repeats: Repeats, same: Sameness) -> None:
        """Duplicates, then contradictions. Votes are counted with the duplicates."""
        open_groups = []
        for answers in repeats.groups():
            for rows in answers:
                for row in rows[1:]:
                    self._remove(row, "duplicate", rows[0])
            if len(answers) > 1:
                open_groups.append([(rows[0], len(rows)) for rows in answers])
        if self.options.canonical_duplicates != "keep":
            same.learn([row for group in open_groups for row, _ in group])
        for group in open_groups:
            if self.options.canonical_duplicates != "keep":
                group = self._merge(group, same)
            if len(group) > 1 and self.options.contradictions != "keep":
                self._reject_contradiction(group)

    def _merge(self, group: Sequence[tuple[int, int]], same: Sameness) -> list[tuple[int, int]]:
        """Answers (first row, votes) with those of one canonical form put together."""
        merged: dict[int, tuple[int, int]] = {}
        for row, votes in group:
            digest = same.of(row)
            if digest in merged:
                kept, before = merged[digest]
                self._remove(row, "canonical", kept)
                merged[digest] = (kept, before + votes)
            else:
                merged[digest] = (row, votes)
        return list(merged.values())

    def _reject_contradiction(self, group: Sequence[tuple[int, int]]) -> None:
        keep = _majority(group) if self.options.contradictions == "majority" else None
        number = len(self._conflicts)
        self._conflicts[number] = (len(group), group[0][0])
        for row, _ in group:
            if row != keep:
                self._remove(row, "contradiction", number)

    def _other_prompts(self, same: Sameness) -> Callable[[Any, Any], Any]:
        """As `same.pairs`, but for rows of one prompt: where contradictions are kept, two answers
        in prose that are alike as texts are two of them."""
        import numpy as np

        columns = (np.frombuffer(self._values[name], np.uint64) for name in ("content", "answer"))
        prompts = np.bitwise_xor(*columns)  # 64 bits of each; `content` is prompt and answer

        def pairs(earlier: Any, later: Any) -> Any:
            return same.pairs(earlier, later) & (prompts[earlier] != prompts[later])

        return pairs

    def _reject_canonical(self, same: Sameness) -> None:
        """Queries that stand in an earlier row, whatever the prompt."""
        rows = [row for row, gone in enumerate(self._gone) if not gone]
        first: dict[int, int] = {}
        for row, digest in same.queries(rows):
            if first.setdefault(digest, row) != row:
                self._remove(row, "canonical", first[digest])

    def _reject_surplus(self) -> None:
        kept = +self.categories(removed=False)
        limit = cap(kept, self.options.max_category_ratio, self.options.min_category_size)
        if limit is None:
            return
        rows_of: dict[int, list[int]] = {
            self._names[name]: [] for name, size in kept.items() if size > limit
        }
        for row, number in enumerate(self._values["category"]) if rows_of else ():
            if number in rows_of and not self._gone[row]:
                rows_of[number].append(row)
        ratio = show_ratio(self.options.max_category_ratio or 0)
        names = list(self._names)
        strata = [self._values[name] for name in ("family", "schema", "combination")]
        for number, rows in rows_of.items():
            detail = f"'{names[number]}' has {len(rows)} rows, {limit} may stay ({ratio})"
            self._surplus[number] = detail
            for row in spread(rows, strata, self._values["content"])[limit:]:
                self._remove(row, "balance", 0)

    def _remove(self, row: int, reason: str, reference: int) -> None:
        self._gone[row] = _CODE[reason]
        self._of[row] = reference


def _majority(group: Sequence[tuple[int, int]]) -> int | None:
    """The row of the answer that has more votes than any other; None on a tie."""
    first, second = sorted(group, key=lambda answer: answer[1], reverse=True)[:2]
    return first[0] if first[1] > second[1] else None


def _first_error(findings: Sequence[Finding]) -> str:
    error = next(f for f in findings if f.severity == "error")
    return f"{error.code} at {error.line}:{error.column}: {error.message}"
