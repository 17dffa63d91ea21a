"""Where a correction goes: the file or folder that is changed, and, of shards, their form."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from heimdall_core.dataset.formats import kind_of
from heimdall_core.dataset.remote import Remote, located
from heimdall_core.dataset.shard_write import ShardSize, sharded_name
from heimdall_core.dataset.shards import MANIFEST, is_pattern, read_manifest
from heimdall_core.errors import DatasetError


@frozen
class Form:
    """How shards are written."""

    suffix: str
    size: ShardSize


def output_of(
    source: Path, output: Path | None, shards: ShardSize | None
) -> tuple[Path, Form | None]:
    """The file or folder to write, and the form of its shards where it is a folder of them. One
    that is there keeps its form. Raises `DatasetError` for what cannot be changed in place."""
    target = source if output is None else located(output)
    if output is None:
        _check_in_place(source)
    elif several := sharded_name(target, shards):
        return several[0], Form(several[1], shards or ShardSize())
    if target.is_symlink():
        target = target.resolve()  # The link stays, and what it points to is corrected.
    if kind_of(target) == "shards" and (target / MANIFEST).is_file():
        return target, form_of(target, shards)
    return target, None


def form_of(folder: Path, shards: ShardSize | None = None) -> Form:
    """The form of a dataset of shards as it is, with another size if one is given."""
    found = read_manifest(folder)
    rows = max((shard.rows or 1 for shard in found.shards), default=None)
    return Form(found.suffix, shards or ShardSize(rows=rows))


def _check_in_place(source: Path) -> None:
    hint = "write elsewhere, with --output"
    if isinstance(source, Remote):
        # Nothing there can be replaced in one step together with its list of removals.
        raise DatasetError("is not corrected in place behind a URL", where=str(source), hint=hint)
    if is_pattern(source):
        raise DatasetError("is a pattern and not corrected in place", where=str(source), hint=hint)
    if kind_of(source) == "shards" and not (source / MANIFEST).is_file():
        raise DatasetError(
            f"is a folder without {MANIFEST} and not corrected in place",
            where=str(source),
            hint=hint,
        )
