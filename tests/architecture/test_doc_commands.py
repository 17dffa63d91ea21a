"""Every `$ heimdall …` line of the documentation is understood by the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from heimdall_core.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/heimdall_*/README.md"),
    ]
)


def command_lines(page: Path) -> Iterator[str]:
    """What stands after `$ ` in console blocks, continued lines joined."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if line.startswith("$ heimdall "):
                yield line.removeprefix("$ heimdall ")


def parse(line: str) -> None:
    """Takes a command line apart as far as click does before it would run the command: command
    names, options, their types, what is required. Raises what the user would see."""
    words = shlex.split(line, comments=True)
    for stop in ("|", ">", "<", "&&", "2>"):
        if stop in words:
            words = words[: words.index(stop)]
    context = cli.make_context("heimdall", words)
    command: click.Command = cli
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, f"no command '{name}'"
        command = found
        context = found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_command_lines_are_understood(page: Path) -> None:
    wrong = []
    for line in command_lines(page):
        try:
            parse(line)
        except (click.exceptions.Exit, SystemExit):
            continue  # --help, --version
        except Exception as error:  # noqa: BLE001 - all of them at once, with their lines
            if "does not exist" in str(error):
                continue  # the reader's own files
            wrong.append(f"heimdall {line}: {error}")
    assert wrong == []


def test_a_wrong_line_would_be_noticed() -> None:
    for line in ("generate --outptu x", "trian --preset nano", "split x.jsonl", "train"):
        with pytest.raises(Exception, match=r"(?i)no such option|unknown|missing"):
            parse(line)


@pytest.mark.parametrize("page", ["from-the-guide", "evaluation", "recipes"])
def test_the_recipes_of_a_page_can_be_run(page: str, tmp_path: Path) -> None:
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert blocks
    for number, block in enumerate(blocks):
        recipe = tmp_path / f"r{number}.toml"
        extends = "" if "extends" in block else 'extends = "nano"\n'
        recipe.write_text(extends + block, encoding="utf-8")
        done = CliRunner().invoke(cli, ["recipe", "check", str(recipe)])
        assert done.exit_code == 0, f"{block}: {done.exception}"
