"""`heimdall validate-cypher`: how many of a model's queries, or of a file's, are valid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from heimdall_core.cli.common import console, json_option, print_json, progress, registry
from heimdall_core.cli.query_files import queries_of, questions_of
from heimdall_core.errors import FindingsError, HeimdallError
from heimdall_core.pipeline.statistics import wilson
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.pipeline.steps.models import answer_rows, open_model
from heimdall_core.types import CheckRequest, Example, Finding, Json, Language

if TYPE_CHECKING:
    from rich.console import Console

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
        return not any(map(_slows, self.findings))


@click.command("validate-cypher")
@click.option(
    "--model-dir", "--model", type=_file, help="Model to ask; without one, queries are checked."
)
@click.option(
    "--test-queries",
    type=_file,
    required=True,
    help="For a model: questions, as JSON(L) rows or a line each. Else queries: JSON(L), or text.",
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

    def valid(query: str) -> bool:
        return _check(language, Example("", output=query), query, dialect, None).valid

    asks = model_dir is not None
    rows = list(questions_of(test_queries) if asks else queries_of(test_queries, valid))
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
        _show(summary)
        if model_dir is None and (lines := _unsplit(texts, checked)):
            console().print(
                f"{lines} lines were judged as one query: put a `;` behind each query; "
                "questions are for --model-dir"
            )
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


def _unsplit(texts: Sequence[str], checked: Sequence[Checked]) -> int:
    """Lines of a file that came to one query which does not parse; 0 otherwise."""
    if len(checked) != 1 or checked[0].parses:
        return 0
    lines = len(texts[0].strip().splitlines())
    return lines if lines > 1 else 0


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
            _entry(each, [f for f in each.findings if f.severity == "error"])
            for each in checked
            if not each.valid
        ],
        "slow": [
            _entry(each, [f for f in each.findings if _slows(f)])
            for each in parsed
            if not each.fast
        ],
    }


def _slows(finding: Finding) -> bool:
    return finding.kind == "performance" and finding.severity != "info"


def _entry(each: Checked, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "name": each.name,
        "query": each.query[:2000],
        "findings": [
            {"code": f.code, "message": f.message, "line": f.line, "column": f.column}
            for f in findings
        ],
    }


def _show(summary: dict[str, Any]) -> None:
    from rich.table import Table

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
    _show_entries(out, summary["invalid"])
    _show_entries(out, summary["slow"])


def _show_entries(out: Console, entries: Sequence[dict[str, Any]], most: int = 20) -> None:
    from rich.text import Text

    for entry in entries[:most]:
        for finding in entry["findings"][:3] or [{"code": "NoQuery", "message": "no query"}]:
            place = f"{entry['name']}: {finding['message']} [{finding['code']}]"
            out.print(Text(place))
        out.print(Text(f"  {entry['query'][:200]}", style="dim"))
    if len(entries) > most:
        out.print(f"… and {len(entries) - most} more; --json has them all")
