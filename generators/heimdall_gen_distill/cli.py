"""`heimdall distill`, `heimdall distill stats`, `heimdall distill agreement`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from heimdall_core.cli.common import (
    console,
    json_option,
    print_json,
    progress,
    registry,
    settings_table,
)
from heimdall_core.errors import FindingsError, HeimdallError, did_you_mean
from heimdall_core.structure import structure
from heimdall_gen_distill.forecast import Forecast
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prompts import TASKS, load_prompt, source

_path = click.Path(path_type=Path)
#: 0 would read as "spend nothing" and mean "no limit".
_more_than_0 = click.FloatRange(0, min_open=True)


def command() -> click.Command:
    """The command group, for the hook."""
    return distill


@click.group("distill", invoke_without_command=True)
@click.option("--prompts", help="File of prompts: one a line, or JSONL.")
@click.option("--teacher", default="openai", show_default=True, help="Who is asked.")
@click.option("--model", help="The teacher's model.")
@click.option("--base-url", help="Another server that speaks the teacher's interface.")
@click.option("--output", type=_path, help="JSONL file for the accepted rows.")
@click.option("--task", default="answer", show_default=True, help=", ".join(TASKS))
@click.option("--schema", help="JSON file with graph schemas.")
@click.option("--samples", type=int, help="Answers per prompt that vote.")
@click.option("--judge", help="Second teacher that scores the pairs: NAME or NAME:MODEL.")
@click.option("--judge-url", help="Address of the judge, where it is not the teacher's own.")
@click.option(
    "--judge-set", "judge_settings", multiple=True, metavar="KEY=VALUE", help="Judge's option."
)
@click.option("--min-score", type=int, help="Lowest score, 1 to 5, that is accepted.")
@click.option("--repairs", type=int, help="Times that a refused query goes back with the finding.")
@click.option("--budget-usd", type=_more_than_0, help="Hard stop in US dollars.")
@click.option(
    "--max-requests", type=click.IntRange(1), help="Hard stop in requests, retries included."
)
@click.option("--requests-per-minute", type=float)
@click.option("--tokens-per-minute", type=float)
@click.option("--concurrency", type=int, help="Most requests at once.")
@click.option("--cache", help="Folder where answers are kept.")
@click.option("--prices", help="TOML table of prices of your own.")
@click.option("--plain", is_flag=True, help="Ask the bare question, without system message.")
@click.option("--dry-run", is_flag=True, help="Stop after the forecast.")
@click.option("--show-prompt", is_flag=True, help="Show the task's prompt file and stop.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other option.")
@click.option(
    "--teacher-set",
    "teacher_settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Teacher's option.",
)
@json_option
@click.pass_context
def distill(ctx: click.Context, /, output: Path | None, task: str, **given: Any) -> None:
    """Ask a large teacher, check every answer, keep what is right.

    Answers are paid once: they are kept under the request, and a run that is started again asks
    only for what was not answered.
    """
    if ctx.invoked_subcommand is not None:
        return
    if given.pop("show_prompt"):
        _show(task, given["settings"])
        return
    dry_run, as_json = given.pop("dry_run"), given.pop("as_json")
    options = _options(task, given)
    if output is None and not dry_run:
        raise HeimdallError("no output is named", hint="--output distilled.jsonl")
    from heimdall_gen_distill.write import distill_file

    plugins = registry()
    shown: list[Forecast] = []

    def before(forecast: Forecast) -> bool:
        shown.append(forecast)
        if not as_json:
            _print_forecast(forecast, options)
        return not dry_run

    with progress() as observe:
        report = distill_file(
            options, plugins.teacher, output or Path("-"), before=before, emit=observe
        )
    if dry_run:
        if as_json:
            import attrs

            click.echo(json.dumps(attrs.asdict(shown[0])))
        return
    if report is None:
        raise FindingsError("there are no prompts", where=options.prompts)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print_report(output, report)
    if report["fatal"]:
        hint = f"what was answered is in {output}; run it again to go on"
        raise HeimdallError(report["stopped"], where="teacher", hint=hint)


@distill.command("stats")
@click.argument("file", type=_path)
@json_option
def stats_command(file: Path, as_json: bool) -> None:
    """Show what a distilled file holds and what an accepted row cost."""
    from rich.table import Table

    from heimdall_gen_distill.write import stats

    found = stats(file)
    if as_json:
        print_json(found)
        return
    table = Table(title=f"{file}: {found['rows']:,} rows, {found['usd']:.4f} USD")
    for name in ("teacher, model, prompt, category", "rows", "USD", "USD per row"):
        table.add_column(name)
    for name, group in found["groups"].items():
        each = group["usd"] / group["rows"]
        table.add_row(name, f"{group['rows']:,.0f}", f"{group['usd']:.4f}", f"{each:.6f}")
    console().print(table)
    if found["usd_per_row"] is not None:
        click.echo(f"{found['usd_per_row']:.6f} USD per accepted row, refused answers included")
    for name, rate in (found.get("acceptance") or {}).items():
        click.echo(f"  {name}: {100 * rate:.1f} % accepted")
    for reason, count in (found.get("reasons") or {}).items():
        click.echo(f"  {count:,} {reason}")


@distill.command("agreement")
@click.option("--judge", required=True, help="Teacher that scores: NAME or NAME:MODEL.")
@click.option("--base-url", help="Another server that speaks its interface.")
@click.option("--pairs", type=_path, help="JSONL of your own: question, query, right.")
@click.option("--min-score", type=click.IntRange(1, 5), default=4, show_default=True)
@click.option("--budget-usd", type=_more_than_0, default=None, help="Hard stop in US dollars.")
@click.option("--prices", default="", help="TOML table of prices of your own.")
@click.option("--cache", default="", help="Folder where answers are kept.")
@click.option(
    "--judge-set", "judge_settings", multiple=True, metavar="KEY=VALUE", help="Judge's option."
)
@json_option
def agreement_command(
    judge: str,
    base_url: str | None,
    pairs: Path | None,
    min_score: int,
    budget_usd: float | None,
    prices: str,
    cache: str,
    judge_settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Hold a judge against pairs that people have labelled: how often both say the same."""
    from heimdall_gen_distill.agreement import measure

    name, table = _judge(judge, base_url)
    found = measure(
        registry().teacher,
        name,
        {**table, **settings_table(judge_settings)},
        pairs,
        min_score=min_score,
        budget_usd=budget_usd or 0.0,
        prices=prices,
        cache=cache,
    )
    if as_json:
        print_json(found)
        return
    if found["stopped"]:
        click.echo(f"! {found['not_asked']} pairs were not asked: {found['stopped']}", err=True)
    elif not found["pairs"]:
        click.echo(f"none of the {found['unscored']} pairs got a score: this is no judge", err=True)
    click.echo(
        f"{found['agreed']} of {found['pairs']} scored pairs: "
        f"{100 * found['agreement']:.1f} % agreement, kappa {found['kappa']:.2f}; "
        f"{found['wrong_accepted']} wrong pairs accepted, "
        f"{found['right_refused']} right ones refused, {found['unscored']} not scored"
    )
    rule = found["rule"]
    click.echo(
        f"a rule that only looks for the query's values in the question: {rule['agreed']} of "
        f"{rule['pairs']}, kappa {rule['kappa']:.2f}"
    )
    for kind, share in found["by_kind"].items():
        click.echo(f"  {kind}: {share}")


def _options(task: str, given: dict[str, Any]) -> DistillOptions:
    table = settings_table(given.pop("settings"))
    teacher = settings_table(given.pop("teacher_settings"))
    model, base_url, judge = given.pop("model"), given.pop("base_url"), given.pop("judge")
    judge_url, judging = given.pop("judge_url"), settings_table(given.pop("judge_settings"))
    if model:
        teacher["model"] = model
    if base_url:
        teacher["base_url"] = base_url
    if judge:
        # The teacher's address is nobody else's: it would be sent another teacher's key.
        is_same = judge.partition(":")[0] == given["teacher"]
        table["judge"], own = _judge(judge, judge_url or (base_url if is_same else None))
        table["judge_options"] = {**own, **judging}
    elif judge_url or judging:
        raise HeimdallError("no judge is named", hint="--judge NAME:MODEL")
    plain = given.pop("plain")
    if plain:
        table["plain"] = True
    table |= {name: value for name, value in given.items() if value is not None}
    return structure({**table, "task": task, "teacher_options": teacher}, DistillOptions, "distill")


def _judge(text: str, base_url: str | None) -> tuple[str, dict[str, Any]]:
    name, _, model = text.partition(":")
    options = {"model": model} if model else {}
    return name, {**options, **({"base_url": base_url} if base_url else {})}


def _show(task: str, settings: tuple[str, ...]) -> None:
    own = settings_table(settings).get("prompt", "")
    if own:
        load_prompt(task, str(own))
        click.echo(Path(str(own)).read_text(encoding="utf-8"), nl=False)
        return
    if task not in (*TASKS, "judge"):
        raise HeimdallError(f"unknown task '{task}'", hint=did_you_mean(task, (*TASKS, "judge")))
    click.echo(source(task), nl=False)


def _print_forecast(forecast: Forecast, options: DistillOptions) -> None:
    click.echo(forecast.text(), err=True)
    if options.budget_usd and (forecast.usd or 0) > options.budget_usd:
        click.echo(f"! the budget of {options.budget_usd:g} USD will stop it before", err=True)


def _print_report(output: Path | None, report: dict[str, Any]) -> None:
    click.echo(
        f"{output}: {report['rows']:,} rows of {report['prompts']:,} prompts; "
        f"{report['rejected']:,} rejected, {report['failed']:,} failed, "
        f"{report['not_asked']:,} not asked, {report['repeated']:,} repeated"
    )
    for name, rate in report["acceptance"].items():
        click.echo(f"  {name}: {100 * rate:.1f} % accepted")
    for reason, count in report["reasons"].items():
        click.echo(f"  {count:,} {reason}")
    each = report["usd_per_row"]
    cost = f", {each:.6f} USD per accepted row" if each is not None else ""
    click.echo(f"{report['requests']:,} requests, {report['usd_this_run']:.4f} USD this run{cost}")
