"""Edits nornicdb.yaml: comments, order and quotes stay, a backup is made first."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError, missing_extra
from heimdall_export_nornicdb.settings import IGNORED, KEYS


@frozen
class Edit:
    """What an edit came to."""

    path: Path
    backup: Path | None
    """None for a file that was not there before."""
    before: Mapping[str, Any]
    """Values that were replaced; a key that was not there is not in it."""
    ignored: Mapping[str, str]
    """Keys of `heimdall:` that NornicDB does not read -> what there is instead."""
    text: str


def edit_config(path: Path, values: Mapping[str, Any], *, dry_run: bool = False) -> Edit:
    """Sets keys under `heimdall:`. Raises `HeimdallError` for a file that is no YAML table, and
    for one that cannot be written; the old file is then untouched."""
    yaml = _yaml()
    data = _read(path, yaml)
    section = data.get("heimdall")
    if section is None:
        section = data["heimdall"] = type(data)()
    if not isinstance(section, dict):
        raise HeimdallError("'heimdall' is no table", where=str(path))
    before = {key: section[key] for key in values if key in section}
    for key, value in values.items():
        if section.get(key) != value or type(section.get(key)) is not type(value):
            section[key] = value
    ignored = {
        str(key): IGNORED.get(str(key), "NornicDB has no such key")
        for key in section
        if key not in KEYS
    }
    out = io.StringIO()
    yaml.dump(data, out)
    text = out.getvalue()
    if dry_run:
        return Edit(path, None, before, ignored, text)
    backup = _back_up(path)
    part = path.with_name(f".{path.name}.partial")
    try:
        part.write_text(text, "utf-8")
        if backup is not None:
            shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Edit(path, backup, before, ignored, text)


def read_section(path: Path) -> dict[str, Any]:
    """The keys under `heimdall:`; empty where there are none."""
    section = _read(path, _yaml()).get("heimdall")
    return dict(section) if isinstance(section, dict) else {}


def _yaml() -> Any:
    try:
        from ruamel.yaml import YAML
    except ImportError as error:
        raise missing_extra("ruamel.yaml", "deploy", "editing nornicdb.yaml") from error
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # long lines stay whole
    return yaml


def _read(path: Path, yaml: Any) -> Any:
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    if not path.exists():
        return CommentedMap()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HeimdallError("cannot be read as text", where=str(path)) from error
    _keep_indents(yaml, text)
    try:
        data = yaml.load(text)
    except YAMLError as error:
        reason = " ".join(str(error).split())
        raise HeimdallError(f"is no valid YAML: {reason[:200]}", where=str(path)) from error
    if data is None:
        # Nothing but comments: they are kept in front.
        data = CommentedMap()
        if text.strip():
            data.yaml_set_start_comment(
                "\n".join(line.lstrip("#").removeprefix(" ") for line in text.strip().splitlines())
            )
    if not isinstance(data, dict):
        raise HeimdallError("is YAML, but no table", where=str(path))
    return data


def _keep_indents(yaml: Any, text: str) -> None:
    """Lists are written as they stand: with their dash indented, or not."""
    lines = text.splitlines()
    for above, line in pairwise(lines):
        if line.lstrip().startswith("- ") and above.rstrip().endswith(":"):
            depth = len(line) - len(line.lstrip()) - (len(above) - len(above.lstrip()))
            yaml.indent(mapping=2, sequence=depth + 2, offset=depth)
            return


def _back_up(path: Path) -> Path | None:
    if not path.exists():
        return None
    stamp = time.strftime("%Y%m%d_%H%M%S")
    for number in range(1000):
        extra = f"_{number}" if number else ""
        backup = path.with_name(f"{path.stem}_backup_{stamp}{extra}{path.suffix}")
        try:
            handle = os.open(backup, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            reason = f"the backup cannot be written: {error.strerror}"
            raise HeimdallError(reason, where=str(backup)) from error
        os.close(handle)
        shutil.copy2(path, backup)
        return backup
    raise HeimdallError("there are a thousand backups of this second", where=str(path))
