"""Names of trackers in a recipe: one that nobody answers to would be passed over in silence."""

from __future__ import annotations

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError, did_you_mean
from heimdall_core.registry import Registry

#: How a tracker's plugin is called: `track-files` writes for the tracker `files`.
_PREFIX = "track-"

#: What a plugin must implement to be told of a training.
_OBSERVES = {"heimdall_on_event", "heimdall_before_stage", "heimdall_after_stage"}


def check_trackers(config: TrainingConfig, registry: Registry) -> None:
    """Raises `RecipeError` for a tracker that no observing plugin is called by, and for `wandb`
    without a project to write into. The usual ones may be blocked."""
    names = [plugin.name for plugin in registry.plugins if _OBSERVES & {*plugin.hooks}]
    usual = TrainingConfig().trackers
    for name in config.trackers:
        if name not in usual and not any(n.rpartition("-")[2] == name for n in names):
            known = {n.removeprefix(_PREFIX) for n in names if n.startswith(_PREFIX)}
            raise RecipeError(
                f"no plugin is called by the tracker '{name}'",
                where="train.trackers",
                hint=did_you_mean(name, sorted(known | set(usual))),
            )
    if "wandb" in config.trackers and not config.wandb_project:
        raise RecipeError(
            "names 'wandb', and wandb_project is not set",
            where="train.trackers",
            hint="set train.wandb_project, or leave 'wandb' out",
        )
