"""Checkpoints in a folder or an object store: found again, whole, by another machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import torch

from heimdall_core.errors import ModelError, RecipeError
from heimdall_run_transformers.training.checkpoint import FILE, Progress, save_checkpoint
from heimdall_run_transformers.training.optimizer import Optimizer
from heimdall_run_transformers.training.places import check_url
from heimdall_run_transformers.training.processes import Processes
from heimdall_run_transformers.training.store import Store

MARK = "0123456789abcdef-the-run"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3 server on this machine."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    thread = server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    thread.start()
    host, port = thread.get_host_and_port()
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    fsspec.filesystem("s3").mkdir("checkpoints")
    yield "s3://checkpoints/tiny"
    patch.undo()
    thread.stop()


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("bucket"))
    shared = tmp_path / "shared"
    return {
        "folder": str(shared),
        "file": f"file://{shared}",
        "memory": f"memory://{tmp_path.name}",
    }[request.param]


def checkpoint(work: Path, step: int, mark: str = MARK) -> Path:
    work.mkdir(exist_ok=True)
    optimizer = Optimizer((), {})
    save_checkpoint(
        work, mark, Progress(step=step), {"w": torch.full((3,), float(step))}, optimizer, {}
    )
    return work / FILE


def find(store: Store, work: Path, mark: str = MARK) -> tuple[Path | None, list[str]]:
    work.mkdir(exist_ok=True)
    said: list[str] = []
    return store.find(work, mark, Processes(), said.append), said


def test_another_machine_finds_the_newest(url: str, tmp_path: Path) -> None:
    store = Store(url)
    assert find(store, tmp_path / "one") == (None, [])
    for step in (2, 4):
        made = checkpoint(tmp_path / "one", step)
        store.keep(made, MARK, step)
    found, said = find(store, tmp_path / "two")
    assert found is not None
    assert found.read_bytes() == made.read_bytes()
    assert said == []
    system, root = fsspec.core.url_to_fs(url)
    names = sorted(p.rpartition("/")[2] for p in system.ls(f"{root}/{MARK[:16]}", detail=False))
    assert names == ["checkpoint-00000004.safetensors", "latest.json", "run.json"]
    # Its own is newer: the place was cut off for a while.
    newer = checkpoint(tmp_path / "two", 5)
    before = newer.read_bytes()
    found, _ = find(store, tmp_path / "two")
    assert found == newer
    assert newer.read_bytes() == before


def test_of_other_settings_is_told_and_left_alone(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "shared"))
    find(store, tmp_path / "one")
    store.keep(checkpoint(tmp_path / "one", 2), MARK, 2)
    found, [said] = find(store, tmp_path / "two", "another-run-altogether")
    assert found is None
    assert "holds no checkpoint of this data and these settings" in said
    assert (tmp_path / "shared" / MARK[:16] / "latest.json").exists()


def test_a_copy_that_was_cut_off_is_not_taken(tmp_path: Path) -> None:
    """Killed while it copied the second one: the pointer still names the first."""
    store, folder = Store(str(tmp_path / "shared")), tmp_path / "shared" / MARK[:16]
    find(store, tmp_path / "one")
    store.keep(checkpoint(tmp_path / "one", 2), MARK, 2)
    (folder / "checkpoint-00000004.safetensors").write_bytes(b"half of it")
    found, _ = find(store, tmp_path / "two")
    assert found is not None
    assert found.read_bytes() == (folder / "checkpoint-00000002.safetensors").read_bytes()


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    store, folder = Store(str(tmp_path / "shared")), tmp_path / "shared" / MARK[:16]
    find(store, tmp_path / "one")
    store.keep(checkpoint(tmp_path / "one", 2), MARK, 2)
    file = folder / "checkpoint-00000002.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError, match="damaged: its digest is another one"):
        find(store, tmp_path / "two")
    assert list((tmp_path / "two").iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("a file where a folder is needed", "utf-8")
    with pytest.raises(ModelError, match=r"train\.checkpoints = .*cannot be used") as error:
        find(Store(str(tmp_path / "shared")), tmp_path / "one")
    assert "\n" not in str(error.value)


def test_run_json_names_the_run(tmp_path: Path) -> None:
    find(Store(str(tmp_path / "shared")), tmp_path / "one")
    about = json.loads((tmp_path / "shared" / MARK[:16] / "run.json").read_text("utf-8"))
    assert about["fingerprint"] == MARK


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://key:secret@bucket/x", "holds credentials"),
        ("ftp://someone@host/x", "holds credentials"),
        ("nosuch://bucket/x", "no place that fsspec knows"),
    ],
)
def test_places_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        check_url(url)
