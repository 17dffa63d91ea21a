"""Execution proof: of each generator's rows that are a query, some at random are run on the
language's embedded engine, over made-up data of their schema.

A row passes when its query runs, and returns rows where it is expected to. Where the data hold
nothing that it asks for, data are added that do, and it is run again. What the engine does not know
(schema statements, procedures, some subqueries) is not covered: it has passed the check against
the dialect's tables of constructs, functions and procedures, as every row has.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import attrs
from attrs import define, field

from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.generate import generator_seed
from heimdall_core.registry import Registry
from heimdall_core.types import Engine, EngineResult, Event, Example, Json, Language

#: Failures that are kept with their text, per generator.
_SHOWN = 5

#: A parameter of a query: `$name`.
_PARAMETER = re.compile(r"\$(\w+)")

#: What an engine answers that says nothing about the row. Every row has passed its own dialect's
#: check, so that what an engine takes for a mistake in the text is a construct that it lacks.
_UNKNOWN = frozenset(("syntax", "unsupported", "timeout", "crash", "too_many_rows"))


@define
class Proof:
    """What the proof of one generator's rows came to."""

    drawn: int = 0
    executed: int = 0
    """Queries that the engine ran."""
    with_rows: int = 0
    """Those of the executed that returned rows."""
    empty: int = 0
    """Those that were expected to return rows and did not."""
    failed: int = 0
    """Those that broke while they ran."""
    unknown: int = 0
    """Those that the engine does not know; they rest on the check against the dialect's tables."""
    examples: list[str] = field(factory=list)
    """The first that failed or were empty, with the reason."""

    @property
    def covered(self) -> float:
        """Share of the drawn that was executed."""
        return self.executed / self.drawn if self.drawn else 0.0

    def add(self, other: Proof) -> None:
        """Takes in what other rows came to."""
        for name in ("executed", "with_rows", "empty", "failed", "unknown"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.examples += other.examples[: _SHOWN - len(self.examples)]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**attrs.asdict(self), "covered": round(self.covered, 4)}


class Draw:
    """Rows drawn at random from a stream, so many of each generator: a reservoir each."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._rng = random.Random(generator_seed(seed, "proof"))  # noqa: S311 - not for secrets
        self._seen: defaultdict[str, int] = defaultdict(int)
        self.rows: defaultdict[str, list[Example]] = defaultdict(list)

    def add(self, row: Example) -> None:
        """Considers a row; prose is passed over."""
        if not row.language:
            return
        self._seen[row.source] += 1
        kept = self.rows[row.source]
        if len(kept) < self._count:
            kept.append(row)
            return
        place = self._rng.randrange(self._seen[row.source])
        if place < self._count:
            kept[place] = row


def prove(
    registry: Registry,
    rows: Mapping[str, Iterable[Example]],
    schemas: Mapping[str, Json],
    *,
    seed: int = 0,
    emit: Callable[[Event], None] = lambda event: None,
) -> dict[str, Proof]:
    """Runs each source's rows and says how they fared. Rows of a language without an engine, and
    rows about no described schema, are counted as unknown."""
    found: dict[str, Proof] = {}
    by_place: defaultdict[tuple[str, str], list[tuple[str, Example]]] = defaultdict(list)
    for source, drawn in rows.items():
        found[source] = Proof()
        for row in drawn:
            found[source].drawn += 1
            by_place[row.language, row.schema].append((source, row))
    total, done = sum(proof.drawn for proof in found.values()), 0
    prover = _Prover(registry, schemas, seed)
    for part in ordered_map(prover, sorted(by_place.items(), key=lambda entry: entry[0])):
        for source, proof in part.items():
            found[source].add(proof)
            done += proof.executed + proof.failed + proof.unknown
        emit(Event("progress", "prove", done=done, total=total))
    return found


class _Prover:
    """Runs the rows about one schema. Called in a worker."""

    def __init__(self, registry: Registry, schemas: Mapping[str, Json], seed: int) -> None:
        self.registry, self.schemas, self.seed = registry, schemas, seed

    def __call__(
        self, place: tuple[tuple[str, str], Sequence[tuple[str, Example]]]
    ) -> dict[str, Proof]:
        (name, schema), entries = place
        found: dict[str, Proof] = {source: Proof() for source, _ in entries}
        language, described = self.registry.find_language(name), self.schemas.get(schema)
        with ExitStack() as stack:
            engine = _opened(language, stack) if described is not None else None
            if language is None or described is None or engine is None:
                for source, _ in entries:
                    found[source].unknown += 1
                return found
            assert language.populate is not None  # noqa: S101 - looked at by `_opened`
            engine.load(language.populate(described, self.seed))
            # What reads comes first: what writes changes what is there.
            for source, row in sorted(entries, key=lambda e: not _expects_rows(e[1])):
                _run(found[source], row, engine, language, described, self.seed)
        return found


def _opened(language: Language | None, stack: ExitStack) -> Engine | None:
    """The language's engine; None where it has none, or it cannot be started at all."""
    if language is None or language.engine is None or language.populate is None:
        return None
    try:
        return stack.enter_context(language.engine(language.engines[0]))
    except HeimdallError:
        return None


def _expects_rows(row: Example) -> bool:
    return bool(row.meta.get("expects_rows", True))


def _run(
    proof: Proof, row: Example, engine: Engine, language: Language, schema: Json, seed: int
) -> None:
    given = dict(row.meta.get("parameters", {}))
    open_ = {name: None for name in _PARAMETER.findall(row.output) if name not in given}
    parameters = {**open_, **given}
    statements = language.witness(row.output, schema, seed) if language.witness else ()
    result = engine.run(row.output, parameters)
    if result.error_kind == "runtime" and statements:
        # The made-up data may be in its way: a node that has relationships cannot be deleted.
        result = _alone(language, statements, row.output, parameters)
    if result.error_kind in _UNKNOWN:
        proof.unknown += 1
        return
    if result.error_kind:
        proof.failed += 1
        _note(proof, row, result.error)
        return
    proof.executed += 1
    if result.rows:
        proof.with_rows += 1
        return
    if not result.columns or open_ or not _expects_rows(row):
        return
    try:
        engine.load(statements)
    except HeimdallError as error:
        _note(proof, row, error.message)
    if engine.run(row.output, parameters).rows:
        proof.with_rows += 1
        return
    proof.empty += 1
    _note(proof, row, "no rows")


def _alone(
    language: Language, statements: Sequence[str], query: str, parameters: Json
) -> EngineResult:
    """The query over nothing but the data that were made for it."""
    assert language.engine is not None  # noqa: S101 - looked at before
    with language.engine(language.engines[0]) as engine:
        engine.load(statements)
        return engine.run(query, parameters)


def _note(proof: Proof, row: Example, why: str) -> None:
    if len(proof.examples) < _SHOWN:
        proof.examples.append(f"{row.family}: {why}: {row.output}")
