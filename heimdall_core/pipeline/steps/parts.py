"""Generation in parts: a large count of one generator, made a part at a time by whoever is free.

How many parts there are hangs on the count alone, and each has a seed of its own, so that the rows
are the same wherever they are made. The parts are taken in their order, and of two rows with one
prompt the earlier stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import define, field, frozen

from heimdall_core.dataset import dump_example
from heimdall_core.errors import HeimdallError, PluginError
from heimdall_core.pipeline.steps.checking import NOTHING, Checker, gap, question
from heimdall_core.registry import Registry
from heimdall_core.types import (
    CONTEXT_SIZES,
    NO_SCHEMA,
    Example,
    Finding,
    GenerateContext,
    Generator,
    Json,
)

#: Rows of one generator from which on they are made in parts, and the rows of a part: seconds of
#: work, some megabytes.
PARTS_FROM: Final = 10_000
PART_ROWS: Final = 5_000


@frozen
class Source:
    """One generator of the mix, with its share."""

    generator: Generator
    options: Any
    weight: float = 1.0
    focus: tuple[str, ...] = ()
    """Categories that get `FOCUS_SHARE` of its rows, evenly."""


def generator_seed(seed: int, name: str) -> int:
    """A seed of the generator's own, so that another one in the mix does not change its rows."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def all_schemas(sources: tuple[Source, ...]) -> dict[str, Json]:
    """The graph schemas that the generators' rows name. Raises `HeimdallError` where two of them
    describe one name differently: rows would be checked against the wrong graph."""
    found: dict[str, Json] = {}
    by: dict[str, str] = {}
    for source in sources:
        own, name = schemas_of(source), source.generator.name
        for schema in own:
            if schema in found and found[schema] != own[schema]:
                raise HeimdallError(
                    f"the generators {by[schema]} and {name} describe the schema '{schema}' "
                    "differently",
                    where="generate.mix",
                    hint=f"rename yours, in the files or options of {name} or {by[schema]}",
                )
            by.setdefault(schema, name)
        found |= own
    return found


def schemas_of(source: Source) -> Mapping[str, Json]:
    """The graph schemas that one generator's rows name."""
    return source.generator.schemas(source.options) if source.generator.schemas else {}


def in_parts(source: Source, count: int) -> bool:
    """Whether that many rows are made in parts. Fewer are one stream."""
    return source.generator.splits and count > PARTS_FROM


@frozen
class Part:
    """What is to be made."""

    number: int
    """Of all parts of this generator: its seed hangs on it. Part 0 has the generator's own."""
    of: int
    """Parts that were planned; those from there on fill up what they lack."""
    count: int


@define
class MadePart:
    """The rows of a part, checked and ready to be written."""

    prompts: bytes = b""
    """16 bytes of digest a row: the caller looks at every row, so that it is given little."""
    answers: bytes = b""
    """8 bytes a row."""
    groups: tuple[tuple[str, str], ...] = ()
    """Source and category by row."""
    lines: list[str] = field(factory=list)
    """The rows as they are written, without line ends."""
    rejected: list[tuple[Example, Finding]] = field(factory=list)
    notes: list[str] = field(factory=list)
    missing: set[str] = field(factory=set)
    """Languages that no plugin provides."""
    too_large: int = 0
    """Rows that were passed over for their context size."""


class PartMaker:
    """Makes parts of one generator's rows. Called in a worker."""

    def __init__(
        self,
        registry: Registry,
        source: Source,
        seed: int,
        repo: Path | None,
        *,
        dialect: str,
        check: bool,
        most_tokens: int = 0,
    ) -> None:
        self.registry, self.source, self.seed, self.repo = registry, source, seed, repo
        self.dialect, self.check, self.most_tokens = dialect, check, most_tokens
        self._checker: Checker | None = None
        self._closed = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_checker": None}  # as large as the schemas; made where it works

    def __call__(self, part: Part) -> MadePart:
        made = MadePart()
        checker, generator = self._loaded(), self.source.generator
        seed = generator_seed(self.seed, generator.name)
        if part.number:
            seed = generator_seed(self.seed, f"{generator.name}:{part.number}")
        context = GenerateContext(
            count=part.count,
            seed=seed,
            repo=self.repo,
            language=self.registry.language,
            note=made.notes.append,
            teacher=self.registry.teacher,
            part=(part.number, part.of),
        )
        languages = frozenset(self.registry.names("language"))
        seen: set[bytes] = set()
        prompts, answers = bytearray(), bytearray()
        groups: list[tuple[str, str]] = []
        for row in rows_of(self.source, context):
            row = completed(row, generator)
            key = prompt_key_of(row)
            if key in seen:
                continue
            seen.add(key)
            if self.most_tokens and CONTEXT_SIZES.get(row.context_size, 0) > self.most_tokens:
                made.too_large += 1
                continue
            finding = gap(row)
            asked = question(row, self.dialect, closed=self._closed) if self.check else None
            if finding is None and asked is not None:
                finding = checker.error(asked)
            if finding is not None:
                made.rejected.append((row, finding))
                continue
            if asked is not None:
                if row.language in languages:
                    row = marked(row)
                else:
                    made.missing.add(row.language)
            row = attrs.evolve(row, id=row.content_id())
            prompts += key
            answers += answer_key_of(row)
            groups.append((row.source, row.category))
            made.lines.append(dump_example(row))
            if len(made.lines) >= part.count:
                break
        made.prompts, made.answers = bytes(prompts), bytes(answers)
        made.groups = tuple(groups)
        # That one part can make no more says nothing of the whole, which is counted in the end.
        if part.of > 1:
            made.notes[:] = [note for note in made.notes if "allow no more" not in note]
        return made

    def _loaded(self) -> Checker:
        if self._checker is None:
            schemas = schemas_of(self.source)
            self._closed = bool(schemas)
            checks = {
                name: self.registry.language(name).check for name in self.registry.names("language")
            }
            self._checker = Checker(checks, {**schemas, **NOTHING})
        return self._checker


def prompt_key_of(row: Example) -> bytes:
    """128 bits of the prompt."""
    return _digest(row.prompt_key, 16)


def answer_key_of(row: Example) -> bytes:
    """64 bits of the answer."""
    return _digest(row.output, 8)


def marked(row: Example) -> Example:
    """The row with a mark that its language has checked it."""
    return attrs.evolve(row, verification=(*row.verification, f"{row.language}:checked"))


def _digest(value: object, size: int) -> bytes:
    text = repr(value).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=size).digest()


def completed(row: Example, generator: Generator) -> Example:
    """The row with what the generator's registration says about all of its rows."""
    if row.source and row.licence and row.schema:
        return row
    return attrs.evolve(
        row,
        source=row.source or generator.name,
        licence=row.licence or generator.licence,
        schema=row.schema or NO_SCHEMA,
    )


def rows_of(source: Source, context: GenerateContext) -> Iterator[Example]:
    """The generator's rows, and what it raises said with its name."""
    name = source.generator.name
    try:
        for row in source.generator.examples(context, source.options):
            if not isinstance(row, Example):
                raise PluginError(
                    f"yielded {type(row).__name__} instead of Example", where=f"generator {name}"
                )
            yield row
    except HeimdallError:
        raise
    except Exception as error:  # a third party's bug: say whose, keep the cause
        raise PluginError(f"{type(error).__name__}: {error}", where=f"generator {name}") from error
