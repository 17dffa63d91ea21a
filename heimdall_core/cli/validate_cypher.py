"""`heimdall validate-cypher`: how many of a model's queries, or of a file's, are valid."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from heimdall_core.cli.common import console, json_option, print_json, progress, registry
from heimdall_core.dataset import read_examples
from heimdall_core.errors import DatasetError, FindingsError, HeimdallError
from heimdall_core.pipeline.statistics import wilson
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.pipeline.steps.models import answer_rows, open_model
from heimdall_core.types import CheckRequest, Example, Finding, Json, Language

_file = click.Path(path_type=Path)

#: Targets of the training guide: queries that parse, and that have no error at all.
_SYNTAX, _SEMANTICS = 0.90, 0.85


@frozen
class Checked:
    """One query with what was found in it."""

    name: str
    query: str
    findings: tuple[Finding, ...]

    @property
    def parses(self) -> bool:
        """Whether it is a query, and has no syntax error."""
        wrong = any(f.severity == "error" and f.kind == "syntax" for f in self.findings)
        return bool(self.query) and not wrong

    @property
    def valid(self) -> bool:
        """Whether it has no error at all."""
        return bool(self.query) and not any(f.severity == "error" for f in self.findings)

    @property
    def fast(self) -> bool:
        """Whether it has no performance warning."""
        return not any(f.kind == "performance" and f.severity != "info" for f in self.findings)


@click.command("validate-cypher")
@click.option(
    "--model-dir", "--model", type=_file, help="Model to ask; without one, queries are checked."
)
@click.option(
    "--test-queries",
    type=_file,
    required=True,
    help="For a model: questions, as JSONL rows or a line each. Else queries: JSONL, or `;` text.",
)
@click.option("--language", "name", default="cypher", show_default=True)
@click.option("--dialect", default="", help="Whose dialect; by default the language's first.")
@click.option("--runtime", help="Runtime plugin; by default the one that takes the model.")
@click.option("--max-new-tokens", type=click.IntRange(1), default=256, show_default=True)
@click.option("--min-syntax", type=click.FloatRange(0, 1), default=_SYNTAX, show_default=True)
@click.option("--min-semantics", type=click.FloatRange(0, 1), default=_SEMANTICS, show_default=True)
@json_option
def validate_cypher(
    model_dir: Path | None,
    test_queries: Path,
    name: str,
    dialect: str,
    runtime: str | None,
    max_new_tokens: int,
    min_syntax: float,
    min_semantics: float,
    as_json: bool,
) -> None:
    """Check the queries that a model answers with, or those in a file.

    Exits with 1 where fewer parse, or are free of errors, than demanded.
    """
    plugins = registry()
    language = plugins.language(name)
    rows = list(_rows(test_queries, as_questions=model_dir is not None))
    if not rows:
        raise HeimdallError("holds no queries", where=str(test_queries))
    texts: Sequence[str] = [row.output for row in rows]
    if model_dir is not None:
        with progress() as observe, open_model(plugins, model_dir, runtime) as model:
            found = answer_rows(
                model,
                rows,
                max_new_tokens=max_new_tokens,
                emit=observe,
                label=test_queries.stem,
                stage="validate-cypher",
            )
        texts = [answer.text for answer in found]
    schemas = known_schemas(plugins)
    checked = [
        _check(language, row, text, dialect, schemas.get(row.schema))
        for row, text in zip(rows, texts, strict=True)
    ]
    summary = _summary(checked)
    if as_json:
        print_json(summary)
    else:
        _show(checked, summary)
    missed = [
        f"{what} {share:.1%} (target {least:.0%})"
        for what, share, least in (
            ("syntax", summary["syntax"]["share"], min_syntax),
            ("semantics", summary["semantics"]["share"], min_semantics),
        )
        if share < least
    ]
    if missed:
        raise FindingsError(f"targets missed: {', '.join(missed)}", where=str(test_queries))


def _check(
    language: Language, row: Example, text: str, dialect: str, schema: Json | None
) -> Checked:
    query = language.extract(text)
    if not query:
        return Checked(row.id, "", ())
    request = CheckRequest(dialect=dialect, schema=schema)
    return Checked(row.id, query, tuple(language.check(query, request)))


def _rows(path: Path, *, as_questions: bool) -> Iterator[Example]:
    """The questions or queries of a file, with names to show."""
    if as_questions and path.suffix not in (".jsonl", ".json", ".gz"):
        for number, line in enumerate(_text_of(path).splitlines(), 1):
            if line.strip():
                yield Example(line.strip(), id=f"{path.name}:{number}")
        return
    if as_questions:
        for number, row in enumerate(read_examples(path), 1):
            yield _named(row, f"{path.name}:{number}")
        return
    text = _text_of(path)
    if path.suffix in (".jsonl", ".json"):
        yield from _from_jsonl(path, text)
        return
    for number, query in _statements(text):
        yield Example("", output=query, id=f"{path.name}:{number}")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DatasetError("not valid UTF-8", where=str(path)) from error


def _from_jsonl(path: Path, text: str) -> Iterator[Example]:
    """Lines with the query under `output`, `query` or `cypher`, or as a bare string."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise DatasetError("is not JSON", where=f"{path}:{number}") from error
        table = entry if isinstance(entry, dict) else {"query": entry}
        found = (table[key] for key in ("output", "query", "cypher") if key in table)
        query = next(found, None)
        if not isinstance(query, str):
            raise DatasetError(
                "holds no query",
                where=f"{path}:{number}",
                hint="it is looked for under 'output', 'query' and 'cypher'",
            )
        schema = table.get("schema", "")
        schema = schema if isinstance(schema, str) else ""
        yield Example("", output=query, schema=schema, id=f"{path.name}:{number}")


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text, each with its first line: split at `;` outside of quotes and
    comments, or, where there is none, at blank lines."""
    start, at, parts = 0, 0, []
    while at < len(text):
        two = text[at : at + 2]
        if two == "//":
            at = _after(text, "\n", at)
        elif two == "/*":
            at = _after(text, "*/", at + 2)
        elif text[at] in "'\"`":
            at = _after_quote(text, at)
        else:
            if text[at] == ";":
                parts.append((start, text[start:at]))
                start = at + 1
            at += 1
    parts.append((start, text[start:]))
    if len(parts) == 1 and "\n\n" in text:
        parts, start = [], 0
        for piece in text.split("\n\n"):
            parts.append((start, piece))
            start += len(piece) + 2
    for offset, part in parts:
        if part.strip():
            lead = len(part) - len(part.lstrip())
            yield text.count("\n", 0, offset + lead) + 1, part.strip()


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _after_quote(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" and quote != "`" else 1
    return at + 1


def _named(row: Example, name: str) -> Example:
    import attrs

    return attrs.evolve(row, id=name)


def _summary(checked: Sequence[Checked]) -> dict[str, Any]:
    count = len(checked)

    def share(right: int, n: int) -> dict[str, Any]:
        low, high = wilson(right, n) if n else (0.0, 1.0)
        return {"share": right / n if n else 0.0, "low": low, "high": high, "of": n}

    parsed = [each for each in checked if each.parses]
    codes = Counter(
        finding.code for each in checked for finding in each.findings if finding.severity != "info"
    )
    return {
        "queries": count,
        "no_query": sum(not each.query for each in checked),
        "syntax": share(len(parsed), count),
        "semantics": share(sum(each.valid for each in checked), count),
        "performance": share(sum(each.fast for each in parsed), len(parsed)),
        "findings": dict(codes.most_common()),
        "invalid": [
            {
                "name": each.name,
                "query": each.query[:2000],
                "findings": [
                    {"code": f.code, "message": f.message, "line": f.line, "column": f.column}
                    for f in each.findings
                    if f.severity == "error"
                ],
            }
            for each in checked
            if not each.valid
        ],
    }


def _show(checked: Sequence[Checked], summary: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table(title=f"{summary['queries']} queries", title_justify="left")
    for column in ("", "share", "interval (95 %)", "of"):
        table.add_column(column, justify="right" if column else "left")
    for what, words in (
        ("syntax", "parse"),
        ("semantics", "have no error"),
        ("performance", "have no performance warning"),
    ):
        entry = summary[what]
        interval = f"{entry['low']:.1%} – {entry['high']:.1%}"
        table.add_row(words, f"{entry['share']:.1%}", interval, str(entry["of"]))
    out.print(table)
    if summary["no_query"]:
        out.print(f"{summary['no_query']} answers hold no query")
    shown = summary["invalid"][:20]
    for entry in shown:
        for finding in entry["findings"][:3] or [{"code": "NoQuery", "message": "no query"}]:
            place = f"{entry['name']}: {finding['message']} [{finding['code']}]"
            out.print(Text(place))
        out.print(Text(f"  {entry['query'][:200]}", style="dim"))
    if len(summary["invalid"]) > len(shown):
        out.print(f"… and {len(summary['invalid']) - len(shown)} more; --json has them all")
