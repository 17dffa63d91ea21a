"""Entry point of the plugin."""

from __future__ import annotations

from heimdall_core import Event, StageInfo, hookimpl
from heimdall_track_otel.track import OtelTracker

_tracker = OtelTracker()


@hookimpl
def heimdall_before_stage(info: StageInfo) -> None:
    _tracker.start(info)


@hookimpl
def heimdall_on_event(event: Event) -> None:
    _tracker.record(event)


@hookimpl
def heimdall_after_stage(info: StageInfo) -> None:
    _tracker.finish(info)
