"""What keeps the house in shape: folders, names, entry points, imports."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from heimdall_core import Registry
from heimdall_core.testing.base import HEAVY

ROOT = Path(__file__).parents[2]
CONTAINERS = ("generators", "evaluators", "exporters", "plugins")
ROLES = {
    "generators": ("heimdall_gen_",),
    "evaluators": ("heimdall_eval_",),
    "exporters": ("heimdall_export_",),
    "plugins": (
        "heimdall_lang_",
        "heimdall_repo_",
        "heimdall_run_",
        "heimdall_train_",
        "heimdall_teach_",
        "heimdall_track_",
        "heimdall_exec_",
        "heimdall_report_",
        "heimdall_serve_",
    ),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = sorted(
    path for c in CONTAINERS for path in (ROOT / c).iterdir() if path.name.startswith("heimdall_")
)


def test_containers_are_no_packages() -> None:
    for container in CONTAINERS:
        assert not (ROOT / container / "__init__.py").exists()
        strays = [
            p.name for p in (ROOT / container).iterdir() if not p.name.startswith("heimdall_")
        ]
        assert strays == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_a_package_carries_its_role_and_a_card(package: Path) -> None:
    assert package.name.startswith(ROLES[package.parent.name])
    for file in ("__init__.py", "plugin.py", "py.typed", "README.md"):
        assert (package / file).is_file(), f"{package.name} has no {file}"


def test_one_entry_point_per_package_and_no_other() -> None:
    declared = dict(PROJECT["project"]["entry-points"]["heimdall"])
    assert declared.pop("presets") == "heimdall_core.presets"
    expected = {
        p.name.removeprefix("heimdall_").replace("_", "-"): f"{p.name}.plugin" for p in PACKAGES
    }
    assert declared == expected


def test_the_installed_entry_points_are_the_declared_ones() -> None:
    installed = {
        e.name: e.value
        for e in entry_points(group="heimdall")
        if e.dist and e.dist.name == "heimdall-slm"
    }
    declared = PROJECT["project"]["entry-points"]["heimdall"]
    assert installed == declared, "run `pip install -e .` again: an entry point has changed"


def test_the_lists_in_pyproject_name_every_package() -> None:
    names = {"heimdall_core", *(p.name for p in PACKAGES)}
    assert set(PROJECT["tool"]["check-wheel-contents"]["toplevel"]) == names
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == names
    [layers] = [c["layers"] for c in PROJECT["tool"]["importlinter"]["contracts"]]
    assert {n.strip() for layer in layers for n in layer.split("|")} == names


def test_every_built_in_loads() -> None:
    registry = Registry(third_party=False, environ={})
    assert [p.error for p in registry.failures] == []
    assert len(registry.plugins) == len(PACKAGES) + 1


def test_plugin_modules_import_with_the_heavy_packages_gone() -> None:
    """Every plugin.py loads where torch, numpy and the like cannot be imported at all."""
    modules = [f"{p.name}.plugin" for p in PACKAGES] + ["heimdall_core.presets"]
    code = f"""
import importlib, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Blocker())
import heimdall_core
for name in heimdall_core.__all__:
    getattr(heimdall_core, name)
for name in {modules!r}:
    importlib.import_module(name)
from heimdall_core import Registry
registry = Registry(third_party=False)
assert not registry.failures, registry.failures
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fine", done.stderr


def test_importing_the_core_changes_nothing() -> None:
    """No print, no logging configuration, no signal handler, no environment variable."""
    code = """
import logging, os, signal, sys
before = (dict(os.environ), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM),
          list(logging.getLogger().handlers), logging.getLogger().level)
import heimdall_core
for name in heimdall_core.__all__:
    getattr(heimdall_core, name)
heimdall_core.Registry()
after = (dict(os.environ), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM),
         list(logging.getLogger().handlers), logging.getLogger().level)
sys.exit(before != after)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_only_the_command_line_prints() -> None:
    for path in [
        *(ROOT / "heimdall_core").rglob("*.py"),
        *(p for d in PACKAGES for p in d.rglob("*.py")),
    ]:
        if "cli" in path.parts or path.name == "cli.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            assert not (called and node.func.id == "print"), f"{path}:{node.lineno} prints"  # type: ignore[attr-defined]


def test_no_pickle_no_remote_code_no_shell() -> None:
    banned = ("import pickle", "torch.load(", "torch.save(", "trust_remote_code=True", "shell=True")
    for path in [
        *(ROOT / "heimdall_core").rglob("*.py"),
        *(p for d in PACKAGES for p in d.rglob("*.py")),
    ]:
        text = path.read_text(encoding="utf-8")
        for word in banned:
            assert word not in text, f"{path} uses {word}"
