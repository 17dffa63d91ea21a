"""What every plugin keeps to, whatever its role."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import attrs

from heimdall_core.errors import HeimdallError
from heimdall_core.registry import Registry

#: Modules that a `plugin.py` must not import: `heimdall --help` and `heimdall plugins` would wait.
HEAVY = (
    "torch",
    "numpy",
    "transformers",
    "peft",
    "gguf",
    "llama_cpp",
    "tokenizers",
    "safetensors",
    "pandas",
    "pyarrow",
    "datasets",
    "sentence_transformers",
)

#: Modules that cost less and that each `heimdall …` would wait for all the same.
SLOW = (
    "asyncio",
    "cattrs",
    "http.client",
    "httpx",
    "huggingface_hub",
    "multiprocessing",
    "packaging",
    "requests",
    "rich",
    "scipy",
    "sklearn",
    "sqlglot",
    "tomllib",
)


class PluginContract:
    """What holds for every plugin."""

    plugin: ClassVar[str]
    """Import name of the module that the entry point names."""
    role: ClassVar[str] = ""
    """`generator`, `evaluator`, …; set by the role's contract."""
    refused: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Tables of options, as a recipe writes them, that the plugin must refuse: a file that is not
    there, a name that it does not know, two options that exclude each other."""

    def registry(self) -> Registry:
        """A registry with this plugin alone."""
        module = import_module(self.plugin)
        return Registry(discover=False, plugins=[(self.plugin, module)])

    def items(self) -> list[Any]:
        """What the plugin registers in its role."""
        registry = self.registry()
        return [getattr(registry, self.role)(name) for name in registry.names(self.role)]

    def test_registers_something_in_its_role(self) -> None:
        """The module loads by itself and yields at least one thing of its role."""
        if self.role:
            assert self.items(), f"{self.plugin} yields nothing from heimdall_{self.role}s"
        else:
            assert self.registry().plugins[0].hooks

    def test_imports_nothing_heavy(self) -> None:
        """Importing the plugin in a fresh interpreter imports none of `HEAVY` and `SLOW`."""
        heavy = fresh_import(self.plugin)["heavy"]
        assert not heavy, f"importing {self.plugin} imports {', '.join(heavy)}"

    def test_importing_it_changes_nothing(self) -> None:
        """Importing it prints nothing and leaves the process as it was: environment variables,
        signal handlers, logging, the working directory, the threads."""
        found = fresh_import(self.plugin)
        assert found["printed"] == "", f"{self.plugin} prints while it is imported"
        assert found["changed"] == {}, f"importing {self.plugin} changes {found['changed']}"

    def test_has_a_card(self) -> None:
        """A README.md lies beside the module and says more than its title."""
        spec = find_spec(self.plugin)
        assert spec is not None
        assert spec.origin is not None
        card = Path(spec.origin).with_name("README.md")
        assert card.is_file(), f"{card} is missing"
        assert len(card.read_text(encoding="utf-8").split()) >= 30

    def test_names_and_summaries(self) -> None:
        """Names can be written in a recipe, and each thing says in a line what it is."""
        for item in self.items() if self.role else ():
            assert item.name == item.name.strip().lower(), item.name
            assert item.summary.strip(), f"{item.name} has no summary"
            assert "\n" not in item.summary

    def test_options_have_defaults_types_and_help(self) -> None:
        """Options are a frozen attrs class; each field has a type, a default and a docstring."""
        from heimdall_core.schema import class_schema

        for item in self.items() if self.role else ():
            options = getattr(item, "options", None)
            if options is None:
                continue
            assert attrs.has(options), f"{item.name}: options must be an attrs class"
            made = options()
            for field in attrs.fields(options):
                try:
                    setattr(made, field.name, None)
                except attrs.exceptions.FrozenInstanceError:
                    pass
                else:
                    raise AssertionError(f"{item.name}: the options class is not frozen")
            for name, entry in class_schema(options)["properties"].items():
                assert entry.get("description"), f"{item.name}: option '{name}' has no docstring"
                assert set(entry) - {"description", "default"}, f"option '{name}' has no type"

    def use(self, item: Any, options: Any) -> None:
        """Does a thing's work with options that it should refuse; the role's contract says how."""

    def test_a_wrong_option_is_told(self) -> None:
        """An unknown option, a value of the wrong type and each table in `refused` is one clear
        line that says which option, and exit code 2."""
        for item in self.items() if self.role else ():
            kind = getattr(item, "options", None)
            if kind is None:
                continue
            for name in ("no_such_option", *(f.name for f in attrs.fields(kind))):
                if name != "no_such_option" and attrs.fields_dict(kind)[name].type in (Any, "Any"):
                    continue  # takes everything
                line = refusal(_structured, {name: Nothing()}, kind)
                assert name in line, f"{item.name}: '{line}' does not say which option is wrong"
            for table in self.refused:
                refusal(self._use, item, table)

    def _use(self, item: Any, table: Mapping[str, Any]) -> None:
        self.use(item, _structured(table, item.options))


class Nothing:
    """A value of no type that an option has."""

    def __repr__(self) -> str:
        return "nothing"


def _structured(table: Mapping[str, Any], kind: Any) -> Any:
    from heimdall_core.structure import structure

    return structure(table, kind, "options")


def refusal(function: Callable[..., object], *arguments: object) -> str:
    """The line of the `HeimdallError` that a call raises. Fails where it raises nothing or another
    error, or where that is not one line for a user, with exit code 2."""
    raised: Exception | None = None
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 - any other than HeimdallError is what is looked for
        raised = error
    assert raised is not None, "what is wrong was accepted"
    assert isinstance(raised, HeimdallError), (
        f"a user would see a bare {type(raised).__name__}: {raised}; raise a HeimdallError"
    )
    line = str(raised)
    assert line.strip(), "an error says nothing"
    assert "\n" not in line, f"an error has several lines: {line!r}"
    assert raised.exit_code == 2, f"'{line}' has the exit code {raised.exit_code}"
    return line


@cache
def fresh_import(module: str) -> dict[str, Any]:
    """What importing a module does to an interpreter that has imported the core alone: `heavy`
    modules that it brings in, what is `printed`, and what of the process is `changed`."""
    done = subprocess.run(  # noqa: S603 - our own interpreter, no shell
        [sys.executable, "-c", _PROBE, module, *HEAVY, *SLOW],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    printed, _, last = done.stdout.rstrip("\n").rpartition("\n")
    return {**json.loads(last), "printed": (printed + done.stderr).strip()}


_PROBE = """
import heimdall_core.registry, importlib, json, logging, os, signal, sys, threading

def state():
    root = logging.getLogger()
    return {
        "environment variables": dict(os.environ),
        "signal handlers": {s.name: repr(signal.getsignal(s)) for s in signal.valid_signals()
                            if hasattr(s, "name")},
        "logging": [repr(h) for h in root.handlers] + [root.level, logging.root.manager.disable],
        "working directory": os.getcwd(),
        "threads": threading.active_count(),
        "output": [id(sys.stdout), id(sys.stderr)],
    }

before = state()
importlib.import_module(sys.argv[1])
after = state()
changed = {k: f"{before[k]} to {after[k]}" for k in before if before[k] != after[k]}
if "environment variables" in changed:  # names alone: a value may be a secret
    old, new = before["environment variables"], after["environment variables"]
    names = sorted(k for k in {*old, *new} if old.get(k) != new.get(k))
    changed["environment variables"] = ", ".join(names)
sys.__stdout__.write("\\n" + json.dumps({
    "heavy": [m for m in sys.argv[2:] if m in sys.modules],
    "changed": changed,
}) + "\\n")
"""
