"""Settings that would do nothing beside the others of a recipe. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import fields_dict

from heimdall_core.errors import RecipeError

if TYPE_CHECKING:  # listing plugins need not wait for its many fields
    from heimdall_core.config import TrainingConfig


def check_replay(config: TrainingConfig, *names: str) -> None:
    """Raises `RecipeError` for one of the settings `names` of replay where no rows are named to be
    replayed."""
    if config.replay_dataset is None:
        for name in names:
            refuse_unless_default(config, name, "there is no replay_dataset", "name one")


def refuse_unless_default(config: TrainingConfig, name: str, why: str, instead: str) -> None:
    """Raises `RecipeError` where a setting, of no use here, has another value than its default."""
    from heimdall_core.config import TrainingConfig

    value = getattr(config, name)
    if value != fields_dict(TrainingConfig)[name].default:
        raise RecipeError(
            f"{name} = {value} does nothing here: {why}",
            where=f"train.{name}",
            hint=f"{instead}, or leave it out",
        )
