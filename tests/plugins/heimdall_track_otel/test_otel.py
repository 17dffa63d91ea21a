"""Figures of real runs, scraped over HTTP as Prometheus does, and sent by OTLP to a collector."""

from __future__ import annotations

import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import Recipe, Registry, run
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Event, StageInfo
from heimdall_track_otel import plugin
from heimdall_track_otel.figures import HOST, PORT
from heimdall_track_otel.track import EXPORTERS, OtelTracker

pytest.importorskip("opentelemetry.sdk", reason="needs the extra 'otel'")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plugin._tracker.close()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> str:
    """Prometheus is asked for, on this port."""
    port = free_port()
    for name, value in ((EXPORTERS, "prometheus"), (HOST, "127.0.0.1"), (PORT, port)):
        monkeypatch.setenv(name, value)
    return port


def registry() -> Registry:
    return Registry(discover=False, plugins=[("toy", toy_plugins), ("otel", plugin)])


def scraped(port: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What the endpoint says: by name and labels."""
    parser = pytest.importorskip("prometheus_client.parser")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if not k.startswith("otel_")}
            found[sample.name, frozenset(labels.items())] = sample.value
    return found


def figure(found: dict[Any, float], name: str, /, **labels: str) -> float:
    [value] = [
        value
        for (each, about), value in found.items()
        if each == name and labels.items() <= dict(about).items()
    ]
    return value


def test_a_run_is_scraped_while_and_after_it_runs(tmp_path: Path, port: str) -> None:
    plugins = registry()
    recipe = {
        **RECIPE,
        "generate": {"num_examples": 400, "max_rejected": 0.5, "mix": {"toy": {"wrong": 7}}},
    }
    during: list[float] = []

    def look(event: Event) -> None:
        if event.kind == "note" and event.stage == "correct" and event.message == "started":
            during.append(figure(scraped(port), "heimdall_stage_running", stage="correct"))

    result = run(Recipe.from_dict(recipe, plugins), registry=plugins, runs=tmp_path, on_event=look)
    assert during == [1]
    found = scraped(port)
    made = result.stages["generate"].record.counts
    assert made["rejected"] == 7
    for outcome, name in (("made", "rows"), ("rejected", "rejected"), ("repeated", "duplicates")):
        value = figure(found, "heimdall_rows_total", stage="generate", outcome=outcome)
        assert value == made[name]
    kept = figure(found, "heimdall_rows_total", stage="correct", outcome="kept")
    assert kept == result.stages["correct"].record.counts["rows_out"]
    assert figure(found, "heimdall_metric", stage="train", name="loss") == 0.25
    for stage, each in result.stages.items():
        seconds = figure(found, "heimdall_stage_duration_seconds", stage=stage, run="toy")
        assert seconds == each.record.seconds
        assert figure(found, "heimdall_stages_total", stage=stage) == 1
        assert figure(found, "heimdall_stage_running", stage=stage) == 0
        assert figure(found, "heimdall_failures_total", stage=stage) == 0


def test_failures_and_warnings_are_counted(tmp_path: Path, port: str) -> None:
    plugins = registry()
    recipe = {**RECIPE, "generate": {"num_examples": 50, "mix": {"toy": {"wrong": 40}}}}
    for _ in range(2):
        with pytest.raises(HeimdallError):
            run(Recipe.from_dict(recipe, plugins), registry=plugins, runs=tmp_path)
    found = scraped(port)
    assert figure(found, "heimdall_failures_total", stage="generate") == 2
    assert figure(found, "heimdall_stage_running", stage="generate") == 0
    before = figure(found, "heimdall_warnings_total", stage="generate")
    plugins.emit(Event("warning", "generate", "Ray: node 10.0.0.7 is lost"))
    assert figure(scraped(port), "heimdall_warnings_total", stage="generate") == before + 1


def test_no_text_leaves_the_process(port: str) -> None:
    tracker = OtelTracker()
    tracker.start(StageInfo("toy", "generate", "key", Path("out"), {"secret": "hush"}))
    tracker.record(Event("note", message="hush"))
    tracker.record(Event("warning", message="hush"))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    tracker.close()
    assert "heimdall_warnings_total" in text
    assert "hush" not in text


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """An OTLP collector: its address, and the requests that it took."""
    proto = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
    taken: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            request = proto.ExportMetricsServiceRequest()
            request.ParseFromString(body)
            taken.append((self.path, self.headers.get("X-Key"), request))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        server.server_close()


def test_the_figures_are_sent_by_otlp(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as (address, taken):
        monkeypatch.setenv(EXPORTERS, "otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=from-the-environment")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
        tracker = OtelTracker()
        info = StageInfo("toy", "train", "key", Path("out"))
        tracker.start(info)
        for step, loss in ((10, 2.0), (20, 0.5)):
            tracker.record(Event("metric", done=step, total=20, values={"loss": loss}))
        tracker.finish(info)
        tracker.close()
    path, key, request = taken[-1]
    assert (path, key) == ("/v1/metrics", "from-the-environment")
    [resource] = request.resource_metrics
    about = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert about["service.name"] == "heimdall"
    metrics = {m.name: m for scope in resource.scope_metrics for m in scope.metrics}
    [loss] = metrics["heimdall.metric"].gauge.data_points
    assert loss.as_double == 0.5
    assert {a.key: a.value.string_value for a in loss.attributes} == {
        "run": "toy",
        "stage": "train",
        "name": "loss",
        "of": "",
    }
    [step] = metrics["heimdall.step"].gauge.data_points
    assert step.as_double or step.as_int == 20


@pytest.mark.parametrize("value", ["", "none", None])
def test_off_by_default(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    tracker = OtelTracker({} if value is None else {EXPORTERS: value})
    monkeypatch.setitem(sys.modules, "heimdall_track_otel.figures", None)  # an import would raise
    info = StageInfo("toy", "train", "key", Path("out"))
    tracker.start(info)
    tracker.record(Event("metric", values={"loss": 1.0}))
    tracker.finish(info)


def test_what_cannot_be_is_one_warning_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = StageInfo("toy", "train", "key", Path("out"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        wanted = {EXPORTERS: "prometheus", HOST: "127.0.0.1", PORT: port}
        with pytest.raises(HeimdallError, match=r"cannot listen on 127\.0\.0\.1"):
            OtelTracker(wanted).start(info)
    with pytest.raises(HeimdallError, match="'http' is no port"):
        OtelTracker({EXPORTERS: "prometheus", PORT: "http"}).start(info)
    with pytest.raises(HeimdallError, match="'promethius' is no exporter; did you mean"):
        OtelTracker({EXPORTERS: "promethius"}).start(info)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.prometheus", None)
    with pytest.raises(HeimdallError, match=r"heimdall-slm\[otel\]"):
        OtelTracker({EXPORTERS: "prometheus"}).start(info)
    monkeypatch.setenv(EXPORTERS, "prometheus")
    plugins = registry()
    seen: list[Event] = []
    run(
        Recipe.from_dict(RECIPE, plugins),
        registry=plugins,
        runs=tmp_path,
        until="generate",
        on_event=seen.append,
    )
    assert [e for e in seen if e.kind == "warning" and "heimdall-slm[otel]" in e.message]
