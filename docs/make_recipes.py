"""Writes `recipes.md` from the recipe's classes and the installed plugins: `make docs`.

A test fails where the page and the code differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from heimdall_core import Registry
from heimdall_core.config import ALIASES, FORMATS
from heimdall_core.schema import recipe_schema

PAGE = Path(__file__).with_name("recipes.md")

HEAD = """# Recipes

<!-- Made by docs/make_recipes.py from the code; `make docs` writes it again. -->

A recipe is one TOML file that says what is made and how. Every key below may be left out.

```toml
name = "my-model"
extends = "nano"            # a preset; this file is laid over it, table by table

[generate]
num_examples = 5000

[generate.mix.cypher]       # one table per generator: its weight, and its own options
weight = 1.0

[train]
epochs = 3
```

```console
$ heimdall recipe check my-model.toml     # every mistake, with its path and what would be right
$ heimdall recipe show my-model.toml      # presets merged, defaults and plugins' options filled in
$ heimdall recipe schema > heimdall.json  # JSON schema, for editors
$ heimdall run my-model.toml --set train.epochs=1
```

An unknown key, a value of the wrong type, a plugin that is not there and a setting that the chosen
plugin does not read are errors. `--set KEY=VALUE` takes values as TOML writes them; a bare word is
a string.
"""


def page() -> str:
    """The whole page."""
    schema = recipe_schema(Registry(third_party=False, environ={}))
    parts = [HEAD, "## Presets\n", _presets(), "## The recipe\n", _table(schema, skip_tables=True)]
    for name, entry in schema["properties"].items():
        if "properties" not in entry:
            continue
        parts += [f"## `[{name}]`\n", entry.get("description", "") + "\n", _table(entry)]
        if name == "train":
            short = ", ".join(f"`{alias}` for `{full}`" for alias, full in ALIASES.items())
            formats = ", ".join(f'`{name} = true` for `precision = "{name}"`' for name in FORMATS)
            parts.append(f"Short names: {short}, {formats}.\n")
        for inner in ("mix", "options"):
            for plugin, options in entry["properties"].get(inner, {}).get("properties", {}).items():
                if options["properties"]:
                    parts += [f"### `[{name}.{inner}.{plugin}]`\n", _table(options)]
    return "\n".join(parts).rstrip() + "\n"


def _presets() -> str:
    registry = Registry(third_party=False, environ={})
    lines = ["| preset | what it makes |", "|---|---|"]
    lines += [f"| `{p.name}` | {p.summary} |" for p in registry.presets()]
    return "\n".join(lines) + "\n"


def _table(schema: dict[str, Any], *, skip_tables: bool = False) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, entry in schema["properties"].items():
        if skip_tables and entry.get("type") == "object":
            continue
        default = entry.get("default")
        shown = "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"
        text = " ".join(entry.get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(entry)} | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def _type(entry: dict[str, Any]) -> str:
    if "enum" in entry:
        return " or ".join(f"`{value}`" for value in entry["enum"])
    if "anyOf" in entry:
        return " or ".join(_type(member) for member in entry["anyOf"])
    if entry.get("type") == "array":
        return f"array of {_type(entry['items'])}s"
    return {"object": "table"}.get(entry.get("type", ""), entry.get("type", "any"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
