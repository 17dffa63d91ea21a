"""Which exporters are asked for, and what is told to them. Imports OpenTelemetry when one is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import define, field

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import Event, StageInfo

if TYPE_CHECKING:
    from heimdall_track_otel.figures import Figures

#: OpenTelemetry's own setting. It takes `otlp` where this is not set; here, nothing is sent then.
EXPORTERS: Final = "OTEL_METRICS_EXPORTER"

_KNOWN = ("otlp", "prometheus", "none")


@define
class OtelTracker:
    """The figures of this process's runs, one after the other."""

    environ: Mapping[str, str] = field(factory=lambda: os.environ)
    _figures: Figures | None = None
    _run: str = ""
    _stage: str = ""

    def start(self, info: StageInfo) -> None:
        """A stage begins. Raises `HeimdallError` for an exporter that does not exist, is not
        installed or cannot listen; the run goes on, with that as a warning."""
        self._run, self._stage = info.run, info.stage
        if self._figures is None and (wanted := self._wanted()):
            from heimdall_track_otel.figures import Figures

            self._figures = Figures.open(wanted, self.environ)
        if self._figures:
            self._figures.started(info.run, info.stage)

    def record(self, event: Event) -> None:
        """Progress, metrics, warnings and failures; texts are not passed on."""
        if self._figures:
            self._figures.event(self._run, event.stage or self._stage, event)

    def finish(self, info: StageInfo) -> None:
        """A stage has ended well."""
        if self._figures:
            self._figures.ended(info.run, info.stage, info.manifest)

    def close(self) -> None:
        """Sends what is left, and stops listening."""
        if self._figures:
            self._figures.close()
        self._figures = None

    def _wanted(self) -> tuple[str, ...]:
        names = [name.strip() for name in self.environ.get(EXPORTERS, "").split(",")]
        for name in filter(None, names):
            if name not in _KNOWN:
                raise HeimdallError(
                    f"'{name}' is no exporter", where=EXPORTERS, hint=did_you_mean(name, _KNOWN)
                )
        return tuple(dict.fromkeys(name for name in names if name not in ("", "none")))
