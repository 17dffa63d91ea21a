"""The replay store: a weighted reservoir of the rows of every earlier training generation.

A model that is trained on without them forgets what it knew. The store keeps at most `capacity`
rows of all that were ever remembered, each with a chance by its generation's weight (algorithm
A-Res of Efraimidis and Spirakis: the rows with the largest u^(1/w) stay). The `u` of a row is a
hash, so that remembering a generation again changes nothing.

On the disk: `rows-000003.jsonl` and `store.json`, which names it. The second is replaced in one
step and is what counts: killed at any moment, the store is the old one or the new one.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.dataset.files import exclusive
from heimdall_core.dataset.io import atomic_text, dump_example, read_examples
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

STORE = "store.json"
_FORMAT = 1


@frozen
class Generation:
    """One training generation that the store remembers."""

    name: str
    weight: float
    seen: int
    """Rows that it had."""
    kept: int
    """Rows of it that are in the store now."""


@frozen
class StoreState:
    """What is in a store."""

    path: str
    capacity: int
    seed: int
    rows: int
    generations: tuple[Generation, ...]

    def lines(self) -> list[str]:
        """The state for a terminal."""
        return [
            f"{self.path}: {self.rows:,} of at most {self.capacity:,} rows",
            *(
                f"  {g.name}: {g.kept:,} of {g.seen:,} rows (weight {g.weight:g})"
                for g in self.generations
            ),
        ]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


class ReplayStore:
    """A store in a folder, which is made when something is first remembered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def state(self) -> StoreState:
        """What is in the store. Raises `DatasetError` where there is none, or it is damaged."""
        data = self._read()
        if data is None:
            raise DatasetError(
                "is no replay store", where=str(self.folder), hint="heimdall replay add makes one"
            )
        return self._state(data)

    def rows(self) -> Iterator[Example]:
        """The rows that are kept; `meta.replay` names their generation."""
        return read_examples(self.rows_path())

    def rows_path(self) -> Path:
        """The file of the rows, for whatever reads datasets: `mix`, `preview`, a trainer. It is
        there until the next generation is remembered."""
        data = self._read()
        if data is None:
            self.state()
        assert data is not None  # noqa: S101 - `state` has raised
        return self.folder / str(data["rows_file"])

    def remember(
        self,
        dataset: Path,
        generation: str,
        *,
        weight: float = 1.0,
        capacity: int | None = None,
        seed: int = 7,
    ) -> StoreState:
        """Takes a generation's rows into the reservoir. Remembering the same again changes nothing.

        `capacity` and `seed` are fixed by the first call (default 10,000 rows). Raises
        `DatasetError` for a dataset that cannot be read, for a generation that is there with
        another weight, and where another process is at the store.
        """
        if not (weight > 0 and math.isfinite(weight)):
            raise DatasetError(f"the weight must be above 0, not {weight:g}", where=generation)
        if not generation.strip():
            raise DatasetError("a generation needs a name", where=str(self.folder))
        with exclusive(self.folder / STORE):
            data = self._read() or {
                "format": _FORMAT,
                "capacity": capacity or 10_000,
                "seed": seed,
                "number": 0,
                "rows_file": "",
                "generations": {},
            }
            if capacity is not None and capacity != data["capacity"]:
                raise DatasetError(
                    f"holds {data['capacity']:,} rows, not {capacity:,}",
                    where=str(self.folder),
                    hint="a store's capacity is fixed when it is made",
                )
            known = data["generations"].get(generation)
            if known is not None and known["weight"] != weight:
                raise DatasetError(
                    f"is there with the weight {known['weight']:g}",
                    where=f"{self.folder}: {generation}",
                    hint="weights are fixed when a generation is remembered",
                )
            return self._write(data, dataset, generation, weight)

    def _write(
        self, data: dict[str, Any], dataset: Path, generation: str, weight: float
    ) -> StoreState:
        seed, capacity = int(data["seed"]), int(data["capacity"])
        old = self.folder / data["rows_file"] if data["rows_file"] else None
        weights = {name: g["weight"] for name, g in data["generations"].items()}
        weights[generation] = weight
        # Which rows stay: a number and an id each, at most `capacity` of them.
        chosen: list[tuple[float, str]] = []
        present: set[str] = set()
        seen = 0
        sources: list[tuple[Iterator[Example], str]] = []
        sources += [(read_examples(old), "")] if old else []
        sources += [(read_examples(dataset), generation)]
        for rows, name in sources:
            for row in rows:
                seen += bool(name)
                key = row.content_id()
                if key in present:
                    continue
                mine = name or str(row.meta.get("replay", ""))
                entry = (_rank(seed, key, weights.get(mine, 1.0)), key)
                if len(chosen) < capacity:
                    heapq.heappush(chosen, entry)
                    present.add(key)
                elif entry > chosen[0]:
                    _, gone = heapq.heapreplace(chosen, entry)
                    present.discard(gone)
                    present.add(key)
        number = int(data["number"]) + 1
        target = self.folder / f"rows-{number:06}.jsonl"
        kept: Counter[str] = Counter()
        with atomic_text(target) as file:
            left = set(present)
            for rows, name in (
                *(((read_examples(old), ""),) if old else ()),
                (read_examples(dataset), generation),
            ):
                for row in rows:
                    key = row.content_id()
                    if key not in left:
                        continue
                    left.discard(key)
                    mine = name or str(row.meta.get("replay", ""))
                    kept[mine] += 1
                    kept_row = attrs.evolve(row, id=key, meta={**row.meta, "replay": mine})
                    file.write(dump_example(kept_row) + "\n")
        generations = {**data["generations"], generation: {"weight": weight, "seen": seen}}
        data = {
            **data,
            "number": number,
            "rows_file": target.name,
            "generations": {n: {**g, "kept": kept[n]} for n, g in generations.items()},
        }
        with atomic_text(self.folder / STORE) as file:
            file.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
        for stale in self.folder.glob("rows-*.jsonl"):
            if stale != target:
                stale.unlink(missing_ok=True)
        return self._state(data)

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / STORE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DatasetError(f"cannot be read: {error}", where=str(path)) from error
        wanted = {"format", "capacity", "seed", "number", "rows_file", "generations"}
        if not isinstance(data, dict) or not wanted <= data.keys() or data["format"] != _FORMAT:
            raise DatasetError("is no replay store of this version", where=str(path))
        if Path(data["rows_file"]).name != data["rows_file"]:
            raise DatasetError("names a file outside its folder", where=str(path))
        return data

    def _state(self, data: Mapping[str, Any]) -> StoreState:
        generations = tuple(
            Generation(name, g["weight"], g["seen"], g["kept"])
            for name, g in data["generations"].items()
        )
        return StoreState(
            str(self.folder),
            data["capacity"],
            data["seed"],
            sum(g.kept for g in generations),
            generations,
        )


def _rank(seed: int, key: str, weight: float) -> float:
    """log(u) / w of the row: the largest ones are kept."""
    digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest()
    return math.log((int.from_bytes(digest) + 1) / 2**64) / weight
