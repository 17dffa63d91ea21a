"""A run against the server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from teaching import Running, teacher_server

from heimdall_core import Registry
from heimdall_core.types import Event
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.write import distill_file

KEY = "sk-test-0123456789-abcdefghijklmnop"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    pytest.importorskip("openai")
    pytest.importorskip("anthropic")
    with teacher_server() as running:
        yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return KEY


Distil = Callable[..., dict[str, Any]]


@pytest.fixture
def distil(server: Running, tmp_path: Path) -> Distil:
    """Runs over lines of prompts; returns the report with rows and rejects in it."""
    registry = Registry(third_party=False)

    def run(
        *lines: Any,
        server: Running = server,
        events: list[Event] | None = None,
        settings: dict[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        is_json = any(not isinstance(line, str) for line in lines)
        prompts = tmp_path / ("prompts.jsonl" if is_json else "prompts.txt")
        texts = [json.dumps(line) if is_json else line for line in lines]
        prompts.write_text("\n".join(texts) + "\n", encoding="utf-8")
        name = options.setdefault("teacher", "openai")
        address = {"openai": server.openai, "anthropic": server.anthropic}.get(name)
        table = {"model": "gpt-4o", "timeout": 20.0, **({"base_url": address} if address else {})}
        given = {
            "prompts": str(prompts),
            "cache": str(tmp_path / "cache"),
            "teacher_options": {**table, **(settings or {})},
            "backoff": 0.02,
            "concurrency": 16,
            **options,
        }
        output = tmp_path / "out.jsonl"
        report = distill_file(
            DistillOptions(**given),
            registry.teacher,
            output,
            emit=(events if events is not None else []).append,
        )
        assert report is not None
        rows = [json.loads(x) for x in output.read_text(encoding="utf-8").splitlines()]
        rejects = (tmp_path / "out.rejected.jsonl").read_text(encoding="utf-8").splitlines()
        return {**report, "data": rows, "rejects": [json.loads(line) for line in rejects]}

    return run
