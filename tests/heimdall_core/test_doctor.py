"""`heimdall doctor`: plugins that fail, hang or take a name are named; the rest is looked at."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from heimdall_core.cli import doctor_checks
from heimdall_core.cli.doctor_checks import Diagnosis, child

GENERATOR = """
from heimdall_core import Generator, hookimpl

@hookimpl
def heimdall_generators():
    yield Generator("fraud", "made for a test", ("c",), lambda context, options: iter(()))
"""


OBSERVER = """
from heimdall_core import hookimpl

@hookimpl
def heimdall_on_event(event):
    pass
"""


@pytest.fixture
def diagnose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Installs modules as distributions of their own; returns what the doctor says of each."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def look(limit: float, **sources: str) -> dict[str, Diagnosis]:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
            info = tmp_path / f"{name}-1.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8"
            )
            (info / "entry_points.txt").write_text(f"[heimdall]\n{name} = {name}\n")

        def here(group: str) -> Iterable[EntryPoint]:
            return [e for d in distributions(path=[str(tmp_path)]) for e in d.entry_points]

        monkeypatch.setattr(doctor_checks, "entry_points", here)
        found = doctor_checks._plugins(limit, third_party=True)
        return {d.name.removeprefix("plugin "): d for d in found}

    return look


def test_plugins_that_fail_or_take_a_name_are_named(diagnose) -> None:  # type: ignore[no-untyped-def]
    found = diagnose(
        60,
        acme_a=GENERATOR,
        acme_b=GENERATOR,
        acme_c="raise RuntimeError('no such luck')",
        acme_d="import os; os.kill(os.getpid(), 11)",
        acme_e="x = 1",
    )
    assert found["acme_a"].state == "ok"
    assert "generator: fraud" in found["acme_a"].detail
    assert found["acme_b"].state == "problem"
    assert "the generator 'fraud' is already acme_a 1's" in found["acme_b"].detail
    assert found["acme_b"].advice == "pip uninstall acme_b"
    assert "no such luck" in found["acme_c"].detail
    assert found["acme_c"].advice == (
        "HEIMDALL_DISABLE=acme_c leaves it out; or: pip uninstall acme_c"
    )
    assert "crashed with signal 11" in found["acme_d"].detail
    assert "implements no hook" in found["acme_e"].detail


def test_a_refusal_names_the_distribution_alone(diagnose) -> None:  # type: ignore[no-untyped-def]
    found = diagnose(60, acme_new=f"heimdall_api = '>=7'\n{GENERATOR}", acme_watch=OBSERVER)
    assert found["acme_new"].detail.startswith("acme_new 1: it supports hook API >=7,")
    assert found["acme_watch"].detail == "acme_watch 1: hooks: on_event"


def test_a_plugin_that_hangs_is_named_and_ended(diagnose) -> None:  # type: ignore[no-untyped-def]
    found = diagnose(2, acme_slow="import threading; threading.Event().wait()")
    assert found["acme_slow"].state == "problem"
    assert "did not answer within 2 s" in found["acme_slow"].detail


def test_a_child_that_prints_on_its_own_is_understood() -> None:
    assert child("print('hello'); print('{\"a\": 1}')", (), 60) == ({"a": 1}, "")
    assert child("print('hello')", (), 60)[0] is None
    assert child("import sys; sys.exit('out of luck')", (), 60) == (None, "out of luck")


def test_a_small_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Usage:
        free = 5 * 10**8

    monkeypatch.setattr(doctor_checks.shutil, "disk_usage", lambda folder: Usage)
    found = doctor_checks._disk(tmp_path)
    assert (found.state, found.detail.split(" in ")[0]) == ("problem", "0.5 GB free")


def test_an_offline_hub_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = doctor_checks._hub(1)
    assert found.state == "note"
    assert "HF_HUB_OFFLINE" in found.detail
    assert "local folder" in found.advice
