"""Files to raw rows: dictionaries with a place to name when something is wrong with them."""

from __future__ import annotations

import codecs
import csv
import json
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from heimdall_core.dataset.sources import Tally, head_of, open_plain, raw_lines
from heimdall_core.errors import missing_extra

Raw = Iterator[tuple[str, dict[str, Any]]]

_BATCH = 1000
#: A row that is longer is left out.
LONGEST_ROW = 16 * 2**20


def csv_rows(path: Path, tally: Tally) -> Raw:
    """Rows of a CSV or TSV file with a header; the delimiter is the one that the header has."""
    if head_of(path, tally) is None:
        return
    csv.field_size_limit(LONGEST_ROW)
    lines = (raw.decode("utf-8", "replace") + "\n" for _, raw in raw_lines(path, tally))
    header = next(lines, "")
    delimiter = max("\t;|,", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            tally.add("not valid CSV", f"{path}:{reader.line_num + 1}", f"not valid CSV: {error}")
            continue
        if values is None:
            return
        if not values:
            continue
        where = f"{path}:{reader.line_num + 1}"
        if len(values) != len(names):
            tally.add("wrong number of columns", where)
            continue
        yield where, dict(zip(names, values, strict=True))


def jsonl_rows(path: Path, tally: Tally) -> Raw:
    """Objects, one per line."""
    if head_of(path, tally) is None:
        return
    for number, raw in raw_lines(path, tally, LONGEST_ROW):
        if not raw.strip():
            continue
        where = f"{path}:{number}"
        try:
            data = json.loads(raw)
        except UnicodeDecodeError:
            tally.add("not valid UTF-8", where)
            continue
        except (ValueError, RecursionError) as error:
            tally.add("not valid JSON", where, f"not valid JSON: {error}")
            continue
        yield from _objects(data, where, tally)


def json_rows(path: Path, tally: Tally) -> Raw:
    """Objects of an array, one after the other: the file is never in memory whole. A file of
    objects one after the other is read too."""
    if head_of(path, tally) is None:
        return
    decoder = json.JSONDecoder()
    buffer, number, done = "", 0, False
    try:
        with open_plain(path) as file:
            decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            while not done or buffer:
                block = file.read(2**16)
                done = not block
                buffer = (buffer + decode(block, done)).lstrip("\ufeff \t\r\n[,")
                while buffer and buffer[0] != "]":
                    try:
                        data, end = decoder.raw_decode(buffer)
                    except (ValueError, RecursionError) as error:
                        if done or len(buffer) > LONGEST_ROW:
                            tally.add("not valid JSON", str(path), f"not valid JSON: {error}")
                            return
                        break
                    if end == len(buffer) and not done and not isinstance(data, dict | list):
                        break  # a number may go on in the next block
                    number += 1
                    yield from _objects(data, f"{path}, item {number}", tally)
                    buffer = buffer[end:].lstrip(" \t\r\n,")
                if buffer[:1] == "]":
                    return
    except (OSError, EOFError, zlib.error) as error:
        tally.trouble(path, error)


def parquet_rows(path: Path, tally: Tally) -> Raw:
    """Rows of a Parquet file, a batch at a time."""
    arrow, parquet = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
    except (OSError, arrow.ArrowException) as error:
        tally.trouble(path, error)


def arrow_rows(path: Path, tally: Tally) -> Raw:
    """Rows of an Arrow stream, as `datasets` writes it, mapped and not loaded."""
    arrow, ipc = _arrow("pyarrow"), _arrow("pyarrow.ipc")
    number = 0
    try:
        with arrow.memory_map(str(path)) as source:
            try:
                batches: Any = ipc.open_stream(source)
            except arrow.ArrowInvalid:
                file = ipc.open_file(source)
                batches = (file.get_batch(i) for i in range(file.num_record_batches))
            for batch in batches:
                for start in range(0, batch.num_rows, _BATCH):
                    for row in batch.slice(start, _BATCH).to_pylist():
                        number += 1
                        yield f"{path}, row {number}", row
    except (OSError, arrow.ArrowException) as error:
        tally.trouble(path, error)


def _arrow(module: str) -> Any:
    """A module of pyarrow, which has no types."""
    try:
        return import_module(module)
    except ImportError as error:
        raise missing_extra("pyarrow", "import", "reading Parquet and saved datasets") from error


def saved_dataset(folder: Path, split: str, tally: Tally) -> list[Path] | None:
    """The Arrow files of a folder that `datasets` saved; None where it is another folder."""
    splits = _read(folder / "dataset_dict.json", tally)
    if isinstance(splits, dict):
        names = [str(name) for name in splits.get("splits", ())]
        if split and split not in names:
            tally.add("no such split", str(folder), f"has no split '{split}', only {names}")
            return []
        found: list[Path] = []
        for name in (split,) if split else names:
            inner = folder / name
            if inner.parent == folder:
                found += saved_dataset(inner, "", tally) or []
        return found
    state = _read(folder / "state.json", tally)
    if not isinstance(state, dict) or "_data_files" not in state:
        return None
    files = [str(each.get("filename", "")) for each in state["_data_files"]]
    # A file's name, and nothing that leads out of the folder.
    return [folder / name for name in files if name and Path(name).name == name]


def belongs(file: Path, split: str) -> bool:
    """Whether a file in a folder holds rows, as far as `datasets` is concerned: not what it keeps
    beside its tables, not a table that a saved folder does not name, and nothing of a split other
    than `split`, where there is one."""
    folder, quiet = file.parent, Tally()  # what cannot be read is told when it is read as data
    if file.name in _KEPT and _is_kept(_read(file, quiet)):
        return False
    named = saved_dataset(folder, "", quiet)
    if named is not None and file.suffix == ".arrow" and file not in named:
        return False
    splits = _read(folder.parent / "dataset_dict.json", quiet) if split else None
    names = splits.get("splits", ()) if isinstance(splits, dict) else ()
    return folder.name == split or folder.name not in names


#: What `datasets` keeps beside its tables, and keys that tell it from data of that name.
_KEPT = ("state.json", "dataset_dict.json", "dataset_info.json", "dataset_infos.json")
_KEYS = frozenset({"_data_files", "splits", "features", "builder_name", "_fingerprint"})


def _is_kept(data: Any) -> bool:
    """Whether it is about a dataset; the infos of several configurations lie one level deeper."""
    if not isinstance(data, dict):
        return False
    inner = [each for each in data.values() if isinstance(each, dict)]
    return bool(_KEYS & set(data)) or any(_KEYS & set(each) for each in inner)


def _read(path: Path, tally: Tally) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError) as error:
        tally.trouble(path, error)
        return None


def _objects(data: Any, where: str, tally: Tally) -> Raw:
    for each in data if isinstance(data, list) else (data,):
        if isinstance(each, dict):
            yield where, each
        else:
            tally.add("not an object", where)


READERS: dict[str, Callable[[Path, Tally], Raw]] = {
    "csv": csv_rows,
    "jsonl": jsonl_rows,
    "json": json_rows,
    "parquet": parquet_rows,
    "arrow": arrow_rows,
}
