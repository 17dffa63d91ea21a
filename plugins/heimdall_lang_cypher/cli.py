"""`heimdall cypher check|format|normalise|explain-findings`: the language on the command line.

Exit codes: 0 nothing wrong, 1 findings of severity `error` (or a file that `format --check` would
change), 2 something that could not be read. `--jsonl` reads queries from standard input and exits
with 0 whatever it finds, with 2 where a line was no query.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import CheckRequest, Json
from heimdall_lang_cypher.explanations import Explanation, explain, explanations
from heimdall_lang_cypher.jsonl import check_line, lines_in, normalise_line
from heimdall_lang_cypher.plugin import DIALECTS
from heimdall_lang_cypher.report import FileFindings, as_json, print_report
from heimdall_lang_cypher.statements import check_text, split

_DISTRIBUTION = "heimdall-slm"


def _dashes(name: str) -> str:
    return name.replace("_", "-")


_NAMES = {"token_normalize_func": _dashes}
_FILES = click.argument(
    "files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True, dir_okay=False)
)
_DIALECT = click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default=DIALECTS[0],
    show_default=True,
    help="Whose Cypher it is.",
)
_SCHEMA = click.option(
    "--schema",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Graph schema (JSON) that names and types are checked against.",
)


def command() -> click.Group:
    """The group `heimdall cypher`."""
    return cypher


@click.group(context_settings=_NAMES)
def cypher() -> None:
    """Check, format and normalise Cypher queries."""


@cypher.command("check", context_settings=_NAMES)
@_FILES
@_DIALECT
@_SCHEMA
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
)
@click.option("--jsonl", is_flag=True, help="Read {id, query, schema?, dialect?} lines from stdin.")
@click.option("--performance/--no-performance", default=True, help="Report slow constructs too.")
@click.option("--color/--no-color", "colour", default=None, help="Default: only on a terminal.")
@click.pass_context
def check_command(
    context: click.Context,
    files: tuple[Path, ...],
    dialect: str,
    schema: Path | None,
    layout: str,
    jsonl: bool,
    performance: bool,
    colour: bool | None,
) -> None:
    """Report what is wrong with the queries in FILES (`-` is standard input)."""
    request = CheckRequest(
        dialect, _read_schema(schema) if schema else None, performance=performance
    )
    if jsonl:
        _refuse_files(files)
        _answer_lines(check_line(line, request) for line in lines_in(sys.stdin.buffer))
        return
    found = [FileFindings(name, text, check_text(text, request)) for name, text in _texts(files)]
    if layout == "json":
        click.echo(as_json(found))
    elif layout == "sarif":
        from heimdall_lang_cypher.sarif import as_sarif

        click.echo(as_sarif(found, _version()))
    else:
        from rich.console import Console

        no_colour = None if colour is None else not colour
        print_report(found, Console(force_terminal=colour, no_color=no_colour))
    if any(finding.severity == "error" for each in found for finding in each.findings):
        context.exit(1)


@cypher.command("format", context_settings=_NAMES)
@_FILES
@click.option(
    "--check", "check_only", is_flag=True, help="Change nothing; exit with 1 if it would."
)
@click.option("--write", is_flag=True, help="Rewrite the files in place.")
@click.pass_context
def format_command(
    context: click.Context, files: tuple[Path, ...], check_only: bool, write: bool
) -> None:
    """Print the queries in FILES in one layout: keywords in capitals, one clause per line."""
    changed = []
    for path, (name, text) in zip(files or (Path("-"),), _texts(files), strict=True):
        formatted = _formatted(text, name)
        if formatted != text:
            changed.append(name)
        if check_only:
            continue
        if write and str(path) != "-":
            _replace(path, formatted)
        else:
            click.echo(formatted, nl=False)
    if check_only and changed:
        for name in changed:
            click.echo(f"{name} would be reformatted", err=True)
        context.exit(1)


@cypher.command("normalise", context_settings=_NAMES)
@_FILES
@click.option("--family", is_flag=True, help="Print the family instead of the canonical form.")
@click.option("--jsonl", is_flag=True, help="Read {id, query} lines from standard input.")
def normalise_command(files: tuple[Path, ...], family: bool, jsonl: bool) -> None:
    """Print each query's canonical form: the same text for queries that mean the same."""
    from heimdall_lang_cypher.normalise import normalise

    if jsonl:
        _refuse_files(files)
        _answer_lines(normalise_line(line) for line in lines_in(sys.stdin.buffer))
        return
    for _name, text in _texts(files):
        for part in split(text):
            normalised = normalise(part.text)
            click.echo(normalised.family if family else normalised.canonical)


@cypher.command("explain-findings", context_settings=_NAMES)
@click.argument("what", nargs=-1)
@_DIALECT
@_SCHEMA
def explain_command(what: tuple[str, ...], dialect: str, schema: Path | None) -> None:
    """Explain codes (`CartesianProduct`), or every code found in FILES; all codes by default."""
    known = explanations()
    if not what:
        _print_explanations(known.values())
        return
    codes = [each for each in what if each in known]
    files = tuple(Path(each) for each in what if each not in known)
    for path in files:
        if str(path) != "-" and not path.exists():
            hint = did_you_mean(str(path), known)
            raise HeimdallError(f"'{path}' is neither a code nor a file", hint=hint)
    request = CheckRequest(dialect, _read_schema(schema) if schema else None)
    for _name, text in _texts(files) if files else ():
        codes += [finding.code for finding in check_text(text, request)]
    _print_explanations(
        explain(code) or Explanation(code, "no explanation", "", "")
        for code in dict.fromkeys(codes)
    )


def _print_explanations(found: Iterable[Explanation]) -> None:
    for each in found:
        click.echo(f"{each.code}: {each.title}")
        for line in (each.why, each.instead):
            if line:
                click.echo(f"  {line}")


def _texts(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """(name, text) of each file, of standard input where there is none."""
    for path in files or (Path("-"),):
        standard_input = str(path) == "-"
        name = "<stdin>" if standard_input else str(path)
        try:
            data = sys.stdin.buffer.read() if standard_input else path.read_bytes()
            yield name, data.decode("utf-8-sig")
        except OSError as error:
            raise HeimdallError(f"cannot be read: {error.strerror}", where=name) from error
        except UnicodeDecodeError as error:
            raise HeimdallError(
                f"is not UTF-8: byte {error.object[error.start]:#04x} at offset {error.start}",
                where=name,
                hint="save the file as UTF-8",
            ) from error


def _formatted(text: str, name: str) -> str:
    from heimdall_lang_cypher.printer import format_query
    from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

    try:
        return format_query(text).rstrip() + "\n"
    except CypherSyntaxError as error:
        error.where = f"{name}:{error.line}:{error.column}"
        click.echo(error.caret(), err=True)
        raise


def _replace(path: Path, text: str) -> None:
    """Writes a file under a temporary name first, so that it is never half there."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def _read_schema(path: Path) -> Json:
    try:
        schema = json.loads(path.read_bytes())
    except OSError as error:
        raise HeimdallError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise HeimdallError(f"is not JSON: {error}", where=str(path)) from error
    if not isinstance(schema, dict):
        raise HeimdallError("a graph schema is a JSON object", where=str(path))
    return schema


def _refuse_files(files: Sequence[Path]) -> None:
    if [str(path) for path in files] not in ([], ["-"]):
        raise HeimdallError(
            "--jsonl reads standard input", hint="leave the files out, or pipe them"
        )


def _answer_lines(answers: Iterable[dict[str, Any]]) -> None:
    """Writes one line per answer as it comes; exits with 2 in the end where a line was no query."""
    malformed = []
    for answer in answers:
        if "error" in answer and answer.get("line"):
            malformed.append(answer["error"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    if malformed:
        more = f" (and {len(malformed) - 1} more)" if len(malformed) > 1 else ""
        raise HeimdallError(f"{malformed[0]}{more}")


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0"
