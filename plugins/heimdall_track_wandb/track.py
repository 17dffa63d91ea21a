"""The training that is under way as a run of Weights & Biases. Imports wandb when one starts."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import define

from heimdall_core.errors import missing_extra
from heimdall_core.types import Event, StageInfo


@define
class WandbTracker:
    """At most one training at a time. The key comes from wandb's own login or environment and is
    never read here; `WANDB_MODE=offline` keeps everything on this machine."""

    _run: Any = None

    def start(self, info: StageInfo) -> None:
        """Starts a run in the recipe's project, where one is named. A training that goes on after
        it was killed goes on with the same run."""
        self.close()
        tracking = info.tracking
        project = tracking.get("wandb_project")
        if "wandb" not in tracking.get("trackers", ()) or not project:
            return
        if find_spec("wandb") is None:
            raise missing_extra("wandb", "track", "the tracker 'wandb'")
        import wandb

        folder = Path(tracking["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=project,
            name=info.run,
            id=info.key[:16],
            resume="allow",
            dir=str(folder),
            config=dict(tracking.get("config", {})),
            settings=wandb.Settings(silent=True, disable_git=True, save_code=False),
        )

    def record(self, event: Event) -> None:
        """A metric of the training at its step; anything else is passed over."""
        if self._run is not None and event.kind == "metric" and event.stage in ("", "train"):
            self._run.log({**event.values, "step": int(event.done)})

    def close(self) -> None:
        """Ends the run that is open. Its file is whole then: on a busy machine `finish` alone
        comes back before wandb's own process has written anything. A run of the caller's is left
        alone."""
        if self._run is None:
            return
        import wandb

        self._run.finish()
        self._run = None
        if wandb.run is None:
            wandb.teardown()
