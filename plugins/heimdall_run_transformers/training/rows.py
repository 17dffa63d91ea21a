"""The rows of a run: tokenised, replayed ones mixed in, tasks numbered and weighted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from tokenizers import Tokenizer

from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.local import local_copy
from heimdall_core.dataset.remote import Remote, located
from heimdall_core.dataset.shards import MANIFEST, is_pattern
from heimdall_core.errors import DatasetError, RecipeError, did_you_mean
from heimdall_core.types import Event, TrainContext
from heimdall_run_transformers.cache import TokenRows, tokenised
from heimdall_run_transformers.encode import EncodedRow, EncodedRows, within_length

#: Replay rows that are kept back to measure what was forgotten: a share, and at most so many.
_KEPT_SHARE: Final = 0.1
_KEPT_MOST: Final = 500

Say = Callable[[str], None]


@frozen
class Rows:
    """What a run trains on, validates on, and must not forget."""

    train: EncodedRows
    validation: EncodedRows
    old: Sequence[EncodedRow] = ()
    """Rows of the replay dataset that are kept out of training."""
    tasks: tuple[str, ...] = ("",)
    weights: dict[int, float] = field(factory=dict)
    replayed: int = 0
    """Training rows that are replayed ones."""


def prepare_rows(context: TrainContext, config: TrainingConfig, rust: Tokenizer) -> Rows:
    """Reads and tokenises everything that the recipe names.

    Raises `DatasetError`, `PromptError` and `ModelError` for rows that cannot be trained on, and
    `RecipeError` for a weight of a task that no row has.
    """
    replay, ratio = _replay_files(config.replay_dataset, context.work), config.replay_ratio
    found = tokenised(
        [context.train, context.validation, *replay],
        rust,
        cache=context.cache or context.work / "tokens",
        task_field=config.task_field,
    )
    rows = found.rows
    if found.made < found.shards:
        reused = found.shards - found.made
        _say(context, f"{reused} of {found.shards} sources were tokenised before")
    ends = np.cumsum(found.counts)
    groups = np.split(np.arange(len(rows)), ends[:-1])
    train, too_long = _fitting(rows, groups[0], config, str(context.train))
    validation, too_long_validation = _fitting(rows, groups[1], config, str(context.validation))
    old: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
    drawn = old
    if replay:
        pool = np.concatenate(groups[2:])
        pool = pool[rows.lengths[pool] <= config.max_seq_length]
        drawn, old = _draw_replay(rows, train, validation, pool, ratio, context.seed, context)
    return Rows(
        EncodedRows(rows.only(np.concatenate([train, drawn])), too_long, rows.tasks),
        EncodedRows(rows.only(validation), too_long_validation, rows.tasks),
        rows.only(old),
        rows.tasks,
        _weights(config, rows.tasks),
        len(drawn),
    )


def _say(context: TrainContext, text: str) -> None:
    context.emit(Event("note", "train", text))


def _fitting(
    rows: TokenRows, numbers: npt.NDArray[np.int64], config: TrainingConfig, where: str
) -> tuple[npt.NDArray[np.int64], int]:
    kept = within_length(rows.lengths[numbers], config.max_seq_length, config.max_truncated, where)
    return numbers[kept], len(numbers) - len(kept)


def _replay_files(name: str | None, work: Path) -> list[Path]:
    if name is None:
        return []
    path = located(name)
    if isinstance(path, Remote) or is_pattern(path) or (path / MANIFEST).is_file():
        return [local_copy(path, work / "replay.jsonl")]
    if path.is_dir():
        found = sorted(path.glob("*.jsonl"))
        if not found:
            raise DatasetError("the replay folder holds no *.jsonl", where=name)
        return found
    if not path.is_file():
        raise DatasetError("no such replay dataset", where=name)
    return [path]


def _draw_replay(
    rows: TokenRows,
    train: npt.NDArray[np.int64],
    validation: npt.NDArray[np.int64],
    pool: npt.NDArray[np.int64],
    ratio: float,
    seed: int,
    context: TrainContext,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Replay rows to train on, as many as make `ratio` of all training rows, and rows kept back.
    Rows that are in the new data already count as new: none is trained twice, none leaks."""
    new = {rows[int(n)].tokens.tobytes() for n in np.concatenate([train, validation])}
    random = np.random.default_rng([seed, 0x7E])
    seen: set[bytes] = set()
    fresh = []
    for number in random.permutation(pool):
        content = rows[int(number)].tokens.tobytes()
        if content not in new and content not in seen:
            seen.add(content)
            fresh.append(int(number))
    if not fresh:
        _say(context, "the replay dataset holds no row that the new data does not hold as well")
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    kept = min(_KEPT_MOST, max(1, round(len(fresh) * _KEPT_SHARE)))
    wanted = round(len(train) * ratio / (1 - ratio))
    drawn = fresh[kept : kept + wanted]
    if len(drawn) < wanted:
        _say(
            context,
            f"the replay dataset gives {len(drawn)} rows; replay_ratio asks for {wanted}",
        )
    else:
        _say(context, f"{len(drawn)} replayed rows beside {len(train)} new ones")
    return np.asarray(drawn, dtype=np.int64), np.asarray(fresh[:kept], dtype=np.int64)


def _weights(config: TrainingConfig, tasks: Sequence[str]) -> dict[int, float]:
    for name, weight in config.task_weights.items():
        if name not in tasks:
            raise RecipeError(
                f"no row has the {config.task_field} '{name}'",
                where=f"train.task_weights.{name}",
                hint=did_you_mean(name, tasks),
            )
        if not weight > 0:
            raise RecipeError(
                f"expected a number above 0, found {weight}", where=f"train.task_weights.{name}"
            )
    number = {name: index for index, name in enumerate(tasks)}
    return {number[name]: float(weight) for name, weight in config.task_weights.items()}
