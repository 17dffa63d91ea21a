"""A dataset as one file on this machine, for what reads its file more than as a stream of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from heimdall_core.dataset.formats import kind_of
from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.dataset.remote import Remote, located
from heimdall_core.errors import DatasetError, HeimdallError


def is_here(path: Path) -> bool:
    """Whether a dataset is one local file, there or not."""
    return not isinstance(path, Remote) and kind_of(path) in ("jsonl", "parquet")


def local_copy(path: Path, target: Path) -> Path:
    """Streams a dataset into one local JSONL file, its shards checked on the way."""
    write_examples(target, read_examples(path))
    return target


@contextmanager
def as_files(datasets: Mapping[str, Path | None], folder: Path) -> Iterator[list[Path | None]]:
    """The datasets as local files: those that are none are copied into `folder`, under their
    names, while the body runs. Errors about a copy name the dataset."""
    given: dict[Path, Path] = {}
    found: list[Path | None] = []
    try:
        for name, path in datasets.items():
            if path is not None and not is_here(path := located(path)):
                given[copy := folder / f"{name}.jsonl"] = path
                path = local_copy(path, copy)
            elif path is not None and not path.is_file():
                raise DatasetError("no such file", where=str(path))
            found.append(path)
        yield found
    except HeimdallError as error:
        for copy, path in given.items():
            error.where = error.where.replace(str(copy), str(path))
        raise
    finally:
        for copy in given:
            copy.unlink(missing_ok=True)
        if given and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
