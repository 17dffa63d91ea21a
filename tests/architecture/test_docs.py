"""Documentation that is made from the code, or speaks of it, and must not drift."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from click.testing import CliRunner

from heimdall_core import Registry
from heimdall_core.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]


def test_the_recipe_page_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("make_recipes", ROOT / "docs/make_recipes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
    assert written == module.page(), "run `make docs`"


def test_every_dependency_is_justified() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(d for e in project["optional-dependencies"].values() for d in e),
    ]
    names = {re.match(r"[A-Za-z0-9_-]+", d)[0] for d in wanted} - {"heimdall-slm"}  # type: ignore[index]
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    assert [n for n in sorted(names) if not re.search(rf"\b{re.escape(n)}\b", page)] == []


def test_every_command_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {m[1] for m in re.finditer(r"heimdall ([a-z][a-z-]+)", text)}
    known = {*COMMANDS, *Registry(third_party=False).names("command")}
    assert named
    assert named <= known, named - known


def test_every_command_has_help() -> None:
    for name in COMMANDS:
        done = CliRunner().invoke(cli, [name, "--help"])
        assert done.exit_code == 0, name
        assert "Usage:" in done.output


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    pages += [*ROOT.glob("*/heimdall_*/README.md"), *ROOT.glob("examples/*/README.md")]
    broken = []
    for page in pages:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_the_front_page_names_every_page() -> None:
    front = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = {p.name for p in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {name for name in pages if f"({name})" not in front} == set()
