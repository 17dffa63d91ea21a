"""The instruments, and the exporters that read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from heimdall_core.errors import HeimdallError, missing_extra
from heimdall_core.types import Event, Json
from heimdall_core.versions import versions

#: Counts of a stage's manifest that are rows, and what became of them.
ROWS: Final[Mapping[str, Mapping[str, str]]] = {
    "generate": {"rows": "made", "rejected": "rejected", "duplicates": "repeated"},
    "validate": {"rows": "read", "checked": "checked", "invalid": "invalid"},
    "correct": {"rows_out": "kept", "rows_removed": "removed"},
}

#: Where Prometheus scrapes, in OpenTelemetry's own settings.
HOST, PORT = "OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT"


@define
class Figures:
    """What is measured. Every figure carries the run's name and the stage's."""

    _provider: Any
    _server: Any = None
    _instruments: dict[str, Any] = field(factory=dict)

    @classmethod
    def open(cls, exporters: tuple[str, ...], environ: Mapping[str, str]) -> Figures:
        """Starts the exporters. Raises `HeimdallError` where one is not installed, or another
        process listens on its port."""
        try:
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise missing_extra("opentelemetry-sdk", "otel", "the tracker 'otel'") from error
        readers: list[Any] = []
        server = None
        if "prometheus" in exporters:
            reader, server = _scraped(environ)
            readers.append(reader)
        if "otlp" in exporters:
            readers.append(_sent())
        version = versions(["heimdall-slm"]).get("heimdall-slm", "")
        about = {"service.name": "heimdall", "service.version": version}
        if name := environ.get("OTEL_SERVICE_NAME"):
            about["service.name"] = name
        made = cls(MeterProvider(readers, Resource.create(about)), server)
        made._make(version)
        return made

    def _make(self, version: str) -> None:
        meter = self._provider.get_meter("heimdall", version)
        gauges = {
            "stage.duration": ("s", "Time of a finished stage."),
            "stage.peak_memory": ("By", "Peak resident memory of a finished stage."),
            "stage.running": ("", "1 while a stage is under way."),
            "progress": ("", "How far the work of a stage is."),
            "progress.target": ("", "Where it ends."),
            "metric": ("", "The newest value of a figure: a training's loss, a metric."),
            "step": ("", "The optimiser step that a training is at."),
        }
        counters = {
            "rows": ("", "Rows by what became of them."),
            "stages": ("", "Stages that have ended well."),
            "failures": ("", "Stages that have failed."),
            "warnings": ("", "Warnings, of a cluster's lost tasks and nodes too."),
        }
        for name, (unit, about) in gauges.items():
            self._instruments[name] = meter.create_gauge(f"heimdall.{name}", unit, about)
        for name, (unit, about) in counters.items():
            self._instruments[name] = meter.create_counter(f"heimdall.{name}", unit, about)

    def started(self, run: str, stage: str) -> None:
        """A stage begins."""
        about = {"run": run, "stage": stage}
        self._set("stage.running", 1, about)
        for name in ("failures", "warnings"):  # so that a rate has something to begin at
            self._add(name, 0, about)

    def event(self, run: str, stage: str, event: Event) -> None:
        """What happens in it."""
        about = {"run": run, "stage": stage}
        if event.kind == "progress" and event.total:
            work = {**about, "work": event.message}
            self._set("progress", event.done, work)
            self._set("progress.target", event.total, work)
        elif event.kind == "metric":
            for name, value in event.values.items():
                if math.isfinite(value):
                    self._set("metric", value, {**about, "name": name, "of": event.message})
            if stage == "train":
                self._set("step", event.done, about)
        elif event.kind == "warning":
            if event.values.get("failed"):
                self._add("failures", 1, about)
                self._set("stage.running", 0, about)
            else:
                self._add("warnings", 1, about)

    def ended(self, run: str, stage: str, manifest: Json) -> None:
        """What a stage came to."""
        about = {"run": run, "stage": stage}
        self._set("stage.running", 0, about)
        self._add("stages", 1, about)
        if "seconds" in manifest:
            self._set("stage.duration", manifest["seconds"], about)
        if "peak_bytes" in manifest:
            self._set("stage.peak_memory", manifest["peak_bytes"], about)
        counts = manifest.get("counts", {})
        for name, outcome in ROWS.get(stage, {}).items():
            if isinstance(count := counts.get(name), int):
                self._add("rows", count, {**about, "outcome": outcome})

    def close(self) -> None:
        """Sends what is left, and stops listening."""
        self._provider.shutdown()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _set(self, name: str, value: float, about: Mapping[str, str]) -> None:
        self._instruments[name].set(value, about)

    def _add(self, name: str, count: int, about: Mapping[str, str]) -> None:
        self._instruments[name].add(count, about)


def _scraped(environ: Mapping[str, str]) -> tuple[Any, Any]:
    """A reader, and the server that hands out what it reads."""
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        package = "opentelemetry-exporter-prometheus"
        raise missing_extra(package, "otel", "a scrape endpoint") from error
    host, port = environ.get(HOST, "localhost"), environ.get(PORT, "9464")
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    try:
        server, _ = start_http_server(int(port), host, registry)
    except ValueError as error:
        raise HeimdallError(f"'{port}' is no port", where=PORT) from error
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HeimdallError(
            f"cannot listen on {host}:{port}: {reason}", where=PORT, hint="name another port"
        ) from error
    return reader, server


def _sent() -> Any:
    """A reader that sends by OTLP over HTTP, as `OTEL_EXPORTER_OTLP_…` say: where to, how often,
    with which headers."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    except ImportError as error:
        package = "opentelemetry-exporter-otlp-proto-http"
        raise missing_extra(package, "otel", "the exporter 'otlp'") from error
    return PeriodicExportingMetricReader(OTLPMetricExporter())
