"""From files to rows: each pair once, with where it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heimdall_core.dataset.sources import Tally, files_under
from heimdall_core.errors import DatasetError, HeimdallError, did_you_mean
from heimdall_core.prompt import render_example
from heimdall_core.types import CONTEXT_SIZES, NO_SCHEMA, Example, GenerateContext, Json
from heimdall_gen_import.markdown import markdown_pairs
from heimdall_gen_import.options import ImportOptions
from heimdall_gen_import.shapes import Found, NotUsable, found_in
from heimdall_gen_import.tables import READERS, belongs, saved_dataset
from heimdall_lang_cypher.extract import extract
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

SOURCE = "import"
QUERY, TEXT = "imported_query", "imported_text"

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".md": "markdown",
    ".markdown": "markdown",
}
_COLUMNS = ("question", "query", "input", "schema", "database", "system")


def examples(context: GenerateContext, options: ImportOptions) -> Iterator[Example]:
    """A row per pair, in the order of the files; what was left out is noted at the end."""
    if not options.files:
        raise DatasetError("no file is named", where="import.files", hint="files = ['pairs.csv']")
    for name in options.columns:
        if name not in _COLUMNS:
            raise DatasetError(
                f"unknown column role '{name}'",
                where="import.columns",
                hint=did_you_mean(name, _COLUMNS),
            )
    tally = Tally(context.note)
    known = schemas(options)
    seen: dict[bytes, bytes] = {}
    left = dict(context.quotas)
    try:
        for where, found in _pairs(options, tally):
            row = _row(found, options, known, tally, where)
            if row is None or not _is_new(row, seen, tally):
                continue
            if context.quotas:
                if left.get(row.category, 0) <= 0:
                    continue
                left[row.category] -= 1
            yield row
    finally:
        context.note(f"import: {tally.summary()}")


def schemas(options: ImportOptions) -> Mapping[str, Json]:
    """The graph schemas of the file that `schemas` names, by database."""
    if not options.schemas:
        return {}
    path = Path(options.schemas)
    found: dict[str, Json] = {}
    try:
        text = path.read_text(encoding="utf-8")
        try:
            whole = json.loads(text)
            entries = whole if isinstance(whole, list) else [whole]
        except ValueError:
            entries = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot be read: {error}", where=str(path)) from error
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise DatasetError(f"schema {number} is not an object", where=str(path))
        name = entry.get("database") or entry.get("name")
        by_name = (
            not name and len(entries) == 1 and all(isinstance(v, dict) for v in entry.values())
        )
        if by_name and not {"nodes", "relationships", "structured"} & set(entry):
            return entry
        found[str(name or path.stem)] = entry
    return found


def _pairs(options: ImportOptions, tally: Tally) -> Iterator[tuple[str, Found]]:
    for name in options.files:
        path = Path(name)
        saved = saved_dataset(path, options.split, tally) if path.is_dir() else None
        if saved is not None:
            for file in saved:
                tally.seen["files"] += 1
                yield from _table("arrow", file, options, tally)
            continue

        def wanted(file: Path) -> bool:
            return bool(_kind(file, options)) and belongs(file, options.split)

        for file in files_under((path,), wanted, tally):
            kind = _kind(file, options)
            if not kind:
                raise DatasetError(
                    "is in no format that is known by its name",
                    where=str(file),
                    hint=f"set format, or name it {', '.join(sorted(_SUFFIXES))}",
                )
            tally.seen["files"] += 1
            if kind == "markdown":
                for pair in markdown_pairs(file, tally):
                    tally.seen["rows"] += 1
                    yield pair.where, Found(pair.question, pair.query, is_query=True)
            else:
                yield from _table(kind, file, options, tally)


def _table(
    kind: str, path: Path, options: ImportOptions, tally: Tally
) -> Iterator[tuple[str, Found]]:
    for where, raw in READERS[kind](path, tally):
        tally.seen["rows"] += 1
        try:
            yield where, found_in(raw, options.columns, options.skip_if, tally)
        except NotUsable as reason:
            tally.add(str(reason), where)


def _kind(path: Path, options: ImportOptions) -> str:
    if options.format != "auto":
        return options.format
    return _SUFFIXES.get(Path(path.name.removesuffix(".gz")).suffix.lower(), "")


def _row(
    found: Found, options: ImportOptions, known: Mapping[str, Json], tally: Tally, where: str
) -> Example | None:
    answer, language = found.answer, ""
    query = extract(answer)
    # A query alone, or alone in a fence; prose around one makes the answer prose.
    alone = query and len(query) >= len(answer.replace("```", "").strip()) - len("opencypher\n")
    if found.is_query or alone:
        answer, language = query or answer, "cypher"
    schema = NO_SCHEMA
    given = found.input
    if found.database in known:
        schema = found.database
        given = given or str(known[schema].get("schema_text") or "")
    given = given if found.input else (found.schema_text or given)
    if not options.schema_in_input:
        given = found.input
    try:
        rendered = render_example(found.question, given, answer, found.system)
    except HeimdallError as error:
        tally.add("holds a control marker", where, error.message)
        return None
    family, combination = _family(answer, language, found)
    size = len(rendered.prompt.encode()) + len(rendered.answer.encode())
    meta = {key: value for key, value in found.rest.items() if _is_plain(value)}
    if found.database and schema == NO_SCHEMA:
        meta["database"] = found.database
    if language and options.dialect != "nornicdb":
        meta["dialect"] = options.dialect
    return Example(
        instruction=found.question,
        input=given,
        output=answer,
        category=QUERY if language else TEXT,
        context_size=next((n for n, limit in CONTEXT_SIZES.items() if size <= limit), "max"),
        source=SOURCE,
        licence=found.licence or options.licence,
        language=language,
        schema=schema,
        family=family,
        combination=combination,
        system=found.system,
        meta={**meta, "file": Path(where.split(",")[0].rsplit(":", 1)[0]).name},
    )


def _family(answer: str, language: str, found: Found) -> tuple[str, str]:
    """Rows whose queries differ in names and values are a family; rows whose queries mean the
    same must not be split. Prose is a family by its question."""
    if language:
        try:
            same = normalise(answer)
            family, meaning = same.family, same.canonical
        except (CypherSyntaxError, HeimdallError):
            family = meaning = answer
    else:
        family, meaning = found.question, answer
    return f"import-{_short(family)}", _short(f"{found.database}\n{meaning}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_new(row: Example, seen: dict[bytes, bytes], tally: Tally) -> bool:
    key = hashlib.blake2b(repr(row.prompt_key).encode("utf-8", "replace"), digest_size=16).digest()
    answer = hashlib.blake2b(row.output.encode("utf-8", "replace"), digest_size=8).digest()
    known = seen.setdefault(key, answer)
    if known is answer:
        return True
    tally.counts["repeated" if known == answer else "same prompt, another answer"] += 1
    return False


def _is_plain(value: Any) -> bool:
    """Whether a value can be kept beside the row."""
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    return value is not None and isinstance(value, str | int | bool) and len(str(value)) <= 2000
