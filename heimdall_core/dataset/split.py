"""Splitting a dataset into train, validation and test by group, so that nothing close crosses."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen, validators

from heimdall_core.dataset.checks import AnswerChecker, LanguageLookup, no_language
from heimdall_core.dataset.copies import add_copies
from heimdall_core.dataset.files import identity, put, remove
from heimdall_core.dataset.groups import NAMES, Groups
from heimdall_core.dataset.io import BadLine, dump_example, read_examples
from heimdall_core.dataset.leakage import find_leaks, total
from heimdall_core.dataset.parts import (
    TEST,
    TRAIN,
    UNSEEN,
    UNSEEN_FAMILIES,
    VALIDATION,
    Names,
    assign,
)
from heimdall_core.dataset.remote import Remote, located, require_writable
from heimdall_core.dataset.rows import trainable_rows
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.scan import Emit
from heimdall_core.dataset.shard_write import ShardSize, publish, put_folder, require_free
from heimdall_core.dataset.shards import MANIFEST
from heimdall_core.dataset.ties import Ties
from heimdall_core.errors import DatasetError, did_you_mean


def _check_by(_: Any, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for name in value:
        if name not in NAMES:
            raise ValueError(f"'by' must be names of keys: '{name}'; {did_you_mean(name, NAMES)}")
    if "prompt" not in value:
        raise ValueError(f"'by' must be a list with 'prompt': {list(value)}")


def _check_unseen(_: Any, attribute: attrs.Attribute[Any], value: int | tuple[str, ...]) -> None:
    if isinstance(value, int) and value < 0:
        raise ValueError(f"'{attribute.name}' must be >= 0: {value}")


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
    by: tuple[str, ...] = field(
        default=("prompt", "combination", "canonical", "near"), validator=_check_by
    )
    """What must not cross: rows that share one of these stay together. `prompt` (always),
    `combination`, `canonical` (queries of one canonical form), `near` (almost the same prompt and
    the same answer; both need the extra `data`), `answer`, `family`, `schema`."""
    near_threshold: float = field(default=0.7, validator=[validators.gt(0), validators.le(1)])
    """Similarity of two texts (Jaccard, over five-character shingles) from which they are near."""
    unseen_schemas: int | tuple[str, ...] = field(default=0, validator=_check_unseen)
    """Graph schemas, by number or by name, that are kept out of training and go whole into a
    test of their own."""
    unseen_families: int | tuple[str, ...] = field(default=0, validator=_check_unseen)
    """Template families, by number or by name, that are kept out of training in the same way."""
    max_validation_rows: int | None = field(default=None, validator=_rows())
    """Most rows for validation; groups beyond that go to training."""
    max_test_rows: int | None = field(default=None, validator=_rows())
    """Most rows for the test; groups beyond that go to training."""
    allow_copies: bool = False
    """Copy rows of small categories, in the training part alone, until the largest category is
    `max_category_ratio` times theirs, each row at most `max_copies` times."""
    max_category_ratio: float = field(default=3.0, validator=validators.ge(1))
    """Largest category over smallest that copies bring about; read with `allow_copies`."""
    max_copies: int = field(default=9, validator=validators.ge(1))
    """Copies of one row, at most; read with `allow_copies`."""
    workers: int = field(default=0, validator=validators.ge(0))
    """Processes; 0 for one per core. Changes no row."""

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
    unseen_families: tuple[str, ...]
    tied_rows: int
    """Rows of other schemas (and families) in the unseen tests: they share a key with a held-out
    row."""
    filled: tuple[str, ...]
    """Parts that no group fell into by its hash and that got the nearest one."""
    leakage: Mapping[str, Mapping[str, int]]
    """By kind and pair of parts; all empty, or the split would have been refused."""
    copies: Mapping[str, int]
    """Rows that were copied in the training part, by category; they count in no other figure."""

    def lines(self) -> list[str]:
        """The report for a terminal."""
        lines = [
            f"{name}: {part.rows:,} rows ({part.rows / self.rows:.1%}), {part.groups:,} groups"
            for name, part in self.parts.items()
        ]
        if self.unseen_schemas:
            lines.append(f"Unseen schemas: {', '.join(self.unseen_schemas)}")
        if self.tied_rows:
            lines.append(f"  with {self.tied_rows:,} rows of others that share a key")
        if self.unseen_families:
            lines.append(f"Unseen families: {', '.join(self.unseen_families)}")
        lines += [f"  {n:,} copies of rows of '{c}' in training" for c, n in self.copies.items()]
        lines += [f"  no group fell into {name}: it got the nearest" for name in self.filled]
        return [*lines, f"✓ Leakage: none ({', '.join(self.leakage)})"]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


def split_rows(
    source: Path,
    out_dir: Path,
    options: SplitOptions | None = None,
    seed: int = 7,
    *,
    language: LanguageLookup = no_language,
    shards: ShardSize | None = None,
    emit: Emit = lambda event: None,
) -> SplitReport:
    """Writes `train.jsonl`, `validation.jsonl`, `test.jsonl` (and `test_unseen_schemas.jsonl`,
    `test_unseen_families.jsonl`) into `out_dir`; every row of `source` stands in exactly one, in
    the order of the source.

    The same rows and seed give the same parts, in whatever order the rows come, and added rows
    move no others, unless they join groups (see `Groups`) or a cap is reached. `language` looks a
    language plugin up by name: it knows which queries are one. Nothing is written where the files
    leak. Raises `DatasetError` for a bad line, for fewer groups than parts, and for schemas or
    families that cannot be held out. With `shards`, each part is a folder of them.
    """
    options = options or SplitOptions()
    source, out_dir = located(source), located(out_dir)
    require_writable(out_dir)
    before = identity(source)
    groups = Groups(options.by, seed)
    schemas, families = Names("schema"), Names("family")

    def refuse(bad: BadLine) -> None:
        raise DatasetError(bad.reason, where=f"{source}:{bad.line}{bad.place}")

    for _, row, _ in trainable_rows(source, refuse):
        groups.add(row)
        schemas.add(row.schema)
        families.add(row.family)
    if not len(groups):
        raise DatasetError("holds no rows", where=str(source))
    checker = AnswerChecker(language, {})
    made: dict[int, int] = {}
    _tie(groups, source, options, checker, made, emit)
    held_schemas = schemas.choose(options.unseen_schemas, seed, source)
    held_families = families.choose(options.unseen_families, seed, source)
    held_rows = {
        UNSEEN: schemas.rows_of(held_schemas),
        UNSEEN_FAMILIES: families.rows_of(held_families),
    }
    parts, filled = assign(groups, held_rows, options, source)
    part_of_root = {group.root: name for name, some in parts.items() for group in some}
    part_of = [part_of_root[groups.root(row)] for row in range(len(groups))]
    held_out = {UNSEEN: held_schemas, UNSEEN_FAMILIES: held_families}
    leaks, copies = _write(
        source,
        out_dir,
        list(parts),
        part_of,
        options,
        shards,
        held_out,
        before,
        checker,
        made,
        emit,
    )
    return SplitReport(
        source=str(source),
        seed=seed,
        rows=len(groups),
        groups=sum(map(len, parts.values())),
        largest_group=max(group.rows for some in parts.values() for group in some),
        parts={
            name: Part(str(_file(out_dir, name, shards)), sum(g.rows for g in some), len(some))
            for name, some in parts.items()
        },
        unseen_schemas=held_schemas,
        unseen_families=held_families,
        tied_rows=sum(g.rows for part in held_rows for g in parts.get(part, ()))
        - len(set().union(*held_rows.values())),
        filled=filled,
        leakage=leaks,
        copies=copies,
    )


def _tie(
    groups: Groups,
    source: Path,
    options: SplitOptions,
    checker: AnswerChecker,
    made: dict[int, int],
    emit: Emit,
) -> None:
    """Puts together what only all rows together can tell: one query, and near-duplicates."""
    if "canonical" not in options.by and "near" not in options.by:
        return
    ties = Ties(
        [source], checker, near="near" in options.by, made=made, workers=options.workers, emit=emit
    )
    for rows in ties.canonical() if "canonical" in options.by else ():
        for row in rows[1:]:
            groups.tie(rows[0], row)
    for one, other in ties.near(options.near_threshold):
        groups.tie(one, other)


def _write(
    source: Path,
    out_dir: Path,
    names: Sequence[str],
    part_of: Sequence[str],
    options: SplitOptions,
    shards: ShardSize | None,
    held_out: Mapping[str, tuple[str, ...]],
    before: tuple[int, int, int],
    checker: AnswerChecker,
    made: dict[int, int],
    emit: Emit,
) -> tuple[Mapping[str, Mapping[str, int]], Mapping[str, int]]:
    """Writes the parts into a hidden folder, looks for leaks there, then renames them. Returns
    the leakage report, and the copies by category."""
    files = {
        name: _file(out_dir, name, shards)
        for name in (TRAIN, VALIDATION, TEST, UNSEEN, UNSEEN_FAMILIES)
    }
    if any(path.exists() and path.samefile(source) for path in files.values()):
        raise DatasetError("is the source and would be overwritten", where=str(source))
    for path in files.values() if shards else ():
        require_free(path)
    beside = None if isinstance(out_dir, Remote) else out_dir
    copies: Mapping[str, int] = {}
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".split-", dir=beside) as folder:
            staged = {name: _file(Path(folder), name, shards) for name in names}
            with ExitStack() as stack:
                out = {
                    name: stack.enter_context(atomic_rows(path, shards=shards))
                    for name, path in staged.items()
                }
                # Not strict: a file that grew or shrank meanwhile is told below.
                for row, name in zip(read_examples(source), part_of, strict=False):
                    out[name](dump_example(row) + "\n")
            if identity(source) != before:
                raise DatasetError("was changed while it was being split", where=str(source))
            leaks = find_leaks(
                staged,
                options.by,
                unseen=UNSEEN if held_out[UNSEEN] else "",
                held_out=held_out[UNSEEN],
                unseen_families=UNSEEN_FAMILIES if held_out[UNSEEN_FAMILIES] else "",
                held_out_families=held_out[UNSEEN_FAMILIES],
                checker=checker,
                near_threshold=options.near_threshold,
                made=made,
                workers=options.workers,
                emit=emit,
            )
            if total(leaks):
                raise DatasetError(f"the parts of the split leak: {leaks}", where=str(source))
            if options.allow_copies:
                limits = options.max_category_ratio, options.max_copies
                copies = add_copies(staged[TRAIN], *limits, shards)
            # Earlier parts go first: beside new ones they would leak, if this were killed now.
            for path in files.values():
                _clear(path, shards)
            for name, path in staged.items():
                if isinstance(out_dir, Remote):
                    publish(path, files[name])
                elif shards:
                    put_folder(path, files[name])
                else:
                    put(path, files[name])
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=str(out_dir)) from error
    return leaks, copies


def _clear(path: Path, shards: ShardSize | None) -> None:
    """Takes an earlier part away; of one in shards the manifest, without which it is none."""
    if shards is None:
        path.unlink(missing_ok=True)
    elif isinstance(path, Remote):
        (path / MANIFEST).unlink(missing_ok=True)
    else:
        remove(path)


def _file(folder: Path, part: str, shards: ShardSize | None) -> Path:
    return folder / (part if shards else f"{part}.jsonl")
