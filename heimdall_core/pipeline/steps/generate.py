"""Generation: every generator's rows, each checked by its language before it is written."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.dataset import atomic_text, dump_example
from heimdall_core.errors import FindingsError, HeimdallError, PluginError
from heimdall_core.registry import Registry
from heimdall_core.types import (
    CheckRequest,
    Event,
    Example,
    Finding,
    GenerateContext,
    Generator,
    Json,
)

_EVERY = 500


@frozen
class Source:
    """One generator of the mix, with its share."""

    generator: Generator
    options: Any
    weight: float = 1.0


@frozen
class GenerateReport:
    """What generation came to."""

    rows: int
    wanted: int
    prompts: int
    """Distinct prompts; equal to `rows`, since a prompt is never written twice."""
    rejected: int
    """Rows that the checker found an error in; listed in the file of rejects."""
    duplicates: int
    """Rows left out because their prompt was already there."""
    by_source: Mapping[str, int]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return attrs.asdict(self)


def shares(sources: tuple[Source, ...], total: int) -> list[int]:
    """`total` shared out by weight, whole rows, by the largest remainders."""
    weights = sum(source.weight for source in sources)
    exact = [total * source.weight / weights for source in sources]
    counts = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def generator_seed(seed: int, name: str) -> int:
    """A seed of the generator's own, so that another one in the mix does not change its rows."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def all_schemas(sources: tuple[Source, ...]) -> dict[str, Json]:
    """The graph schemas that the generators' rows name."""
    found: dict[str, Json] = {}
    for source in sources:
        if source.generator.schemas is not None:
            found.update(source.generator.schemas(source.options))
    return found


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
    emit: Callable[[Event], None] = lambda event: None,
) -> GenerateReport:
    """Writes up to `total` rows with distinct prompts to `output`.

    Rows that their language finds an error in go to `rejects` with the finding; a higher share
    of them than `max_rejected` raises `FindingsError` and writes nothing. With `quotas`, the
    generators of those categories make that many rows of them and the others nothing.
    """
    schemas = all_schemas(sources)
    checker = _Checker(registry, schemas, dialect) if check else None
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        emit(Event("warning", "generate", text))

    by_source: Counter[str] = Counter()
    rejected: list[tuple[Example, Finding]] = []
    duplicates = 0
    seen: set[bytes] = set()
    with atomic_text(output) as file:
        for source, count in zip(sources, shares(sources, total), strict=True):
            name = source.generator.name
            wanted = {c: n for c, n in (quotas or {}).items() if c in source.generator.categories}
            if quotas is not None and not wanted:
                continue
            context = GenerateContext(
                count=sum(wanted.values()) if quotas is not None else count,
                seed=generator_seed(seed, name),
                repo=repo,
                quotas=wanted,
                language=registry.language,
                note=note,
            )
            for row in _rows(source, context):
                key = hashlib.blake2b(repr(row.prompt_key).encode(), digest_size=16).digest()
                if key in seen:
                    duplicates += 1
                    continue
                if checker is not None and (finding := checker.error(row)):
                    rejected.append((row, finding))
                    continue
                seen.add(key)
                if checker is not None and row.language and row.language not in checker.missing:
                    mark = f"{row.language}:checked"
                    row = attrs.evolve(row, verification=(*row.verification, mark))
                row = attrs.evolve(row, id=row.content_id(), source=row.source or name)
                file.write(dump_example(row) + "\n")
                by_source[name] += 1
                if len(seen) % _EVERY == 0:
                    emit(Event("progress", "generate", done=len(seen), total=total))
        made = len(seen) + len(rejected)
        if duplicates:
            note(f"{duplicates} rows left out: their prompt was already there")
        if checker is not None and checker.missing:
            names = ", ".join(sorted(checker.missing))
            note(f"rows not checked: no plugin provides the language {names}")
        if rejects is not None:
            _write_rejects(rejects, rejected)
        if rejected:
            row, finding = rejected[0]
            text = (
                f"{len(rejected)} of {made} rows rejected by the checker; the first: "
                f"{finding.code}: {finding.message} in {row.output!r}"
            )
            if len(rejected) > max_rejected * made:
                where = f"; all are in {rejects}" if rejects else ""
                raise FindingsError(
                    text + where, where="generate", hint="raise generate.max_rejected to go on"
                )
            note(text)
        if quotas is None and len(seen) < total:
            note(f"{total} rows wanted, {len(seen)} made; none was copied to fill up")
    emit(Event("progress", "generate", done=len(seen), total=len(seen)))
    return GenerateReport(
        rows=len(seen),
        wanted=total,
        prompts=len(seen),
        rejected=len(rejected),
        duplicates=duplicates,
        by_source=dict(by_source),
        notes=tuple(notes),
    )


def _rows(source: Source, context: GenerateContext) -> Iterator[Example]:
    """The generator's rows, no more than asked for, and what it raises said with its name."""
    name = source.generator.name
    try:
        for made, row in enumerate(source.generator.examples(context, source.options)):
            if made >= context.count:
                return
            if not isinstance(row, Example):
                raise PluginError(
                    f"yielded {type(row).__name__} instead of Example", where=f"generator {name}"
                )
            yield row
    except HeimdallError:
        raise
    except Exception as error:  # a third party's bug: say whose, keep the cause
        raise PluginError(f"{type(error).__name__}: {error}", where=f"generator {name}") from error


class _Checker:
    """Holds rows against their language. Any generator's rows pass through here."""

    def __init__(self, registry: Registry, schemas: Mapping[str, Json], dialect: str) -> None:
        self._registry = registry
        self._dialect = dialect
        self._schemas = schemas
        self.missing: set[str] = set()

    def error(self, row: Example) -> Finding | None:
        """The row's first error, or None."""
        if not row.language:
            return None
        language = self._registry.find_language(row.language)
        if language is None:
            self.missing.add(row.language)
            return None
        request = CheckRequest(
            dialect=self._dialect, schema=self._schemas.get(row.schema), performance=False
        )
        try:
            findings = language.check(row.output, request)
        except Exception as error:  # a checker promises to be total: say whose is not
            raise PluginError(
                f"{type(error).__name__}: {error} in {row.output!r}",
                where=f"language {row.language}",
            ) from error
        return next((f for f in findings if f.severity == "error"), None)


def _write_rejects(path: Path, rejected: list[tuple[Example, Finding]]) -> None:
    with atomic_text(path) as file:
        for row, finding in rejected:
            line = {
                "instruction": row.instruction,
                "output": row.output,
                "family": row.family,
                "schema": row.schema,
                "finding": attrs.asdict(finding),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def known_schemas(registry: Registry) -> dict[str, Json]:
    """The schemas that the installed generators know, for rows that name one of them."""
    sources = tuple(
        Source(generator, generator.options())
        for generator in map(registry.generator, registry.names("generator"))
    )
    return all_schemas(sources)
