"""`heimdall`: the entry point. Imports click alone, so that `--help` is instant; a command's
module is imported when the command is called, and plugins are looked for when they are needed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from heimdall_core.errors import HeimdallError, did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Command → (module:attribute, one line of help), in the order of a project's life.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("heimdall_core.cli.run:run_command", "Run a recipe from generation to measurement."),
    "runs": ("heimdall_core.cli.runs:runs", "List runs and show what they came to."),
    "recipe": ("heimdall_core.cli.recipe:recipe", "Show, check and describe recipes and presets."),
    "generate": ("heimdall_core.cli.generate:generate", "Generate a dataset."),
    "validate": ("heimdall_core.cli.curate:validate", "Report what is wrong with a dataset."),
    "correct": ("heimdall_core.cli.curate:correct", "Remove what is wrong with a dataset."),
    "mix": ("heimdall_core.cli.mix:mix", "Mix datasets by weight."),
    "replay": ("heimdall_core.cli.mix:replay", "Keep rows of earlier training generations."),
    "preview": ("heimdall_core.cli.look:preview", "Show rows as a model sees them."),
    "stats": ("heimdall_core.cli.look:stats", "Say what a dataset is made of."),
    "split": ("heimdall_core.cli.curate:split", "Split a dataset so that nothing close crosses."),
    "estimate": (
        "heimdall_core.cli.estimate:estimate",
        "Say what a training would take: memory by part, time, the batch that fits.",
    ),
    "train": ("heimdall_core.cli.train:train", "Train a model on a dataset."),
    "evaluate": ("heimdall_core.cli.evaluate:evaluate", "Measure a model on a test set."),
    "validate-cypher": (
        "heimdall_core.cli.validate_cypher:validate_cypher",
        "Check a model's queries, or a file's.",
    ),
    "compare": ("heimdall_core.cli.compare:compare", "Say which of two models is better."),
    "suite": ("heimdall_core.cli.compare:suite", "Lock what models are measured on."),
    "export": ("heimdall_core.cli.export:export", "Export a trained model, to GGUF and others."),
    "verify": ("heimdall_core.cli.export:verify", "Prove an exported file against its model."),
    "chat": ("heimdall_core.cli.chat:chat", "Ask a model."),
    "doctor": ("heimdall_core.cli.doctor:doctor", "Say what this installation can do, and not."),
    "plugin": ("heimdall_core.cli.plugin:plugin", "Write a plugin of your own."),
    "plugins": ("heimdall_core.cli.plugins:plugins", "List plugins and what failed to load."),
}


#: Options of `heimdall` itself that are understood after the command as well.
EVERYWHERE = ("--traceback", "--no-plugins")


class LazyGroup(click.Group):
    """The top group: built-in commands by module name, plugins' commands by hook."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        return _plugin_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands of Heimdall's own plugins too; no third party's import keeps a shell
        waiting that has only been asked what may follow."""
        from click.shell_completion import CompletionItem

        from heimdall_core.registry import Registry

        found = super().shell_complete(ctx, incomplete)
        if incomplete[:1] in ("-", "_"):
            return found
        theirs = Registry(third_party=False).commands()
        return [
            *found,
            *(
                CompletionItem(c.name, help=c.summary)
                for c in theirs
                if c.name.startswith(incomplete)
            ),
        ]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and name.replace("_", "-") != name:
            name = name.replace("_", "-")
            command = self.get_command(ctx, name)
        if command is None:
            raise HeimdallError(
                f"unknown command '{args[0]}'", hint=did_you_mean(name, _all_commands())
            )
        return name, command, args[1:]


def _plugin_command(name: str) -> click.Command | None:
    from heimdall_core.cli.common import registry

    found = registry()
    if name not in found.names("command"):
        return None
    command: click.Command = found.command(name).load()
    return command


def _all_commands() -> list[str]:
    from heimdall_core.cli.common import registry

    return [*COMMANDS, *registry().names("command")]


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    from heimdall_core.versions import versions

    click.echo(f"heimdall {version('heimdall-slm')}")
    for name, found in versions(("torch", "transformers", "gguf", "llama-cpp-python")).items():
        click.echo(f"  {name} {found}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        # The predecessor wrote --output_dir; both spellings are taken everywhere.
        "token_normalize_func": lambda token: token.replace("_", "-"),
    },
    epilog="Plugins may add commands (`heimdall cypher`); `heimdall plugins` lists them.",
)
@click.option("--traceback", is_flag=True, help="Show Python's traceback of an error.")
@click.option("--no-plugins", is_flag=True, help="Load no third-party plugins.")
@click.option(
    "--version",
    is_flag=True,
    callback=_version,
    expose_value=False,
    is_eager=True,
    help="Show versions and stop.",
)
@click.pass_context
def cli(ctx: click.Context, traceback: bool, no_plugins: bool) -> None:
    """Makes the small language model that lives inside a graph database."""
    ctx.obj = {"traceback": traceback, "third_party": not no_plugins}


def entry(arguments: Sequence[str] | None = None) -> Any:
    """Runs the command line. Exit codes: 0 fine, 1 a threshold or target was missed, 2 misuse or
    an error that the message says how to mend, 3 a bug of ours or of a plugin, 130 interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _main(arguments)
        sys.exit(code if isinstance(code, int) else 0)
    except HeimdallError as error:
        _fail(arguments, error, error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        _without_command(arguments, error)
    except click.ClickException as error:
        _misuse(arguments, error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader (`| head`) has gone; keep Python from complaining while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        reason = error.strerror or str(error)
        _fail(arguments, HeimdallError(reason, where=str(error.filename or "")), 2)
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a line
        text = " ".join(str(error).split())
        unexpected = HeimdallError(
            f"unexpected {type(error).__name__}: {text}", hint="report it with --traceback's output"
        )
        _fail(arguments, unexpected.with_traceback(error.__traceback__), 3)


def _main(arguments: list[str]) -> Any:
    """Runs the command line. An option of `heimdall` itself that is written after the command is
    taken as if it stood before: no command has begun when its options are read."""
    while True:
        try:
            return cli.main(
                args=arguments, prog_name="heimdall", standalone_mode=False, color=_colour()
            )
        except click.NoSuchOption as error:
            written = [a for a in arguments if a.replace("_", "-") == error.option_name]
            if error.option_name not in EVERYWHERE or not written:
                raise
            # Out of its place and to the front, where it is known; so it is met once at most.
            arguments = [error.option_name, *(a for a in arguments if a not in written)]


def _without_command(arguments: Sequence[str], error: click.exceptions.NoArgsIsHelpError) -> None:
    """`heimdall plugin` alone: its help as it is laid out, and what is missing."""
    click.echo(f"{error.message}\n", err=True, color=_colour())
    context, hint = error.ctx, ""
    if context and context.parent and isinstance(context.command, click.Group):
        hint = f"name one of: {', '.join(context.command.list_commands(context))}"
    path = context.command_path if context else "heimdall"
    _fail(arguments, HeimdallError(f"'{path}' needs a command", hint=hint), 2)


def _colour() -> bool | None:
    """False where NO_COLOR asks for none (https://no-color.org), else what the terminal can do."""
    return False if os.environ.get("NO_COLOR") else None


def _fail(arguments: Sequence[str], error: BaseException, code: int) -> None:
    if "--traceback" in arguments:
        import traceback

        traceback.print_exception(error)
    click.secho("error: ", fg="red", bold=True, err=True, nl=False, color=_colour())
    click.echo(str(error), err=True)
    sys.exit(code)


def _misuse(arguments: Sequence[str], error: click.ClickException) -> None:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"; try '{error.ctx.command_path} --help'"
    else:
        hint = ""
    text = " ".join(error.format_message().split()).rstrip(".")
    _fail(arguments, HeimdallError(text + hint), 2)


if __name__ == "__main__":
    entry()
