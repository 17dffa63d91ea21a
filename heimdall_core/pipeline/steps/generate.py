"""Generation: every generator's rows, each checked before it is written.

Nothing here takes a generator's word. A row must name its family, schema, source and licence; its
prompt must be new; its answer must pass its language's check against its own schema, constructs
that the dialect answers wrong included. What does not is counted, and listed where asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from math import ceil
from pathlib import Path

from heimdall_core.dataset import atomic_text
from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.pipeline.steps.checking import (
    NOTHING,
    AnyChecker,
    Checker,
    open_checker,
)
from heimdall_core.pipeline.steps.gate import Gate, GenerateReport
from heimdall_core.pipeline.steps.parts import (
    PART_ROWS,
    Part,
    PartMaker,
    Source,
    all_schemas,
    completed,
    generator_seed,
    in_parts,
    rows_of,
    schemas_of,
)
from heimdall_core.registry import Registry
from heimdall_core.types import (
    CONTEXT_SIZES,
    Event,
    Example,
    GenerateContext,
    Json,
)

__all__ = [
    "GenerateReport",
    "Source",
    "all_schemas",
    "generate_dataset",
    "generator_seed",
    "known_schemas",
    "shares",
]

#: Share of a generator's rows that go to the categories in focus, where there are any.
FOCUS_SHARE = 0.5

#: How often a generator is asked again for rows that were lost to the check or to repetition.
_ROUNDS = 4


def shares(sources: tuple[Source, ...], total: int) -> list[int]:
    """`total` shared out by weight, whole rows, by the largest remainders."""
    weights = sum(source.weight for source in sources)
    exact = [total * source.weight / weights for source in sources]
    counts = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def generate_dataset(
    registry: Registry,
    sources: tuple[Source, ...],
    *,
    total: int,
    seed: int,
    output: Path,
    rejects: Path | None = None,
    check: bool = True,
    dialect: str = "",
    max_rejected: float = 0.0,
    repo: Path | None = None,
    quotas: Mapping[str, int] | None = None,
    workers: int = 1,
    max_context_size: str = "",
    shards: ShardSize | None = None,
    exclude: Callable[[Example], bool] | None = None,
    on_row: Callable[[Example], None] | None = None,
    emit: Callable[[Event], None] = lambda event: None,
) -> GenerateReport:
    """Writes up to `total` rows with distinct prompts to `output`, as they are made; in shards
    where it names some, or `shards` says how large they are.

    Rows that lack a field, or that their language finds an error in, go to `rejects` with the
    finding; a higher share of them than `max_rejected` raises `FindingsError` and writes nothing.
    What one generator cannot make is made by the others, and said; nothing is ever copied. With
    `quotas`, the generators of those categories make that many rows of them and the others
    nothing. `workers` processes check rows, 0 for one per processor; the bytes are the same for
    any number. Rows of more than `max_context_size` (a name of `CONTEXT_SIZES`; empty for any) are
    passed over and counted, those that `exclude` is true of passed over; `on_row` sees every row
    that is written.
    """
    schemas = all_schemas(sources)
    with ExitStack() as stack:
        checker: AnyChecker = (
            open_checker(registry, {**schemas, **NOTHING}, rows=total, workers=workers)
            if check
            else Checker({}, schemas)
        )
        stack.enter_context(checker)
        write = stack.enter_context(atomic_rows(output, shards=shards))
        # The rejects are kept where too many of them stop the run.
        with atomic_text(rejects) if rejects is not None else nullcontext() as rejected:
            run = Gate(registry, checker, write, rejected, dialect, check, total, emit)
            run.exclude, run.on_row = exclude, on_row
            run.most_tokens = CONTEXT_SIZES[max_context_size] if max_context_size else 0
            asked = _Asker(run, registry, seed, repo, workers)
            if quotas is not None:
                for source in sources:
                    wanted = {c: n for c, n in quotas.items() if c in source.generator.categories}
                    if wanted:
                        asked.make(source, sum(wanted.values()), wanted)
            else:
                for source, count in zip(sources, shares(sources, total), strict=True):
                    asked.share(source, count)
                asked.fill(sources, total)
        run.finish(max_rejected, rejects, short=quotas is None)
        return run.report(asked.possible)


class _Asker:
    """Asks generators for rows until there are enough, or no more."""

    def __init__(
        self, run: Gate, registry: Registry, seed: int, repo: Path | None, workers: int
    ) -> None:
        self._workers = workers
        self._run, self._registry, self._seed, self._repo = run, registry, seed, repo
        self._made: Counter[str] = Counter()
        self.possible: dict[str, int] = {}

    def share(self, source: Source, count: int) -> None:
        """A generator's share of the mix, the categories in focus first."""
        known = tuple(c for c in source.focus if c in source.generator.categories)
        if known:
            first = round(count * FOCUS_SHARE)
            quotas = {
                c: first // len(known) + (i < first % len(known)) for i, c in enumerate(known)
            }
            self.make(source, first, {c: n for c, n in quotas.items() if n})
        if in_parts(source, count) and not known:
            self._made_in_parts(source, count)
        elif count:
            self.make(source, count, {})

    def fill(self, sources: tuple[Source, ...], total: int) -> None:
        """What some generators cannot make is made by those that can."""
        while (missing := total - self._run.rows) > 0:
            able = tuple(s for s in sources if s.generator.name not in self.possible)
            if not able:
                return
            short = ", ".join(f"{name} can make {n:,}" for name, n in self.possible.items())
            names = ", ".join(source.generator.name for source in able)
            self._run.note(f"{short}; the other {missing:,} rows come from {names}")
            for source, extra in zip(able, shares(able, missing), strict=True):
                self.make(source, self._made[source.generator.name] + extra, {}, again=True)

    def _made_in_parts(self, source: Source, count: int) -> None:
        """Brings the generator's rows up to `count` by parts that are made anywhere, and taken in
        their order; notes how many it can make where they are fewer."""
        run, name = self._run, source.generator.name
        maker = PartMaker(
            self._registry,
            source,
            self._seed,
            self._repo,
            dialect=run.dialect,
            check=run.check,
            most_tokens=run.most_tokens,
        )
        made, parts = 0, -(-count // PART_ROWS)
        for round_ in range(_ROUNDS):
            before, missing = made, count - made
            # A few more than are missing: some repeat a row of another part, some are rejected.
            each = -(-missing // parts) * (51 if not round_ else 100) // 50 + 20
            asked = [Part(round_ * parts + k, parts, each) for k in range(parts)]
            results = ordered_map(maker, asked, self._workers)
            for part in results:
                made += run.take_part(part, count - made)
                if made >= count:
                    break
            results.close()
            self._made[name] = made
            if made >= count:
                return
            if made - before < missing // 100:
                break
        self.possible[name] = made

    def make(
        self, source: Source, count: int, quotas: Mapping[str, int], *, again: bool = False
    ) -> None:
        """Brings the generator's rows up to `count`, or notes how many it can make."""
        run, name = self._run, source.generator.name
        # A generator that knows graphs says which one a row is about; one that was given none
        # may ask about a graph that nobody has described.
        run.closed = bool(schemas_of(source))
        asked = count
        for number in range(_ROUNDS):
            context = GenerateContext(
                count=asked,
                seed=generator_seed(self._seed, name),
                repo=self._repo,
                quotas=quotas,
                language=self._registry.language,
                note=run.note,
                teacher=self._registry.teacher,
            )
            # Asked again, a generator may begin with what it has yielded before.
            first = number == 0 and not again and not self._made[name]
            before, yielded = self._made[name], 0
            others = run.taken - before
            # A generator that repeats itself for ever must not keep everybody waiting.
            patience, taken, idle = 2 * asked + _PATIENCE, run.taken, 0
            for row in rows_of(source, context):
                yielded += 1
                run.offer(completed(row, source.generator), count_copies=first)
                idle = idle + 1 if run.taken == taken else 0
                taken = run.taken
                if idle > patience:
                    run.note(f"{name} yields only prompts that were there already")
                    break
                if run.taken - others >= count:
                    run.drain()
                    if run.taken - others >= count:
                        break
            run.drain()
            self._made[name] = run.taken - others
            if self._made[name] >= count or quotas:
                return
            if yielded < asked or (number and self._made[name] == before):
                break
            # As many more as were lost of those asked for, and some to spare.
            lost = asked * count / max(self._made[name], 1)
            asked = max(2 * count - self._made[name], ceil(min(lost, 8 * asked))) + count // 20 + 1
        self.possible[name] = self._made[name]


#: Rows in a row without a new prompt that any generator may yield, beside twice what was asked.
_PATIENCE = 10_000


def known_schemas(registry: Registry) -> dict[str, Json]:
    """The schemas that the installed generators know, for rows that name one of them. They need
    not agree: who is installed is not yet in one mix."""
    found: dict[str, Json] = {}
    for generator in map(registry.generator, registry.names("generator")):
        found |= schemas_of(Source(generator, generator.options()))
    return found
