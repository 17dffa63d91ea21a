"""Which part of a split each group of rows goes to."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from heimdall_core.dataset.groups import Group, Groups
from heimdall_core.errors import DatasetError, did_you_mean

if TYPE_CHECKING:
    from heimdall_core.dataset.split import SplitOptions

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
UNSEEN: Final = "test_unseen_schemas"
UNSEEN_FAMILIES: Final = "test_unseen_families"


class Names:
    """The graph schema, or the template family, of each row, by a number."""

    def __init__(self, what: str) -> None:
        self._what, self._many = what, {"family": "families"}.get(what, f"{what}s")
        self._numbers: dict[str, int] = {}
        self._of = array("L")

    def add(self, name: str) -> None:
        """Takes the next row's name; empty where it has none."""
        self._of.append(self._numbers.setdefault(name, len(self._numbers)))

    def choose(self, wanted: int | tuple[str, ...], seed: int, source: Path) -> tuple[str, ...]:
        """The names to hold out: those wanted, or as many as wanted by a hash under the seed.

        Raises `DatasetError` for a name that no row has, and where none would be left.
        """
        names = sorted(name for name in self._numbers if name)
        if isinstance(wanted, int):
            ordered = sorted(
                names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()
            )
            chosen = tuple(sorted(ordered[:wanted]))
        else:
            chosen = tuple(dict.fromkeys(wanted))
            for name in chosen:
                if name not in names:
                    raise DatasetError(
                        f"no row names the {self._what} '{name}', so it cannot be held out",
                        where=str(source),
                        hint=did_you_mean(name, names),
                    )
            wanted = len(chosen)
        if wanted and wanted >= len(names):
            raise DatasetError(
                f"the rows name {len(names)} {self._many}, so {wanted} cannot be held out",
                where=str(source),
            )
        return chosen

    def rows_of(self, names: Sequence[str]) -> list[int]:
        """The rows of these names."""
        numbers = {self._numbers[name] for name in names}
        return [row for row, number in enumerate(self._of) if number in numbers] if names else []


def assign(
    groups: Groups, held_out: Mapping[str, Sequence[int]], options: SplitOptions, source: Path
) -> tuple[dict[str, list[Group]], tuple[str, ...]]:
    """The groups of each part, and the parts that had to be filled. `held_out` are rows by the
    part that they are kept for; the first part takes a group of two.

    Raises `DatasetError` where there are too few groups, a cap is below every group, or the
    held-out rows are tied to more rows than they are.
    """
    part_of_root: dict[int, str] = {}
    for part, rows in held_out.items():
        for row in rows:
            part_of_root.setdefault(groups.root(row), part)
    parts: dict[str, list[Group]] = {TRAIN: [], VALIDATION: [], TEST: []}
    unseen: dict[str, list[Group]] = {part: [] for part, rows in held_out.items() if rows}
    for group in groups.all():
        if group.root in part_of_root:
            unseen[part_of_root[group.root]].append(group)
        elif group.position < options.test:
            parts[TEST].append(group)
        elif group.position < options.test + options.validation:
            parts[VALIDATION].append(group)
        else:
            parts[TRAIN].append(group)
    for part, some in unseen.items():
        _check_tied(part, sum(g.rows for g in some), len(held_out[part]), options, source)
    wanted = [TRAIN]
    wanted += [VALIDATION] if options.validation else []
    wanted += [TEST] if options.test else []
    filled = _fill(parts, wanted, source)
    caps = {VALIDATION: options.max_validation_rows, TEST: options.max_test_rows}
    for name, cap in caps.items():
        if cap is not None:
            _cut(parts, name, cap, source)
    return parts | {part: some for part, some in unseen.items() if some}, filled


def _check_tied(part: str, rows: int, held_out: int, options: SplitOptions, source: Path) -> None:
    tied = rows - held_out
    if tied > held_out:
        many = part.removeprefix("test_unseen_")
        raise DatasetError(
            f"{tied:,} rows of other {many} share a key with the {held_out:,} rows that are "
            f"held out; the {many} are no separate groups by {', '.join(options.by)}",
            where=str(source),
            hint=f"group by fewer keys, or hold no {many} out",
        )


def _fill(parts: dict[str, list[Group]], wanted: Sequence[str], source: Path) -> tuple[str, ...]:
    """A small dataset may leave a part without a group: it gets the one nearest to the lower end
    of the part that has most."""
    empty = tuple(name for name in wanted if not parts[name])
    for name in empty:
        donor = max(wanted, key=lambda other: len(parts[other]))
        if len(parts[donor]) < 2:
            count = sum(map(len, parts.values()))
            raise DatasetError(
                f"the rows form {count} group(s), too few for {', '.join(wanted)}",
                where=str(source),
                hint="group by fewer keys, or set the share of a part to 0",
            )
        parts[name].append(parts[donor].pop(0))
    return empty


def _cut(parts: dict[str, list[Group]], name: str, cap: int, source: Path) -> None:
    """Moves to training what does not fit under the cap; the groups of low position stay."""
    kept, room = [], cap
    for group in parts[name]:
        if group.rows <= room:
            kept.append(group)
            room -= group.rows
        else:
            parts[TRAIN].append(group)
    if parts[name] and not kept:
        smallest = min(group.rows for group in parts[name])
        raise DatasetError(
            f"no group for {name} has {cap} rows or fewer; the smallest has {smallest}",
            where=str(source),
            hint=f"raise max_{name}_rows, or group by fewer keys",
        )
    parts[name] = kept
