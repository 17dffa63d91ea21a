"""What a dataset is made of: composition, lengths, complexity, and the names in its queries."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen

from heimdall_core.dataset import formats
from heimdall_core.dataset.checks import AnswerChecker, LanguageLookup, no_language
from heimdall_core.dataset.formats import Block
from heimdall_core.dataset.io import rows_of
from heimdall_core.dataset.lengths import Spread, count_tokens, load_tokenizer, spread_of
from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.dataset.report import by_count
from heimdall_core.dataset.scan import Emit
from heimdall_core.errors import HeimdallError, PromptError
from heimdall_core.prompt import RenderedExample, render_example, user_turn
from heimdall_core.types import Event, Example

#: Names of a row that are counted, as (title, field).
NAMES = {
    "categories": "category",
    "families": "family",
    "schemas": "schema",
    "context_sizes": "context_size",
    "sources": "source",
    "licences": "licence",
    "languages": "language",
}


@frozen
class Description:
    """A dataset in figures. Counts are most frequent first; an empty name is "not stated"."""

    path: str
    rows: int
    bad: int
    """Lines that are no rows; counted in nothing else."""
    counts: Mapping[str, Mapping[str, int]]
    """Rows by category, family, schema, context size, source, licence, language."""
    characters: Mapping[str, Spread]
    """Length of prompt and answer, without the markers around them."""
    tokens: Mapping[str, Spread]
    """Of prompt, answer and row, where a tokenizer was named; else empty."""
    histograms: Mapping[str, Mapping[int, int]]
    """How often each length occurs, by what is measured (`prompt characters` …)."""
    complexity: Mapping[int, int]
    """Queries by level, 1 (one clause) to 5."""
    vocabulary: Mapping[str, Mapping[str, int]]
    """By kind (labels, types, properties …): in how many rows each name stands."""
    unread: int
    """Queries that their language cannot parse; they count in no vocabulary."""

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


@define
class _Part:
    rows: int = 0
    bad: int = 0
    unread: int = 0
    done: int = 0
    counts: dict[str, Counter[str]] = field(factory=lambda: {n: Counter() for n in NAMES})
    lengths: dict[str, Counter[int]] = field(factory=dict)
    complexity: Counter[int] = field(factory=Counter)
    vocabulary: dict[str, Counter[str]] = field(factory=dict)


def describe(
    path: Path,
    *,
    language: LanguageLookup = no_language,
    tokenizer: str = "",
    workers: int = 0,
    emit: Emit = lambda event: None,
) -> Description:
    """Reads a dataset once, on all cores; what is kept grows with the names, not with the rows.
    Raises `DatasetError` for a dataset or a tokenizer that cannot be read."""
    if tokenizer:
        load_tokenizer(tokenizer)
    whole = _Part()
    total = formats.size(path)
    worker = _Describer(AnswerChecker(language, {}), tokenizer)
    for part in ordered_map(worker, formats.blocks(path), workers):
        emit(Event("progress", message="reading", done=part.done, total=total))
        whole.rows += part.rows
        whole.bad += part.bad
        whole.unread += part.unread
        whole.complexity += part.complexity
        for name, lengths in part.lengths.items():
            whole.lengths.setdefault(name, Counter()).update(lengths)
        for mine, theirs in ((whole.counts, part.counts), (whole.vocabulary, part.vocabulary)):
            for name, counter in theirs.items():
                mine.setdefault(name, Counter()).update(counter)
    spreads = {name: spread_of(counter) for name, counter in whole.lengths.items()}
    return Description(
        path=str(path),
        rows=whole.rows,
        bad=whole.bad,
        counts={name: by_count(counter) for name, counter in whole.counts.items()},
        characters=_only(spreads, "characters"),
        tokens=_only(spreads, "tokens"),
        histograms={name: dict(sorted(counter.items())) for name, counter in whole.lengths.items()},
        complexity=dict(sorted(whole.complexity.items())),
        vocabulary={kind: by_count(counter) for kind, counter in whole.vocabulary.items()},
        unread=whole.unread,
    )


class _Describer:
    """The figures of one block. Called in a worker."""

    def __init__(self, checker: AnswerChecker, tokenizer: str) -> None:
        self.checker, self.tokenizer = checker, tokenizer
        self._loaded: Any = None
        self._known: dict[tuple[str, str], tuple[int, Mapping[str, tuple[str, ...]] | None]] = {}

    def __call__(self, block: Block) -> _Part:
        out = _Part(done=block.done)
        lengths = out.lengths
        for name in ("prompt characters", "answer characters"):
            lengths[name] = Counter()
        rendered: list[RenderedExample] = []

        def on_bad(_: object) -> None:
            out.bad += 1

        for _, row in rows_of(block, on_bad):
            out.rows += 1
            for title, name in NAMES.items():
                out.counts[title][getattr(row, name)] += 1
            prompt = len(row.system) + len(user_turn(row.instruction, row.input))
            lengths["prompt characters"][prompt] += 1
            lengths["answer characters"][len(row.output)] += 1
            self._look_at_query(out, row)
            if self.tokenizer:
                try:
                    rendered.append(
                        render_example(row.instruction, row.input, row.output, row.system)
                    )
                except PromptError:
                    continue  # `validate` says so; it has no tokens
        if rendered:
            self._count_tokens(out, rendered)
        return out

    def _look_at_query(self, out: _Part, row: Example) -> None:
        language = self.checker.language_of(row)
        if language is None:
            return
        known = self._known.get((language.name, row.output))
        if known is None:
            level = language.complexity(row.output).level if language.complexity else 0
            names: Mapping[str, tuple[str, ...]] | None = {}
            if language.vocabulary:
                try:
                    names = {k: tuple(set(v)) for k, v in language.vocabulary(row.output).items()}
                except HeimdallError:
                    names = None
            known = (level, names)
            if len(self._known) >= 30_000:
                self._known.clear()
            self._known[language.name, row.output] = known
        level, names = known
        if level:
            out.complexity[level] += 1
        if names is None:
            out.unread += 1
            return
        for kind, words in names.items():
            out.vocabulary.setdefault(kind, Counter()).update(words)

    def _count_tokens(self, out: _Part, rendered: list[RenderedExample]) -> None:
        if self._loaded is None:
            self._loaded = load_tokenizer(self.tokenizer)
        columns = []
        for data in count_tokens(self._loaded, rendered):
            column = array("I")
            column.frombytes(data)
            columns.append(column)
        prompts, answers = columns
        out.lengths["prompt tokens"] = Counter(prompts)
        out.lengths["answer tokens"] = Counter(answers)
        out.lengths["row tokens"] = Counter(p + a for p, a in zip(prompts, answers, strict=True))


def _only(spreads: Mapping[str, Spread], unit: str) -> dict[str, Spread]:
    return {n.split()[0]: found for n, found in spreads.items() if n.endswith(unit)}
