"""The tokenised cache: rows as token ids in memory-mapped files, one shard for each source of a
dataset, found again by what they were made from.

    <cache>/files/<key>.json          a file's bytes -> the shards of its sources
    <cache>/shards/<key>/…npy         tokens, ends, prompts, labels, and names.json

A key is a digest of the rows (or the file), of tokenizer.json, of the prompt contract and of the
code here, so an edited template or tokenizer can never meet stale tokens. When one source of a
dataset changes, the shards of the others are taken as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt
import tokenizers
from attrs import frozen
from tokenizers import Tokenizer

import heimdall_core.prompt
from heimdall_core.errors import DatasetError
from heimdall_core.prompt import RenderedExample
from heimdall_core.types import Example
from heimdall_run_transformers import encode
from heimdall_run_transformers.encode import (
    EncodedRow,
    EncodedRows,
    encode_texts,
    rendered_rows,
    within_length,
)

#: Fields of a row that can name its task.
LABELS: Final = ("category", "source", "family")

_ARRAYS: Final = ("tokens", "ends", "prompts", *LABELS)


@frozen(eq=False)
class Shard:
    """The rows of one source. N rows, T tokens in all."""

    tokens: npt.NDArray[np.int32]
    """(T,) all rows, one after the other."""
    ends: npt.NDArray[np.int64]
    """(N,) where each row ends."""
    prompts: npt.NDArray[np.int32]
    """(N,) tokens of each prompt."""
    labels: dict[str, npt.NDArray[np.int32]]
    """Field -> (N,) numbers into `names`."""
    names: dict[str, list[str]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.diff(self.ends, prepend=0)


class TokenRows(Sequence[EncodedRow]):
    """Rows of some shards, read from the disk when they are asked for."""

    def __init__(
        self,
        shards: Sequence[Shard],
        task_field: str,
        kept: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self._shards = list(shards)
        counts = [len(shard.ends) for shard in shards]
        self._first = np.cumsum([0, *counts])
        self.tasks: tuple[str, ...] = tuple(
            sorted({name for shard in shards for name in shard.names[task_field]})
        ) or ("",)
        number = {name: index for index, name in enumerate(self.tasks)}
        self._task = np.concatenate(
            [
                np.asarray([number[n] for n in s.names[task_field]] or [0], dtype=np.int32)[
                    s.labels[task_field]
                ]
                for s in shards
            ]
        )
        self._task_field = task_field
        self._all_lengths = np.concatenate([shard.lengths for shard in shards])
        self._kept = np.arange(len(self._all_lengths)) if kept is None else kept
        self.lengths: npt.NDArray[np.int64] = self._all_lengths[self._kept]

    def only(self, kept: npt.NDArray[np.int64]) -> TokenRows:
        """These rows alone, by number."""
        return TokenRows(self._shards, self._task_field, self._kept[kept])

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> EncodedRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[EncodedRow]: ...
    def __getitem__(self, index: int | slice) -> EncodedRow | list[EncodedRow]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = int(self._kept[index])
        at = int(np.searchsorted(self._first, number, side="right")) - 1
        shard, row = self._shards[at], number - int(self._first[at])
        end = int(shard.ends[row])
        tokens = shard.tokens[end - int(self._all_lengths[number]) : end]
        return EncodedRow(np.asarray(tokens), int(shard.prompts[row]), int(self._task[number]))


@frozen
class Tokenised:
    """A file's rows, and what it took to get them."""

    rows: TokenRows
    shards: int
    made: int
    """Shards that had to be tokenised; the others were in the cache."""
    counts: tuple[int, ...] = ()
    """Rows of each file, in the order of the files."""

    def fit(self, max_length: int, max_share_too_long: float, where: str) -> EncodedRows:
        """The rows of at most `max_length` tokens; raises as `within_length`."""
        kept = within_length(self.rows.lengths, max_length, max_share_too_long, where)
        return EncodedRows(self.rows.only(kept), len(self.rows) - len(kept), self.rows.tasks)


def tokenised(
    paths: Sequence[Path], rust: Tokenizer, *, cache: Path, task_field: str = "category"
) -> Tokenised:
    """The rows of some JSONL files as one, from the cache where they are in it.

    Rows stand in the order of the files, in each by source, and as in the file within a source.
    Raises `DatasetError` for a bad line and a file without rows, `PromptError` for a row whose
    text holds a control marker.
    """
    profile = _profile(rust)
    shards: list[Shard] = []
    counts: list[int] = []
    made = 0
    for path in paths:
        index = cache / "files" / f"{_digest_file(path, profile)}.json"
        found = _read_index(index, cache)
        if found is None:
            found, new = _tokenise_file(path, rust, profile, cache)
            made += new
            _write_json(index, found)
        opened = [_open(cache / "shards" / key) for key in found]
        shards += opened
        counts.append(sum(len(shard.ends) for shard in opened))
    return Tokenised(TokenRows(shards, task_field), len(shards), made, tuple(counts))


def _profile(rust: Tokenizer) -> str:
    """A digest of everything but the rows that token ids depend on."""
    digest = hashlib.sha256(rust.to_str().encode())
    for module in (heimdall_core.prompt, encode):
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(Path(__file__).read_bytes())
    digest.update(tokenizers.__version__.encode())
    return digest.hexdigest()


def _digest_file(path: Path, profile: str) -> str:
    try:
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return hashlib.sha256(f"{own} {profile}".encode()).hexdigest()[:32]


def _read_index(index: Path, cache: Path) -> list[str] | None:
    try:
        keys: list[str] = json.loads(index.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    whole = all((cache / "shards" / key / "names.json").is_file() for key in keys)
    return keys if whole else None


def _tokenise_file(path: Path, rust: Tokenizer, profile: str, cache: Path) -> tuple[list[str], int]:
    by_source: dict[str, list[tuple[Example, RenderedExample]]] = {}
    for row, text in rendered_rows(path):
        by_source.setdefault(row.source, []).append((row, text))
    if not by_source:
        raise DatasetError("the file has no rows", where=str(path))
    keys, made = [], 0
    for source in sorted(by_source):
        rows = by_source[source]
        digest = hashlib.sha256(profile.encode())
        for row, text in rows:
            labels = [getattr(row, label) for label in LABELS]
            digest.update(json.dumps([text.prompt, text.answer, labels]).encode())
        key = digest.hexdigest()[:32]
        keys.append(key)
        if not (cache / "shards" / key / "names.json").is_file():
            _make(rows, rust, cache / "shards" / key)
            made += 1
    return keys, made


def _make(rows: Sequence[tuple[Example, RenderedExample]], rust: Tokenizer, folder: Path) -> None:
    """Writes a shard under a temporary name and renames it; one that another process has put
    there in the meantime is as good."""
    tokens: list[npt.NDArray[np.int32]] = []
    prompts: list[int] = []
    for ids, prompt in encode_texts(rust, (text for _, text in rows)):
        tokens.append(ids)
        prompts.append(prompt)
    names: dict[str, list[str]] = {}
    arrays: dict[str, npt.NDArray[Any]] = {
        "tokens": np.concatenate(tokens),
        "ends": np.cumsum([len(ids) for ids in tokens], dtype=np.int64),
        "prompts": np.asarray(prompts, dtype=np.int32),
    }
    for label in LABELS:
        names[label], arrays[label] = _numbered(getattr(row, label) for row, _ in rows)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            for name, array in arrays.items():
                np.save(making / f"{name}.npy", array, allow_pickle=False)
            _write_json(making / "names.json", names)
            if not folder.exists():
                making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        if (folder / "names.json").is_file():
            return
        raise DatasetError(
            f"the tokenised rows cannot be written: {error.strerror}", where=str(folder)
        ) from error


def _numbered(values: Iterable[str]) -> tuple[list[str], npt.NDArray[np.int32]]:
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), np.asarray(found, dtype=np.int32)


def _open(folder: Path) -> Shard:
    try:
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in _ARRAYS
        }
        names = json.loads((folder / "names.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"the tokenised rows cannot be read: {error}", where=str(folder), hint="delete them"
        ) from error
    return Shard(
        arrays["tokens"],
        arrays["ends"],
        arrays["prompts"],
        {label: arrays[label] for label in LABELS},
        names,
    )


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)
