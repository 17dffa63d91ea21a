"""`heimdall plugin new`: a small distribution with one plugin, its card and its contract test, that
installs and passes at once. The files are made from `templates/`."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template
from types import MappingProxyType

from attrs import frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.hookspecs import HOOK_API_VERSION
from heimdall_core.registry import Registry


@frozen
class _Role:
    module: str
    """Name of the module that does the work."""
    summary: str
    contract_body: str = ""
    """What the contract's subclass states beyond the plugin's name."""
    try_it: str = ""


#: What can be made, and what each starts as.
ROLES: Mapping[str, _Role] = MappingProxyType(
    {
        "generator": _Role(
            "rows",
            "Questions about payments between accounts, with their Cypher",
            try_it="$$ heimdall generate --generator $name --num-examples 100 --output rows.jsonl",
        ),
        "evaluator": _Role(
            "metric",
            "Share of the reference's words that an answer holds",
            try_it="$$ heimdall evaluate --model-dir MODEL --test-dataset test.jsonl "
            "--metric $name",
        ),
        "exporter": _Role(
            "checksums",
            "SHA-256 sums of a model directory",
            try_it="$$ heimdall export --exporter $name --model-dir MODEL --output sums",
        ),
        "trainer": _Role(
            "training",
            "Learns the training rows by heart",
            try_it="$$ heimdall run RECIPE --set train.trainer=$name",
        ),
        "runtime": _Role(
            "model",
            "Answers from a folder that holds memory.json",
            try_it="$$ heimdall evaluate --runtime $name --model-dir MODEL "
            "--test-dataset test.jsonl --metric exact_match",
        ),
        "language": _Role(
            "language",
            "Settings, one 'name = number' per line",
            contract_body='    valid = ("limit = 5", "b = 1\\na = 2")\n'
            '    invalid = ("limit", "a = 1\\na = 2", "a = b")\n',
            try_it="$$ heimdall validate rows.jsonl    # checks rows whose language is '$name'",
        ),
        "teacher": _Role(
            "answers",
            "Answers from a file of known answers",
            try_it="$$ heimdall distill --teacher $name --prompts prompts.txt "
            "--output distilled.jsonl",
        ),
    }
)


def new_plugin(distribution: str, role: str, parent: Path) -> Path:
    """Writes the distribution into a new folder `parent/distribution` and returns that folder.

    The name is lower-case words joined by `-`; what comes after the first is the name that recipes
    use (`acme-fraud` → `fraud`). Raises `HeimdallError` for another name, an unknown role, and a
    folder that exists.
    """
    if role not in ROLES:
        raise HeimdallError(
            f"unknown role '{role}'", where="--role", hint=did_you_mean(role, ROLES)
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*", distribution):
        raise HeimdallError(
            f"'{distribution}' is no name for a plugin",
            hint="write lower-case words joined by '-', such as acme-fraud",
        )
    if distribution == "heimdall" or distribution.startswith("heimdall-"):
        raise HeimdallError(
            f"'{distribution}' looks like Heimdall's own",
            hint="begin with your organisation's name, such as acme-fraud",
        )
    package, name = distribution.replace("-", "_"), _item_name(distribution)
    if keyword.iskeyword(package) or package in sys.stdlib_module_names:
        raise HeimdallError(
            f"'{package}' is a word or a module of Python's own",
            hint="begin with your organisation's name, such as acme-fraud",
        )
    taken = Registry(third_party=False).names(role)
    if name in taken:
        raise HeimdallError(
            f"the {role} '{name}' is Heimdall's own",
            hint=f"choose another name; taken: {', '.join(taken)}",
        )
    folder = parent / distribution
    if folder.exists():
        raise HeimdallError("is there already", where=str(folder), hint="name another")
    for path, text in _files(distribution, role).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def _item_name(distribution: str) -> str:
    """The name that recipes use."""
    return distribution.partition("-")[2].replace("-", "_") or distribution


def _files(distribution: str, role: str) -> dict[str, str]:
    """Path → text, everything filled in before anything is written."""
    chosen = ROLES[role]
    name = _item_name(distribution)
    package = distribution.replace("-", "_")
    values = {
        "distribution": distribution,
        "package": package,
        "name": name,
        "role": role,
        "module": chosen.module,
        "summary": chosen.summary,
        "title": f"The {role} '{name}'",
        "contract": f"{role.capitalize()}Contract",
        "classname": "".join(part.capitalize() for part in name.split("_")),
        "contract_body": chosen.contract_body.rstrip("\n"),
        "version": version("heimdall-slm"),
        "api": str(HOOK_API_VERSION),
        "next_api": str(HOOK_API_VERSION + 1),
    }
    values["try_it"] = Template(chosen.try_it).substitute(values)
    made = {
        "pyproject.toml": "common/pyproject.toml",
        "README.md": "common/README.md",
        f"{package}/plugin.py": f"{role}/plugin.py",
        f"{package}/{chosen.module}.py": f"{role}/work.py",
        f"{package}/README.md": f"{role}/card.md",
        "tests/test_contract.py": "common/test_contract.py",
        f"tests/test_{chosen.module}.py": f"{role}/test_work.py",
    }
    texts = {path: _fill(template, values) for path, template in made.items()}
    return {**texts, f"{package}/__init__.py": "", f"{package}/py.typed": ""}


def _fill(template: str, values: Mapping[str, str]) -> str:
    text = files(__name__).joinpath("templates", f"{template}.tmpl").read_text(encoding="utf-8")
    return Template(text).substitute(values).rstrip("\n") + "\n"
