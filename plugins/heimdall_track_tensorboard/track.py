"""The training that is under way, and its event file. Imports TensorBoard when one starts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from attrs import define

from heimdall_core.errors import missing_extra
from heimdall_core.types import Event, StageInfo

if TYPE_CHECKING:
    from heimdall_track_tensorboard.write import Writer


@define
class TensorBoardTracker:
    """At most one training at a time."""

    _writer: Writer | None = None

    def start(self, info: StageInfo) -> None:
        """Opens an event file, where this tracker is wanted. Raises `HeimdallError` where
        TensorBoard is not installed; the training goes on, with that as a warning."""
        self.close()
        if "tensorboard" not in info.tracking.get("trackers", ()):
            return
        if find_spec("tensorboard") is None:
            raise missing_extra("tensorboard", "track", "the tracker 'tensorboard'")
        from heimdall_track_tensorboard.write import Writer

        self._writer = Writer.open(info.tracking)

    def record(self, event: Event) -> None:
        """A metric of the training; anything else is passed over."""
        if self._writer and event.kind == "metric" and event.stage in ("", "train"):
            self._writer.record(event)

    def close(self) -> None:
        """Closes what is open."""
        if self._writer:
            self._writer.close()
        self._writer = None
