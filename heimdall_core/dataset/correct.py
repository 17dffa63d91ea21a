"""Correction: removes what must not be trained on, and says of every line why.

Rows are removed and never copied or made up; those that stay keep their order. In place, the
file is backed up first and replaced in one step; a second correction of the result removes
nothing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, Literal

import attrs
from attrs import field, frozen, validators

from heimdall_core.dataset import formats
from heimdall_core.dataset.balance import quotas
from heimdall_core.dataset.checks import AnswerChecker, LanguageLookup, no_language
from heimdall_core.dataset.curate import Decisions
from heimdall_core.dataset.files import (
    backup_path,
    exclusive,
    identity,
    keep_backup,
    remove,
    replace,
    same_bytes,
    staged_name,
)
from heimdall_core.dataset.formats import is_dataset_folder
from heimdall_core.dataset.io import atomic_text
from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.dataset.place import Form, output_of
from heimdall_core.dataset.remote import Remote, located, require_writable
from heimdall_core.dataset.report import by_count, category_ratio, show_ratio
from heimdall_core.dataset.save import Write, atomic_rows
from heimdall_core.dataset.scan import Emit
from heimdall_core.dataset.shard_write import ShardSize, put_folder, require_free
from heimdall_core.dataset.sort_out import BlockWriter
from heimdall_core.errors import DatasetError
from heimdall_core.types import Event, Json

#: Beside the output: what each category lacks, for the generators.
QUOTAS = "quotas.json"

#: Beside the output: one JSON line per removed line.
CORRECTIONS = "corrections.jsonl"


@frozen(kw_only=True)
class CorrectOptions:
    """What a correction removes. The string below each field is its help text."""

    check_language: bool = True
    """Remove rows whose answer is wrong by the language plugin that the row names."""
    language: str = ""
    """Language of the rows that name none; empty leaves them unchecked."""
    dialect: str = ""
    """Dialect to check answers against; empty for the language's default."""
    drop_placeholders: bool = True
    """Remove rows whose answer only stands for one (`TODO`, `...`)."""
    canonical_duplicates: Literal["prompt", "all", "keep"] = field(
        default="prompt", validator=validators.in_(("prompt", "all", "keep"))
    )
    """Queries that are one by their language's canonical form: remove the later rows of one
    prompt, of the whole file (paraphrases too), or none."""
    near_duplicates: bool = True
    """Remove rows that are almost an earlier one and have the same answer (extra `data`)."""
    near_threshold: float = field(default=0.7, validator=[validators.gt(0), validators.le(1)])
    """Similarity of two texts (Jaccard, over five-character shingles) from which they are near."""
    contradictions: Literal["drop", "majority", "keep"] = field(
        default="drop", validator=validators.in_(("drop", "majority", "keep"))
    )
    """Prompts with different answers: drop all their rows, keep the answer that most rows give
    (on a tie none), or keep them all."""
    min_category_size: int = field(default=0, validator=validators.ge(0))
    """Rows that each category should have; what is missing is reported as a quota for its
    generator, never copied."""
    max_category_ratio: float | None = field(
        default=None, validator=validators.optional(validators.ge(1))
    )
    """Largest category over the smallest, which counts as at least `min_category_size`; larger
    ones lose the rows most like others. None leaves the sizes alone."""
    hash: Literal["blake2b", "md5"] = field(
        default="blake2b", validator=validators.in_(("blake2b", "md5"))
    )
    """Digest of the removed rows' rendered text in the list of removals; `md5` as the
    predecessor's reports have it."""
    examples: int = field(default=3, validator=validators.ge(0))
    """How many removals of each reason the report shows; the list holds all."""
    workers: int = field(default=0, validator=validators.ge(0))
    """Processes; 0 for one per core. Changes no row."""


@frozen
class CorrectionReport:
    """What a correction removed, or would remove."""

    source: str
    output: str
    written: bool
    """False for a dry run, and in place where the file was right already, byte for byte."""
    rows_in: int
    """Lines read, bad ones included."""
    rows_out: int
    removed: Mapping[str, int]
    """Lines by reason; every reason is there."""
    examples: Mapping[str, tuple[str, ...]]
    """The first removals of each reason, as `file:line: detail`."""
    marked: int
    """Rows that stay and that a language has checked; they say so in `verification`."""
    missing_languages: Mapping[str, int]
    """Rows by a language that they name and that is not installed; they stay, unmarked."""
    categories_before: Mapping[str, int]
    categories: Mapping[str, int]
    """Rows by category afterwards; 0 for one that has lost them all."""
    quotas: Mapping[str, int]
    """Rows that each category lacks to reach `min_category_size`: for its generator."""
    backup: str | None
    corrections: str | None
    """The list of all removals; None where nothing was written."""

    @property
    def rows_removed(self) -> int:
        """All removed lines."""
        return sum(self.removed.values())

    @property
    def category_ratio(self) -> float:
        """Largest category over smallest afterwards, empty ones left out."""
        return category_ratio({name: n for name, n in self.categories.items() if n})

    def lines(self) -> list[str]:
        """The report for a terminal."""
        lines = [f"{self.rows_in:,} lines: {self.rows_out:,} kept, {self.rows_removed:,} removed"]
        lines += [f"  {count:,} {reason}" for reason, count in self.removed.items() if count]
        before = show_ratio(category_ratio(self.categories_before))
        lines.append(f"Categories: {before} before, {show_ratio(self.category_ratio)} after")
        lines += [f"  '{name}' lacks {n:,} rows" for name, n in self.quotas.items()]
        lines += [
            f"  {rows:,} answers in '{name}' stay unchecked: it is not installed"
            for name, rows in self.missing_languages.items()
        ]
        lines += [f"Backup: {self.backup}"] if self.backup else []
        lines += [f"Removals: {self.corrections}"] if self.corrections else []
        return lines

    def to_json(self) -> dict[str, Any]:
        """All counts as plain JSON."""
        return {
            **attrs.asdict(self),
            "rows_removed": self.rows_removed,
            "category_ratio": self.category_ratio,
        }


def correct_file(
    source: Path,
    output: Path | None = None,
    options: CorrectOptions | None = None,
    *,
    language: LanguageLookup = no_language,
    schemas: Mapping[str, Json] | None = None,
    now: datetime | None = None,
    dry_run: bool = False,
    history: bool = False,
    keep_target: bool = False,
    shards: ShardSize | None = None,
    emit: Emit = lambda event: None,
) -> CorrectionReport:
    """Corrects `source` into `output`, or in place where that is None or the same file.

    In place, the old file is kept as `name_backup_YYYYmmdd_HHMMSS.jsonl` (`now` is its time)
    unless it is already right byte for byte. Every removal is listed in `corrections.jsonl`
    beside the output, and what categories lack in `quotas.json`. With `dry_run` nothing is
    written. `history` keeps the list's earlier entries about the output, as in place;
    `keep_target` backs up an output that the correction of another file replaces. Raises
    `DatasetError` where the source cannot be read or the output written, where another process
    is at it, and where no row would remain. An output such as `rows/*.jsonl.gz`, or a folder's
    name with `shards`, is written as shards, and a folder of shards stays one.
    """
    options = options or CorrectOptions()
    source = located(source)
    target, form = output_of(source, output, shards)
    _check_target(source, target, form)
    checker = AnswerChecker(
        language,
        schemas or {},
        default=options.language,
        dialect=options.dialect,
        performance=False,
    )
    identity(source)  # Before anything is made beside the output.
    if dry_run:
        return _report(source, target, Decisions(source, options, checker, emit), options)
    with exclusive(target):
        before = identity(source)
        beside = None if isinstance(target, Remote) else target.parent
        decisions = Decisions(source, options, checker, emit, beside)
        report = _report(source, target, decisions, options)
        if not report.rows_out:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in report.removed.items() if n)
            raise DatasetError(
                f"no row would remain of {report.rows_in:,} lines ({reasons or 'it is empty'}); "
                "nothing was written",
                where=str(source),
            )
        return _apply(
            source,
            target,
            form,
            decisions,
            report,
            before,
            now or datetime.now(),
            history,
            keep_target,
            emit,
        )


def _check_target(source: Path, target: Path, form: Form | None) -> None:
    if target.name == CORRECTIONS:
        raise DatasetError("is the name of the list of removals", where=str(target))
    require_writable(target)
    if form is not None:
        require_free(target)
        return
    if not target.is_dir():
        return
    if target.exists() and source.exists() and target.samefile(source):
        if (target / "dataset_dict.json").is_file():
            raise DatasetError(
                "holds several parts",
                where=str(target),
                hint="name one of them, such as its folder train, or write elsewhere (--output)",
            )
        return
    if not is_dataset_folder(target):
        raise DatasetError("is a folder, not a file", where=str(target))


def _apply(
    source: Path,
    target: Path,
    form: Form | None,
    decisions: Decisions,
    report: CorrectionReport,
    before: tuple[int, int, int],
    now: datetime,
    history: bool,
    keep_target: bool,
    emit: Emit,
) -> CorrectionReport:
    """Writes everything under hidden names first; then, in this order: backup, list, dataset.
    Killed at any point, the dataset is the old one or the new one, and no removal is unlisted."""
    if isinstance(target, Remote):
        return _apply_remote(source, target, form, decisions, report, before, history, emit)
    in_place = target.exists() and source.exists() and target.samefile(source)
    backup = backup_path(target, now) if in_place else None
    staged = staged_name(target, "corrected")
    staged_list = target.with_name(f".{target.name}.corrections")
    folder = target.is_dir()
    try:
        about = about_of(source, target, backup)
        with (
            _rows(staged, form, folder) as out,
            atomic_text(staged_list) as listing,
        ):
            changed = _write(source, out, listing, about, decisions, emit)
        if identity(source) != before:
            raise DatasetError("was changed while it was being corrected", where=str(source))
        if backup:
            # A folder is never the same byte for byte: it says when it was saved.
            if not changed if folder else same_bytes(staged, source):
                return report
            keep_backup(source, staged, backup)
        elif keep_target and target.exists():
            backup = backup_path(target, now)
            keep_backup(target, staged, backup)
        corrections = target.with_name(CORRECTIONS)
        _publish(staged_list, corrections, target.name, keep=in_place or history)
        _write_quotas(target, report.quotas)
        if form is not None:
            put_folder(staged, target)
        else:
            replace(staged, target)
    finally:
        remove(staged)
        staged_list.unlink(missing_ok=True)
    return attrs.evolve(
        report, written=True, backup=str(backup) if backup else None, corrections=str(corrections)
    )


def _apply_remote(
    source: Path,
    target: Remote,
    form: Form | None,
    decisions: Decisions,
    report: CorrectionReport,
    before: tuple[int, int, int],
    history: bool,
    emit: Emit,
) -> CorrectionReport:
    """The same behind a URL, where nothing is renamed: the list of removals is put in its place
    before the dataset is."""
    corrections = target.with_name(CORRECTIONS)
    with tempfile.TemporaryDirectory(prefix="heimdall-") as scratch:
        staged_list = Path(scratch) / CORRECTIONS
        with _rows(target, form, folder=False) as out:
            with atomic_text(staged_list) as listing:
                _write(source, out, listing, about_of(source, target, None), decisions, emit)
            if identity(source) != before:
                raise DatasetError("was changed while it was being corrected", where=str(source))
            _publish(staged_list, corrections, target.name, keep=history)
            _write_quotas(target, report.quotas)
    return attrs.evolve(report, written=True, corrections=str(corrections))


def _rows(path: Path, form: Form | None, folder: bool) -> AbstractContextManager[Write]:
    if form is None:
        return atomic_rows(path, folder=folder)
    return atomic_rows(path / f"*{form.suffix}", shards=form.size)


def about_of(source: Path, target: Path, backup: Path | None) -> dict[str, str]:
    """What every entry of the list of removals says. Lines are counted in what was read: the
    source, or the backup that holds it now."""
    about = {"file": target.name, "source": backup.name if backup else source.name}
    return about | ({"backup": backup.name} if backup else {})


def _write(
    source: Path,
    out: Write,
    listing: IO[str],
    about: Mapping[str, str],
    decisions: Decisions,
    emit: Emit,
) -> bool:
    """The rows that stay and the list of removals, both in the order of the source. Returns
    whether anything differs from what was read."""
    writer = BlockWriter(decisions.checker, about, md5=decisions.options.hash == "md5")
    starts = accumulate(decisions.block_rows, initial=0)
    verdicts = map(decisions.of_block, starts, decisions.block_rows)
    total = formats.size(source)
    changed = False
    # Not strict: a file that grew or shrank meanwhile is told by the caller.
    blocks = zip(verdicts, formats.blocks(source), strict=False)
    for part in ordered_map(writer, blocks, decisions.options.workers):
        if part.rows:
            out(part.rows)
        listing.write(part.removals)
        changed |= part.changed
        emit(Event("progress", message="writing", done=part.done, total=total))
    return changed


def _publish(staged_list: Path, corrections: Path, name: str, *, keep: bool) -> None:
    """Adds the new removals to the folder's list. In place, the file's earlier ones are its
    history and stay; elsewhere they are of an output that is being replaced, and go."""
    with exclusive(corrections, wait=30), atomic_text(corrections) as listing:
        if corrections.exists():
            with corrections.open(encoding="utf-8", errors="replace") as earlier:
                listing.writelines(e for e in earlier if keep or not _is_about(e, name))
        with staged_list.open(encoding="utf-8") as new:
            shutil.copyfileobj(new, listing)


def _write_quotas(target: Path, lacking: Mapping[str, int]) -> None:
    """Rows that categories lack, for the generators; where none lacks any, an earlier list about
    this file goes."""
    path = target.with_name(QUOTAS)
    if lacking:
        with atomic_text(path) as file:
            found = {"file": target.name, "quotas": dict(lacking)}
            file.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    elif path.is_file() and _is_about(path.read_text(encoding="utf-8"), target.name):
        path.unlink()


def _is_about(entry: str, name: str) -> bool:
    try:
        data = json.loads(entry)
    except ValueError:
        return False  # Not ours; not ours to remove.
    return isinstance(data, dict) and data.get("file") == name


def _report(
    source: Path, target: Path, decisions: Decisions, options: CorrectOptions
) -> CorrectionReport:
    """The report of a correction that has written nothing."""
    counts = decisions.categories(removed=False)
    return CorrectionReport(
        source=str(source),
        output=str(target),
        written=False,
        rows_in=decisions.rows + decisions.bad.count,
        rows_out=counts.total(),
        removed=decisions.reasons(),
        examples=decisions.examples(),
        marked=decisions.marked,
        missing_languages=by_count(decisions.missing),
        categories_before=by_count(decisions.categories(removed=True)),
        categories=by_count(counts),
        quotas=quotas(counts, options.min_category_size),
        backup=None,
        corrections=None,
    )
