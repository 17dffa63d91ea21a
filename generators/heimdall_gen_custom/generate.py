"""From a user's files to rows."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from heimdall_core.dataset import read_numbered
from heimdall_core.errors import DatasetError, HeimdallError, did_you_mean
from heimdall_core.prompt import render_example
from heimdall_core.structure import structure
from heimdall_core.types import CONTEXT_SIZES, NO_SCHEMA, Example, GenerateContext, Json
from heimdall_gen_custom.options import CustomOptions
from heimdall_gen_custom.tables import CustomFile, ExampleTable
from heimdall_gen_custom.template import Pair, Template, read_template

SOURCE = "custom"


@frozen
class _Read:
    """A file that was read."""

    path: Path
    licence: str
    rows: tuple[ExampleTable, ...]
    templates: tuple[Template, ...]
    schemas: Mapping[str, Json]


def examples(context: GenerateContext, options: CustomOptions) -> Iterator[Example]:
    """The users' own rows first, then the templates' in turns, by weight."""
    if not options.files:
        raise DatasetError("no file is named", where="custom.files", hint="files = ['mine.toml']")
    toml = [_read(Path(n)) for n in options.files if not _is_jsonl(n)]
    seen: set[tuple[str, str, str]] = set()
    left = dict(context.quotas)
    made = 0
    for row in _all(toml, options, context.seed):
        if row.prompt_key in seen:
            continue
        if context.quotas:
            if left.get(row.category, 0) <= 0:
                continue
            left[row.category] -= 1
        seen.add(row.prompt_key)
        made += 1
        yield row
    if made < context.count and not context.quotas:
        context.note(f"custom: {made:,} rows made of {context.count:,} wanted; there are no more")


def schemas(options: CustomOptions) -> Mapping[str, Json]:
    """The graph schemas that the files describe."""
    found: dict[str, Json] = {}
    for name in options.files:
        if not _is_jsonl(name):
            found.update(_read(Path(name)).schemas)
    return found


def _all(toml: list[_Read], options: CustomOptions, seed: int) -> Iterator[Example]:
    for each in toml:
        for number, row in enumerate(each.rows, 1):
            yield _from_table(row, each, f"{each.path.stem}-example-{number}", options)
    for name in options.files:
        if _is_jsonl(name):
            yield from _from_jsonl(Path(name), options)
    streams = [
        (template, each, template.pairs(seed)) for each in toml for template in each.templates
    ]
    # Whoever has had the least for its weight is next.
    turns = [0.0] * len(streams)
    while streams:
        at = min(range(len(streams)), key=lambda i: (turns[i], i))
        template, each, pairs = streams[at]
        pair = next(pairs, None)
        if pair is None:
            del streams[at], turns[at]
            continue
        turns[at] += 1 / template.table.weight
        yield _from_pair(pair, template, each, options)


def _read(path: Path) -> _Read:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:  # TOML, or not UTF-8
        raise DatasetError(f"not valid TOML: {error}", where=str(path)) from error
    file = structure(data, CustomFile, str(path))
    templates: list[Template] = []
    for number, table in enumerate(file.templates):
        where = f"{path}: templates[{number}]"
        name = table.name or f"{path.stem}-template-{number + 1}"
        if any(name == other.name for other in templates):
            raise DatasetError(f"the name '{name}' is there twice", where=where)
        _known_schema(table.schema, file.schemas, where)
        templates.append(read_template(table, name, where))
    for number, row in enumerate(file.examples):
        where = f"{path}: examples[{number}]"
        _known_schema(row.schema, file.schemas, where)
        if row.context_size and row.context_size not in CONTEXT_SIZES:
            raise DatasetError(
                f"unknown context_size '{row.context_size}'",
                where=where,
                hint=did_you_mean(row.context_size, CONTEXT_SIZES),
            )
        if not row.instruction.strip() or not row.output.strip():
            raise DatasetError("instruction and output must not be empty", where=where)
    return _Read(path, file.licence, file.examples, tuple(templates), dict(file.schemas))


def _known_schema(name: str, known: Mapping[str, Any], where: str) -> None:
    if name and name not in known:
        raise DatasetError(f"unknown schema '{name}'", where=where, hint=did_you_mean(name, known))


def _is_jsonl(name: str) -> bool:
    return name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def _from_table(row: ExampleTable, file: _Read, family: str, options: CustomOptions) -> Example:
    return _finished(
        Example(
            instruction=row.instruction,
            input=row.input,
            output=row.output,
            system=row.system,
            category=row.category,
            licence=file.licence,
            language=row.language,
            schema=row.schema,
            family=family,
        ),
        options,
        row.context_size,
    )


def _from_jsonl(path: Path, options: CustomOptions) -> Iterator[Example]:
    """Rows of a file in the dataset's own form; what it does not say is filled in."""
    for line, row in read_numbered(path):
        yield _finished(
            evolve(
                row,
                id="",
                category=row.category or "custom",
                licence=row.licence or "LicenseRef-Custom",
                schema="",  # of some other dataset: nothing here describes it
                family=row.family or f"{path.stem}-line-{line}",
            ),
            options,
            row.context_size,
        )


def _from_pair(pair: Pair, template: Template, file: _Read, options: CustomOptions) -> Example:
    table = template.table
    return _finished(
        Example(
            instruction=pair.question,
            output=pair.query,
            category=table.category,
            licence=file.licence,
            language="cypher",
            schema=table.schema,
            family=template.name,
            combination=_short(f"{template.name}\n{pair.values}"),
        ),
        options,
        "",
    )


def _finished(row: Example, options: CustomOptions, size: str) -> Example:
    rendered = _rendered(row)
    if not size:
        size = next((n for n, limit in CONTEXT_SIZES.items() if rendered <= limit), "max")
    meta = dict(row.meta)
    if row.language and options.dialect != "nornicdb":
        meta["dialect"] = options.dialect
    return evolve(
        row,
        source=SOURCE,
        schema=row.schema or NO_SCHEMA,
        context_size=size,
        combination=row.combination or _short(f"{row.family}\n{row.output}"),
        meta=meta,
    )


def _rendered(row: Example) -> int:
    """Bytes of the rendered row. Raises where the prompt contract refuses it."""
    try:
        text = render_example(row.instruction, row.input, row.output, row.system)
    except HeimdallError as error:
        raise DatasetError(f"{error.message} in {row.instruction[:60]!r}", where=SOURCE) from error
    return len(text.prompt.encode()) + len(text.answer.encode())


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
