"""One pass over a dataset, on all cores: everything that validation and correction need to know of
each row, as columns of numbers.

A worker decodes a block, checks its rows and sends back columns; the parent appends them. No text
of a row leaves the worker, but for the few that a report shows.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen

from heimdall_core.dataset import formats
from heimdall_core.dataset.checks import AnswerChecker, is_invalid, is_placeholder
from heimdall_core.dataset.formats import Block
from heimdall_core.dataset.io import BadLine
from heimdall_core.dataset.lengths import count_tokens, load_tokenizer
from heimdall_core.dataset.near import Index, guard, near_text, packages, signatures
from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.dataset.rows import (
    answer_digest,
    excerpt,
    seen_rows,
    short_digest,
    skeleton,
)
from heimdall_core.prompt import RenderedExample
from heimdall_core.types import Event, Example, Finding

Emit = Callable[[Event], None]

#: What a row is found to be by itself.
FINE, PLACEHOLDER, INVALID = 0, 1, 2


@frozen(kw_only=True)
class ScanOptions:
    """What is looked at."""

    check_language: bool = True
    placeholders: bool = True
    strata: bool = False
    """What balancing needs: family, schema, combination, content."""
    near: bool = False
    guards: bool = False
    """A number that two queries of one canonical form share; 0 for an answer in no language."""
    personal: bool = False
    ids: bool = False
    """Ids that stand for two different rows."""
    tokenizer: str = ""
    examples: int = 5
    """How many of each kind of fault are kept as text."""


@frozen
class FindingSeen:
    """One kind of finding of a language within a block."""

    count: int
    first: BadLine
    """Where it was seen first, and its message."""


@define
class Scanned:
    """What one block came to. Columns are bytes, one value a row."""

    rows: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = field(factory=list)
    placeholders: int = 0
    placeholder_lines: list[BadLine] = field(factory=list)
    personal: Counter[str] = field(factory=Counter)
    personal_rows: int = 0
    reserved_rows: int = 0
    """Rows with nothing but addresses that are set aside for documentation."""
    personal_lines: list[BadLine] = field(factory=list)
    categories: list[str] = field(factory=list)
    languages: list[str] = field(factory=list)
    context_sizes: Counter[str] = field(factory=Counter)
    licences: Counter[str] = field(factory=Counter)
    checked: int = 0
    invalid: int = 0
    findings: dict[tuple[str, str, str, str], FindingSeen] = field(factory=dict)
    missing: Counter[str] = field(factory=Counter)
    without_schema: int = 0
    own_ids: list[tuple[bytes, int]] = field(factory=list)
    columns: dict[str, bytes] = field(factory=dict)
    near: tuple[bytes, list[bytes]] | None = None
    done: int = 0


#: Columns of every scan, and those of `strata` and `tokenizer`, with their types.
COLUMNS: Mapping[str, str] = {
    "line": "Q",
    "answer": "Q",
    "category": "I",
    "verdict": "B",
    "checked_by": "B",
}
STRATA: Mapping[str, str] = {"family": "Q", "schema": "Q", "combination": "Q", "content": "Q"}
TOKENS: Mapping[str, str] = {"prompt_tokens": "I", "answer_tokens": "I"}


def scan(
    path: Path,
    options: ScanOptions,
    checker: AnswerChecker,
    *,
    index: Index | None = None,
    workers: int = 0,
    emit: Emit = lambda event: None,
) -> Iterator[Scanned]:
    """What each block of `path` came to, in order; the rows' signatures go into `index`. Raises
    `DatasetError` for a file that cannot be read, and for an extra that is missing."""
    scanner = Scanner(options, checker)
    scanner.prepare()
    total = formats.size(path)
    blocks = formats.blocks(path)
    results = (
        index.scan(scanner, blocks, workers)
        if index is not None and options.near
        else ordered_map(scanner, blocks, workers)
    )
    for found in results:
        emit(Event("progress", message="reading", done=found.done, total=total))
        yield found


class Scanner:
    """Looks at one block. Called in a worker, which keeps what it loads for the next block."""

    def __init__(self, options: ScanOptions, checker: AnswerChecker) -> None:
        self.options, self.checker = options, checker
        self._tokenizer: Any = None
        self._find: Callable[[str], list[tuple[str, str]]] = lambda text: []
        self._mask: Callable[[str], str] = str

    def prepare(self) -> None:
        """Imports in the parent what the workers then share, and refuses early what is missing."""
        if self.options.near:
            packages()
        if self.options.personal:
            from heimdall_core.dataset import personal

            personal.require()
            self._find, self._mask = personal.find_personal, personal.masked
            self._is_reserved = personal.is_reserved
        if self.options.tokenizer:
            load_tokenizer(self.options.tokenizer)  # not kept: its threads do not survive a fork

    def __call__(self, block: Block) -> Scanned:
        out = Scanned(done=block.done)
        columns = {name: array(code) for name, code in self._kinds().items()}
        prompts = bytearray()
        rendered: list[RenderedExample] = []
        texts: list[str] = []
        guards: list[int] = []
        names: dict[str, int] = {}
        self.checker.reset_counts()

        def on_bad(bad: BadLine) -> None:
            out.bad += 1
            if len(out.bad_lines) < self.options.examples:
                out.bad_lines.append(bad)

        for line, row, seen in seen_rows(block, on_bad):
            answer = answer_digest(seen)
            prompt = prompt_digest(seen)
            prompts += prompt
            columns["line"].append(line)
            columns["answer"].append(answer)
            columns["category"].append(names.setdefault(row.category, len(names)))
            out.context_sizes[row.context_size] += 1
            out.licences[row.licence] += 1
            verdict, by = self._judge(out, row, BadLine(block.path, line, "", block.place(line)))
            columns["verdict"].append(verdict)
            columns["checked_by"].append(by)
            if self.options.strata:
                self._note_strata(columns, row, prompt, answer)
            if self.options.near or self.options.guards:
                guards.append(guard(row))
            if self.options.guards:
                columns["guard"].append(guards[-1] if self.checker.is_query(row) else 0)
            if self.options.near:
                texts.append(near_text(row))
            if self.options.personal:
                self._look_for_personal(out, row, BadLine(block.path, line, "", block.place(line)))
            if self.options.ids:
                content = row.content_id()
                if row.id != content:
                    out.own_ids.append((_key(row.id), int(content, 16)))
            if self.options.tokenizer:
                rendered.append(seen)
        out.rows = len(columns["line"])
        out.categories = list(names)
        out.missing = self.checker.missing
        out.without_schema = self.checker.without_schema
        if texts:
            out.near = signatures(texts, guards)
        out.columns = {name: column.tobytes() for name, column in columns.items()}
        out.columns["prompt"] = bytes(prompts)
        if rendered:
            counts = count_tokens(self._loaded_tokenizer(), rendered)
            out.columns |= dict(zip(TOKENS, counts, strict=True))
        return out

    def _kinds(self) -> Mapping[str, str]:
        guards = {"guard": "Q"} if self.options.guards else {}
        return {**COLUMNS, **guards, **(STRATA if self.options.strata else {})}

    def _loaded_tokenizer(self) -> Any:
        if self._tokenizer is None:
            if self._in_worker():
                os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the cores are taken
            self._tokenizer = load_tokenizer(self.options.tokenizer)
        return self._tokenizer

    @staticmethod
    def _in_worker() -> bool:
        from multiprocessing import parent_process

        return parent_process() is not None

    def _judge(self, out: Scanned, row: Example, at: BadLine) -> tuple[int, int]:
        """The row's verdict, and 1 + the position of the language that found it right."""
        verdict = FINE
        if self.options.placeholders and is_placeholder(row.output):
            out.placeholders += 1
            if len(out.placeholder_lines) < self.options.examples:
                out.placeholder_lines.append(attrs.evolve(at, reason=excerpt(row.output)))
            verdict = PLACEHOLDER
        if not self.options.check_language:
            return verdict, 0
        result = self.checker.check(row, f"{at.path}:{at.line}")
        if result is None:
            return verdict, 0
        name, found = result
        out.checked += 1
        if name not in out.languages:
            out.languages.append(name)
        self._count_findings(out, name, found, at)
        if is_invalid(found):
            out.invalid += 1
            return verdict or INVALID, 0
        return verdict, 1 + out.languages.index(name)

    @staticmethod
    def _count_findings(out: Scanned, name: str, found: Sequence[Finding], at: BadLine) -> None:
        for finding in found:
            key = (name, finding.severity, finding.kind, finding.code)
            before = out.findings.get(key)
            if before is None:
                out.findings[key] = FindingSeen(1, attrs.evolve(at, reason=finding.message))
            else:
                out.findings[key] = FindingSeen(before.count + 1, before.first)

    @staticmethod
    def _note_strata(
        columns: Mapping[str, array[int]], row: Example, prompt: bytes, answer: int
    ) -> None:
        # An imported row names neither family nor combination: the answer's shape and the prompt
        # stand in for them.
        columns["family"].append(short_digest(row.family or skeleton(row.output)))
        columns["schema"].append(short_digest(row.schema))
        start = int.from_bytes(prompt[:8])
        columns["combination"].append(short_digest(row.combination) if row.combination else start)
        columns["content"].append(start ^ answer)

    def _look_for_personal(self, out: Scanned, row: Example, at: BadLine) -> None:
        parts = (row.system, row.instruction, row.input, row.output)
        found = self._find("\n".join(part for part in parts if part))
        if not found:
            return
        counted = [each for each in found if not self._is_reserved(*each)]
        if not counted:
            out.reserved_rows += 1
            return
        out.personal_rows += 1
        for kind, text in counted:
            out.personal[kind] += 1
            if len(out.personal_lines) < self.options.examples:
                out.personal_lines.append(attrs.evolve(at, reason=f"{kind} {self._mask(text)}"))


def prompt_digest(seen: RenderedExample) -> bytes:
    """128 bits of the prompt as the model sees it."""
    return _key(seen.prompt)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
