"""The tutorial: its files, copied as they stand, make a plugin that generates."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/first-plugin.md"
COMMANDS = re.compile(r"^\$ (.*)$", re.MULTILINE)
FILE = re.compile(r"^`([\w.]+)`\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_what_is_copied_is_short_and_works(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    files = dict(FILE.findall(page))
    assert set(files) == {"pyproject.toml", "acme_fraud.py"}
    # Everything that is typed or copied, the environment and the commands with it.
    copied = [line for text in files.values() for line in text.splitlines() if line.strip()]
    assert len(copied) + len(COMMANDS.findall(page)) <= 25
    assert sum(len(text.splitlines()) for text in files.values()) <= 25

    # Installed as pip leaves it: the module, and metadata with what pyproject.toml says.
    project = tomllib.loads(files["pyproject.toml"])["project"]
    [(entry, module)] = project["entry-points"]["heimdall"].items()
    # Left to guess, setuptools takes a folder `runs` for the package, once there has been a run.
    assert tomllib.loads(files["pyproject.toml"])["tool"]["setuptools"]["py-modules"] == [module]
    (tmp_path / f"{module}.py").write_text(files["acme_fraud.py"], encoding="utf-8")
    info = tmp_path / f"{module}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (info / "entry_points.txt").write_text(f"[heimdall]\n{entry} = {module}\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    heimdall = [sys.executable, "-m", "heimdall_core.cli.main"]
    asked = [
        "generate",
        "--generator",
        "fraud",
        "--num-examples",
        "20",
        "--output",
        "rows.jsonl",
        "--json",
    ]
    done = subprocess.run(
        [*heimdall, *asked],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["rows"], report["rejected"]) == (20, 0)
    first = json.loads((tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["category"] == "fraud"
    assert first["verification"] == ["cypher:checked"]
