"""Work on a real Ray cluster, small: the same bytes, and nothing lost where workers die."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")

from heimdall_core import Event, HeimdallError, Registry  # noqa: E402
from heimdall_core.dataset import formats  # noqa: E402
from heimdall_core.dataset.correct import CorrectOptions, correct_file  # noqa: E402
from heimdall_core.execution import working  # noqa: E402
from heimdall_core.pipeline.steps.generate import all_schemas, generate_dataset  # noqa: E402
from heimdall_core.pipeline.steps.mix import default_mix  # noqa: E402
from heimdall_exec_ray.options import RayOptions  # noqa: E402
from heimdall_exec_ray.session import RaySession, open_session  # noqa: E402
from heimdall_exec_ray.worker import Shipped, loaded  # noqa: E402

pytestmark = pytest.mark.usefixtures("ray_cluster")
ray.cloudpickle.register_pickle_by_value(__import__(__name__, fromlist=["*"]))


@pytest.fixture
def session() -> Iterator[RaySession]:
    seen: list[Event] = []
    with open_session(RayOptions(retries=2), seen.append) as made:
        made.seen = seen  # type: ignore[attr-defined]
        yield made


def said(session: Any) -> str:
    return "\n".join(event.message for event in session.seen)


def dies_at(wanted: int, folder: Path, times: int) -> Callable[..., Any]:
    """A function that kills its process at one item, so often."""

    def function(item: int, parts: int = 0) -> Any:
        if item == wanted:
            for attempt in range(times):
                mark = folder / str(attempt)
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
        return (item, [item] * parts) if parts else item

    return function


def test_a_worker_that_dies_loses_and_doubles_nothing(
    session: RaySession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert list(session.map(dies_at(7, tmp_path, 2), range(30))) == list(range(30))
    assert said(session).count("piece 8 is done again") == 2
    assert capfd.readouterr().out == ""  # standard output is the command's


def test_a_piece_that_kills_every_worker_ends_the_work(session: RaySession, tmp_path: Path) -> None:
    with pytest.raises(HeimdallError, match="piece 3 was lost 3 times"):
        list(session.map(dies_at(2, tmp_path, 100), range(5)))


def test_a_worker_that_dies_in_an_exchange_is_made_good(
    session: RaySession, tmp_path: Path
) -> None:
    exchange = session.exchange()
    function = dies_at(3, tmp_path, 1)
    assert list(exchange.scatter(function, range(6))) == list(range(6))
    exchange.gather(lambda pieces, shared: [list(pieces), shared], "all")
    found = list(exchange.each(lambda state, shared: (state, shared), "asked"))
    assert found == [([[0, 1, 2, 3, 4, 5], "all"], "asked")] * exchange.parts


def test_an_exchange_that_kills_every_worker_ends_the_work(
    session: RaySession, tmp_path: Path
) -> None:
    function = dies_at(1, tmp_path, 100)
    with pytest.raises(HeimdallError, match="Ray: work was lost 3 times"):
        list(session.exchange().scatter(function, range(3)))


def test_generation_and_correction_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Smaller parts and blocks here alone: how they are cut is the caller's.
    monkeypatch.setattr("heimdall_core.pipeline.steps.parts.PARTS_FROM", 150)
    monkeypatch.setattr("heimdall_core.pipeline.steps.generate.PART_ROWS", 150)
    monkeypatch.setattr(formats, "BLOCK_BYTES", 40_000)
    registry = Registry(third_party=False, environ={})
    sources = default_mix(registry)
    found = []
    for name in ("local", "ray"):
        folder = tmp_path / name
        folder.mkdir()
        with working(registry, {"name": name}, lambda event: None):
            generate_dataset(
                registry, sources, total=900, seed=3, output=folder / "rows.jsonl", max_rejected=1.0
            )
            correct_file(
                folder / "rows.jsonl",
                folder / "corrected.jsonl",
                CorrectOptions(),
                language=registry.find_language,
                schemas=all_schemas(sources),
            )
        found.append({path.name: path.read_bytes() for path in folder.glob("*.jsonl")})
    assert set(found[0]) == {"rows.jsonl", "corrected.jsonl", "corrections.jsonl"}
    assert found[0] == found[1]
    assert b'"reason": "near"' in found[0]["corrections.jsonl"]


def test_another_version_of_heimdall_is_refused() -> None:
    shipped = Shipped("key of no function", b"", "0.0.1", ())
    with pytest.raises(HeimdallError, match=r"this process 0\.0\.1"):
        loaded(shipped, lambda data: len)
