"""Splitting a dataset into train, validation and test by group, so that nothing close crosses."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen, validators

from heimdall_core.dataset.files import identity, put
from heimdall_core.dataset.groups import KEYS, Groups
from heimdall_core.dataset.io import atomic_text, dump_example, read_examples
from heimdall_core.dataset.leakage import find_leaks, total
from heimdall_core.dataset.parts import TEST, TRAIN, UNSEEN, VALIDATION, Schemas, assign
from heimdall_core.errors import DatasetError, did_you_mean


def _check_by(_: Any, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for name in value:
        if name not in KEYS:
            raise ValueError(f"'by' must be names of keys: '{name}'; {did_you_mean(name, KEYS)}")
    if "prompt" not in value:
        raise ValueError(f"'by' must be a list with 'prompt': {list(value)}")


def _check_unseen(_: Any, attribute: attrs.Attribute[Any], value: int | tuple[str, ...]) -> None:
    if isinstance(value, int) and value < 0:
        raise ValueError(f"'unseen_schemas' must be >= 0: {value}")


def _share() -> Any:
    return [validators.ge(0), validators.lt(1)]


def _rows() -> Any:
    return validators.optional(validators.ge(1))


@frozen(kw_only=True)
class SplitOptions:
    """How a dataset is split. The string below each field is its help text."""

    validation: float = field(default=0.05, validator=_share())
    """Share of the groups for validation; in rows it is approximate, since groups stay whole."""
    test: float = field(default=0.05, validator=_share())
    """Share of the groups for the test. Groups of unseen schemas count in neither share."""
    by: tuple[str, ...] = field(default=("prompt", "combination"), validator=_check_by)
    """What must not cross: rows that share one of these stay together. `prompt` (always),
    `combination`, `answer`, `family`, `schema`."""
    unseen_schemas: int | tuple[str, ...] = field(default=0, validator=_check_unseen)
    """Graph schemas, by number or by name, that are kept out of training and go whole into a
    test of their own."""
    max_validation_rows: int | None = field(default=None, validator=_rows())
    """Most rows for validation; groups beyond that go to training."""
    max_test_rows: int | None = field(default=None, validator=_rows())
    """Most rows for the test; groups beyond that go to training."""

    def __attrs_post_init__(self) -> None:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"'validation' must be less than 1 together with 'test': "
                f"{self.validation + self.test:g}"
            )


@frozen
class Part:
    """One file of a split."""

    path: str
    rows: int
    groups: int


@frozen
class SplitReport:
    """Where the rows went, and that nothing crosses."""

    source: str
    seed: int
    rows: int
    groups: int
    largest_group: int
    """Rows of the largest group: one that is a large share of all makes the shares coarse."""
    parts: Mapping[str, Part]
    """`train`, `validation`, `test`, and `test_unseen_schemas` where schemas were held out."""
    unseen_schemas: tuple[str, ...]
    tied_rows: int
    """Rows of other schemas in the unseen test: they share a key with a held-out row."""
    filled: tuple[str, ...]
    """Parts that no group fell into by its hash and that got the nearest one."""
    leakage: Mapping[str, Mapping[str, int]]
    """By kind and pair of parts; all empty, or the split would have been refused."""

    def lines(self) -> list[str]:
        """The report for a terminal."""
        lines = [
            f"{name}: {part.rows:,} rows ({part.rows / self.rows:.1%}), {part.groups:,} groups"
            for name, part in self.parts.items()
        ]
        if self.unseen_schemas:
            lines.append(f"Unseen schemas: {', '.join(self.unseen_schemas)}")
        if self.tied_rows:
            lines.append(f"  with {self.tied_rows:,} rows of other schemas that share a key")
        lines += [f"  no group fell into {name}: it got the nearest" for name in self.filled]
        return [*lines, f"✓ Leakage: none ({', '.join(self.leakage)})"]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


def split_rows(
    source: Path, out_dir: Path, options: SplitOptions | None = None, seed: int = 7
) -> SplitReport:
    """Writes `train.jsonl`, `validation.jsonl`, `test.jsonl` (and `test_unseen_schemas.jsonl`)
    into `out_dir`; every row of `source` stands in exactly one, in the order of the source.

    The same rows and seed give the same parts, in whatever order the rows come, and added rows
    move no others, unless they join groups (see `Groups`) or a cap is reached. Nothing is
    written where the files leak. Raises `DatasetError` for a bad line, for fewer groups than
    parts, and for schemas that cannot be held out.
    """
    options = options or SplitOptions()
    before = identity(source)
    groups, schemas = Groups(options.by, seed), Schemas()
    for row in read_examples(source):
        groups.add(row)
        schemas.add(row.schema)
    if not len(groups):
        raise DatasetError("holds no rows", where=str(source))
    held_out = schemas.choose(options.unseen_schemas, seed, source)
    parts, filled = assign(groups, schemas.rows_of(held_out), options, source)
    part_of_root = {group.root: name for name, some in parts.items() for group in some}
    part_of = [part_of_root[groups.root(row)] for row in range(len(groups))]
    leaks = _write(source, out_dir, list(parts), part_of, options, held_out, before)
    return SplitReport(
        source=str(source),
        seed=seed,
        rows=len(groups),
        groups=sum(map(len, parts.values())),
        largest_group=max(group.rows for some in parts.values() for group in some),
        parts={
            name: Part(str(_file(out_dir, name)), sum(g.rows for g in some), len(some))
            for name, some in parts.items()
        },
        unseen_schemas=held_out,
        tied_rows=sum(g.rows for g in parts.get(UNSEEN, ())) - len(schemas.rows_of(held_out)),
        filled=filled,
        leakage=leaks,
    )


def _write(
    source: Path,
    out_dir: Path,
    names: Sequence[str],
    part_of: Sequence[str],
    options: SplitOptions,
    held_out: tuple[str, ...],
    before: tuple[int, int, int],
) -> Mapping[str, Mapping[str, int]]:
    """Writes the parts into a hidden folder, looks for leaks there, then renames them."""
    files = {name: _file(out_dir, name) for name in (TRAIN, VALIDATION, TEST, UNSEEN)}
    if any(path.exists() and path.samefile(source) for path in files.values()):
        raise DatasetError("is the source and would be overwritten", where=str(source))
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".split-", dir=out_dir) as folder:
            staged = {name: _file(Path(folder), name) for name in names}
            with ExitStack() as stack:
                out = {
                    name: stack.enter_context(atomic_text(path)) for name, path in staged.items()
                }
                # Not strict: a file that grew or shrank meanwhile is told below.
                for row, name in zip(read_examples(source), part_of, strict=False):
                    out[name].write(dump_example(row) + "\n")
            if identity(source) != before:
                raise DatasetError("was changed while it was being split", where=str(source))
            unseen = UNSEEN if held_out else ""
            leaks = find_leaks(staged, options.by, unseen=unseen, held_out=held_out)
            if total(leaks):
                raise DatasetError(f"the parts of the split leak: {leaks}", where=str(source))
            # Earlier parts go first: beside new ones they would leak, if this were killed now.
            for path in files.values():
                path.unlink(missing_ok=True)
            for name, path in staged.items():
                put(path, files[name])
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=str(out_dir)) from error
    return leaks


def _file(folder: Path, part: str) -> Path:
    return folder / f"{part}.jsonl"
