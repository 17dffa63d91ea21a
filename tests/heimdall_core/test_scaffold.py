"""`heimdall plugin new`: what it writes installs, is found, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from heimdall_core import HeimdallError, Registry
from heimdall_core.cli.main import cli
from heimdall_core.scaffold import ROLES, new_plugin


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_new_plugin_is_found_and_passes_its_tests(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_plugin(f"acme-new-{role}", role, tmp_path)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [(entry, module)] = project["entry-points"]["heimdall"].items()
    monkeypatch.syspath_prepend(folder)
    plugin = EntryPoint(entry, module, "heimdall").load()
    registry = Registry(discover=False, plugins=[(entry, plugin)])
    assert registry.names(role) == (f"new_{role}",)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_new_plugin_is_clean_code(role: str, tmp_path: Path) -> None:
    folder = new_plugin(f"acme-{role}", role, tmp_path)
    rules = ["--isolated", "--line-length", "100", "--select", "E,F,W,I,UP,B", "--no-cache"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "$" not in "".join(
        p.read_text(encoding="utf-8").replace("$ ", "") for p in folder.rglob("*.*") if p.is_file()
    )


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [
        ("Acme Fraud", "generator", "is no name for a plugin; write lower-case words"),
        ("../evil", "generator", "is no name for a plugin"),
        ("heimdall-fraud", "generator", "looks like Heimdall's own"),
        ("import", "generator", "is a word or a module of Python's own"),
        ("json", "generator", "is a word or a module of Python's own"),
        ("acme-cypher", "language", "the language 'cypher' is Heimdall's own"),
        ("acme-fraud", "generater", "unknown role 'generater'; did you mean 'generator'"),
    ],
)
def test_a_wrong_name_is_refused_and_nothing_written(
    name: str, role: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(HeimdallError) as refused:
        new_plugin(name, role, tmp_path)
    assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    new_plugin("acme-fraud", "generator", tmp_path)
    (tmp_path / "acme-fraud" / "acme_fraud" / "rows.py").write_text("mine", encoding="utf-8")
    with pytest.raises(HeimdallError, match="is there already"):
        new_plugin("acme-fraud", "evaluator", tmp_path)
    assert (tmp_path / "acme-fraud" / "acme_fraud" / "rows.py").read_text() == "mine"


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    arguments = ["plugin", "new", "acme-fraud", "--role", "generator", "--output-dir"]
    done = CliRunner().invoke(cli, [*arguments, str(tmp_path)])
    assert done.exit_code == 0
    assert done.output.splitlines()[-1].startswith("next: pip install -e ")
