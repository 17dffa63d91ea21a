"""Files beside a training set: a test set whose rows share no group with it, and lists of prompts.

They are made of the same mix with another seed; the training set's bytes do not depend on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import evolve, field, frozen

from heimdall_core.dataset import atomic_text, read_examples, write_examples
from heimdall_core.dataset.groups import KEYS
from heimdall_core.dataset.rows import digest
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.registry import Registry
from heimdall_core.types import CONTEXT_SIZES, Event, Example

#: Rows that share one of these with a training row are not in the test set.
TIES = ("combination", "answer", "prompt")

#: Test rows per training row, and how many at least and at most.
SHARE, FEWEST, MOST = 0.05, 50, 2000

#: Prompts in `benchmark_queries.txt`, which times answers, and in `LANGUAGE_prompts.txt`, which a
#: teacher answers.
BENCHMARK, PROMPTS = 100, 500


def names(language: str) -> tuple[str, str, str]:
    """The lists, in the order in which `write_companions` returns them after the test set:
    `cypher_test.txt` where the answers are Cypher."""
    return (f"{language}_test.txt", "benchmark_queries.txt", f"{language}_prompts.txt")


@frozen
class Ties:
    """What the rows of a set are grouped by, as digests."""

    _seen: set[bytes] = field(factory=set)

    def add(self, row: Example) -> None:
        """Remembers a row."""
        self._seen.update(_ties(row))

    def holds(self, row: Example) -> bool:
        """Whether a row shares a group with one that was added."""
        return not self._seen.isdisjoint(_ties(row))


def _ties(row: Example) -> list[bytes]:
    found = ((name, KEYS[name](row)) for name in TIES)
    return [digest(f"{name}\0{value}") for name, value in found if value]


def test_set_of(training: Path) -> Path:
    """`heimdall_test.jsonl` for `heimdall_training.jsonl`, `rows_test.jsonl` for `rows.jsonl`."""
    name = training.name.removesuffix(".gz").removesuffix(".jsonl")
    for ending in ("_training", "_train"):
        name = name.removesuffix(ending)
    return training.with_name(f"{name}_test.jsonl")


def write_companions(
    registry: Registry,
    sources: tuple[Source, ...],
    ties: Ties,
    *,
    training: Path,
    rows: int,
    seed: int,
    dialect: str = "",
    repo: Path | None = None,
    workers: int = 1,
    max_context_size: str = "",
    emit: Callable[[Event], None] = lambda event: None,
) -> tuple[Path, ...]:
    """Writes the files beside `training`, which has `rows` rows and whose groups `ties` holds.

    The test set has 5 % as many rows (50 to 2,000). The lists hold one prompt a line, of rows
    that need no `input`: the test set's questions for queries, prompts of every length for timing,
    and questions for queries that are in neither set. They are named after the language that most
    of the queries are in.
    """
    wanted = max(FEWEST, min(MOST, round(rows * SHARE)))
    prompts = min(PROMPTS, 2 * wanted)
    target = test_set_of(training)
    pool = training.with_name(f".{target.name}.pool")
    try:
        generate_dataset(
            registry,
            sources,
            # A part of the prompts is no question that a query answers, or has an input.
            total=wanted + 3 * prompts,
            seed=seed + 1,
            output=pool,
            dialect=dialect,
            max_rejected=1.0,
            max_context_size=max_context_size,
            repo=repo,
            workers=workers,
            exclude=ties.holds,
            emit=_of_pool(emit),
        )
        found = list(read_examples(pool))
    finally:
        pool.unlink(missing_ok=True)
    # Every k-th row, so that each generator keeps its share; groups are then kept whole.
    step = max(1, len(found) // wanted)
    test = found[::step][:wanted]
    own = Ties()
    for row in test:
        own.add(row)
    others = [row for row in found if not own.holds(row)]
    lists = (_questions(test), _benchmark(test), _questions(others)[:prompts])
    write_examples(target, test)
    paths = [target]
    for name, lines in zip(names(main_language(found)), lists, strict=True):
        path = training.with_name(name)
        with atomic_text(path) as file:
            file.writelines(f"{line}\n" for line in lines)
        paths.append(path)
    return tuple(paths)


def _of_pool(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    """Says of what happens in the pool that it is about the pool, not about the training set."""

    def of_pool(event: Event) -> None:
        text = event.message and f"of the rows that these files are drawn from: {event.message}"
        emit(evolve(event, stage="companions", message=text))

    return of_pool


def main_language(rows: Iterable[Example]) -> str:
    """The language that most rows with a query are in; `query` where there is no such row."""
    counts = Counter(row.language for row in rows if row.language)
    return counts.most_common(1)[0][0] if counts else "query"


def _questions(rows: Iterable[Example]) -> list[str]:
    """Questions with a query for an answer that stand by themselves, one line each."""
    return [row.instruction for row in rows if row.language and _alone(row)]


def _benchmark(rows: Iterable[Example]) -> list[str]:
    """Prompts of every context size in turn."""
    alone = [row for row in rows if _alone(row)]
    by_size = [[r.instruction for r in alone if r.context_size == size] for size in CONTEXT_SIZES]
    found: list[str] = []
    while len(found) < BENCHMARK and any(by_size):
        found += [prompts.pop(0) for prompts in by_size if prompts]
    return found[:BENCHMARK]


def _alone(row: Example) -> bool:
    return not row.input and not row.system and "\n" not in row.instruction
