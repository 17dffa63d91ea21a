"""Datasets behind URLs: memory, HTTP from a real server, S3 on a real server that speaks it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from numbered_rows import numbered_rows as rows
from stores import files_over_http, s3_bucket

from heimdall_core.dataset import remote, shards
from heimdall_core.dataset.correct import correct_file
from heimdall_core.dataset.files import identity
from heimdall_core.dataset.io import atomic_text, dump_example, read_examples
from heimdall_core.dataset.mix import mix_files
from heimdall_core.dataset.remote import Remote, has_secret, located
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


def heimdall(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own, as a user has it."""
    start = [sys.executable, "-c", "from heimdall_core.cli.main import entry; entry()"]
    return subprocess.run([*start, *arguments], capture_output=True, text=True)


def save(path: Path, some: list[Example], **size: Any) -> None:
    with atomic_rows(path, shards=ShardSize(**size) if size else None) as write:
        for row in some:
            write(dump_example(row) + "\n")


def asked(path: Path) -> list[str]:
    return [row.instruction for row in read_examples(path)]


def names(folder: Path) -> list[str]:
    return sorted(shards.files_in(folder) or {})


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("heimdall-rows") as url:
        yield url


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Path:
    """A place behind a URL that nothing is in."""
    root = "memory://rows" if request.param == "memory" else request.getfixturevalue("bucket")
    return located(f"{root}/{uuid4().hex}")


@pytest.mark.parametrize(
    ("given", "shown", "name", "parent"),
    [
        ("s3://bucket/a/rows.jsonl.gz", "s3://bucket/a/rows.jsonl.gz", "rows.jsonl.gz", "a"),
        ("s3:/bucket/rows.jsonl", "s3://bucket/rows.jsonl", "rows.jsonl", "bucket"),
        ("memory://rows", "memory://rows", "rows", "memory:"),
        ("hf://datasets/u/n@v1/*.parquet", "hf://datasets/u/n@v1/*.parquet", "*.parquet", "n@v1"),
        ("https://h:8/x.jsonl?sig=abc", "https://h:8/x.jsonl", "x.jsonl", "h:8"),
        ("ftp://me:pass@h/x.jsonl", "ftp://h/x.jsonl", "x.jsonl", "h"),
        ("s3://b/part-0000?.jsonl", "s3://b/part-0000?.jsonl", "part-0000?.jsonl", "b"),
    ],
)
def test_urls_are_paths(given: str, shown: str, name: str, parent: str) -> None:
    path = located(given)
    assert isinstance(path, Remote)
    assert (str(path), path.name, path.parent.name) == (shown, name, parent)
    assert str(path.with_name("other.jsonl")).startswith(shown.partition("://")[0] + "://")
    assert pickle.loads(pickle.dumps(path)) == path  # noqa: S301 - made here
    assert located(path) is path
    assert located(Path(shown)) == path


@pytest.mark.parametrize(
    "given", ["rows.jsonl", "/a/b.jsonl", "a:b/c", "C:/x", "file:///a/b.jsonl"]
)
def test_other_names_are_local(given: str) -> None:
    assert not isinstance(located(given), Remote)
    assert str(located("file:///a/b%20c.jsonl")) == "/a/b c.jsonl"


def test_a_local_name_that_looks_like_a_url_is_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "notes:" / "rows.jsonl", rows(1))
    assert len(asked(Path("notes:/rows.jsonl"))) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_written_and_read(store: Path, suffix: str) -> None:
    path = store / f"rows{suffix}"
    save(path, rows(30))
    assert asked(path) == [row.instruction for row in rows(30)]
    assert names(store) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_shards_are_written_read_and_replaced(store: Path, suffix: str) -> None:
    save(store / f"*{suffix}", rows(30), rows=8)
    before = names(store)
    assert len(before) == 5
    assert asked(store) == [row.instruction for row in rows(30)]
    assert asked(store / "part-0000[12]*") == [row.instruction for row in rows(16, 8)]
    first = identity(store)
    save(store / f"*{suffix}", rows(20, 100), rows=10)
    assert asked(store) == [row.instruction for row in rows(20, 100)]
    assert len(names(store)) == 3, "the earlier shards are still there"
    assert identity(store) != first


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_shard_that_is_not_as_it_was_is_refused(store: Path, suffix: str) -> None:
    save(store / f"*{suffix}", rows(30), rows=10)
    fs, place = remote._driver(store)  # type: ignore[arg-type]
    second = f"{place}/{names(store)[2]}"
    whole = fs.cat_file(second)
    harmed = bytearray(whole)
    harmed[len(harmed) // 2] ^= 1
    fs.pipe_file(second, bytes(harmed))
    with pytest.raises(DatasetError, match="SHA-256 is another"):
        list(read_examples(store, lambda bad: None))
    fs.pipe_file(second, whole[:-2])
    with pytest.raises(DatasetError, match=r"is not as manifest.json says: it has"):
        asked(store)
    fs.rm_file(second)
    with pytest.raises(DatasetError, match="is missing"):
        asked(store)
    fs.pipe_file(second, whole)
    assert len(asked(store)) == 30
    fs.pipe_file(f"{place}/extra{suffix}", whole)
    with pytest.raises(DatasetError, match=f"the shard extra{suffix} is surplus"):
        asked(store)


def test_what_a_killed_writing_leaves_is_no_dataset_and_harms_none(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed_after(count: int, folder: Path) -> None:
        """Nothing of what follows happens, tidying up included."""
        done = 0

        def upload(staged: Path, target: Path) -> None:
            nonlocal done
            done += 1
            if done > count:
                raise KeyboardInterrupt
            original(staged, target)

        original = remote.upload
        with monkeypatch.context() as patch:
            patch.setattr("heimdall_core.dataset.shard_write.upload", upload)
            patch.setattr("heimdall_core.dataset.shard_write._remove", lambda *_: None)
            patch.setattr(Remote, "unlink", lambda *_, **__: None)
            with pytest.raises(KeyboardInterrupt):
                save(folder, rows(30, 200), rows=10)

    for count in range(1, 5):  # the mark, then three shards; the manifest would be the fifth
        fresh = store / f"fresh{count}"
        killed_after(count, fresh)
        with pytest.raises(DatasetError, match=r"not written to the end|holds no"):
            asked(fresh)
        kept = store / f"kept{count}"
        save(kept, rows(20), rows=10)
        killed_after(count, kept)
        assert asked(kept) == [row.instruction for row in rows(20)]
        save(kept, rows(5), rows=10)  # the next writing tidies up
        assert len(names(kept)) == 2


def test_the_manifest_of_a_url_is_that_of_a_folder(store: Path, tmp_path: Path) -> None:
    save(store, rows(30), rows=8)
    save(tmp_path / "here", rows(30), rows=8)
    assert (store / "manifest.json").open().read() == (
        tmp_path / "here" / "manifest.json"
    ).read_text()


def test_care_from_url_to_url(store: Path, tmp_path: Path) -> None:
    save(store / "raw", [*rows(60), *rows(10)], rows=16)
    report = correct_file(store / "raw", store / "clean", shards=ShardSize(rows=16))
    assert (report.rows_in, report.rows_out) == (70, 60)
    listed = (store / "corrections.jsonl").open().read().splitlines()
    assert len(listed) == 10
    assert json.loads(listed[0])["shard"].startswith("part-0000")
    assert validate_file(store / "clean", ValidateOptions()).duplicates == 0
    one = split_rows(store / "clean", tmp_path, SplitOptions(validation=0.2, test=0.2))
    for size in (None, ShardSize(rows=7)):
        parts = split_rows(
            store / "clean", store / "parts", SplitOptions(validation=0.2, test=0.2), shards=size
        )
        for name, part in parts.parts.items():
            assert asked(located(part.path)) == asked(Path(one.parts[name].path))
    mixed = mix_files(
        {store / "parts" / "train": 1, store / "parts" / "test": 1}, store / "m.jsonl"
    )
    assert len(asked(store / "m.jsonl")) == mixed.rows > 20
    with pytest.raises(DatasetError, match=r"not corrected in place behind a URL.*--output"):
        correct_file(store / "raw")


def test_the_command_line_takes_urls(bucket: str, tmp_path: Path) -> None:
    url = f"{bucket}/{uuid4().hex}"

    def found(*arguments: str) -> Any:
        done = heimdall(*arguments, "--json")
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    made = found(
        *("generate", "--generator", "cypher", "--num-examples", "60", "--workers", "1"),
        *("--output", f"{url}/raw/*.parquet", "--shard-rows", "25"),
    )
    assert made["rows"] == 60
    assert found("validate", f"{url}/raw", "--no-near-duplicates")["rows"] == 60
    corrected = found("correct", f"{url}/raw", "--output", f"{url}/clean", "--shard-mb", "0.01")
    assert corrected["rows_in"] == 60
    parts = found("split", f"{url}/clean", "--output-dir", f"{url}/parts", "--shard-rows", "20")
    assert sum(part["rows"] for part in parts["parts"].values()) == corrected["rows_out"]
    assert found("stats", f"{url}/parts/train")["rows"] == parts["parts"]["train"]["rows"]
    assert len(found("preview", f"{url}/raw/*.parquet", "--rows", "2")["rows"]) == 2
    mixed = found(
        "mix", f"{url}/parts/train=2", f"{url}/clean", "--output", str(tmp_path / "m.jsonl")
    )
    assert mixed["sources"][1]["shared"] == parts["parts"]["train"]["rows"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_and_shards_over_http(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"one{suffix}", rows(30))
    save(tmp_path / "many" / f"*{suffix}", rows(30), rows=8)
    with files_over_http(tmp_path) as (address, _):
        assert asked(located(f"{address}/one{suffix}")) == [row.instruction for row in rows(30)]
        assert asked(located(f"{address}/many")) == [row.instruction for row in rows(30)]
        with pytest.raises(DatasetError, match="No such file"):
            asked(located(f"{address}/two{suffix}"))
        with pytest.raises(DatasetError, match="can only be read"):
            save(located(f"{address}/two{suffix}"), rows(1))
    with pytest.raises(DatasetError, match="cannot be read") as refused:
        asked(located(f"{address}/one{suffix}?again=1"))  # nobody is there any more
    assert "\n" not in str(refused.value)


def test_a_query_reaches_the_server_and_nothing_else(tmp_path: Path) -> None:
    secret = f"sig-{uuid4().hex}"
    save(tmp_path / "rows.jsonl", [*rows(5), rows(1)[0]])
    (tmp_path / "bad.jsonl").write_text("nonsense\n")
    with files_over_http(tmp_path) as (address, requests):
        url = f"{address}/rows.jsonl?token={secret}"
        output = tmp_path / "clean.jsonl"
        done = [
            heimdall(*arguments)
            for arguments in (
                ["validate", url, "--json"],
                ["correct", url, "--output", str(output), "--json"],
                ["mix", url, "--output", str(tmp_path / "m.jsonl")],
                ["preview", f"{address}/bad.jsonl?token={secret}"],
                ["stats", f"{address}/gone.jsonl?token={secret}"],
                ["--traceback", "stats", f"{address}/gone.parquet?token={secret}"],
            )
        ]
        assert [each.returncode for each in done] == [1, 0, 0, 1, 2, 2]
        assert f"/rows.jsonl?token={secret}" in requests
    assert "Traceback" in done[-1].stderr
    assert secret not in "".join(each.stdout + each.stderr for each in done)
    assert secret not in repr(located(url))
    for path in tmp_path.iterdir():
        assert secret not in path.read_text(), path


def test_a_password_is_taken_off() -> None:
    path = located("https://me:hush@127.0.0.1:1/rows.jsonl")
    with pytest.raises(DatasetError) as refused:
        asked(path)
    assert "hush" not in f"{refused.value} {path!r} {path / 'x'}"
    assert remote.url_of(path) == "https://me:hush@127.0.0.1:1/rows.jsonl"  # type: ignore[arg-type]
    assert located("https://host/x.jsonl?sig=1") == located("https://host/x.jsonl?sig=2")
    assert remote.url_of(located("https://host/x.jsonl")).endswith("?sig=2")  # type: ignore[arg-type]
    located("https://host/rows?of=1")
    with pytest.raises(DatasetError, match="named twice"):
        located("https://host/rows?of=2")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("s3://key:secret@bucket/x.jsonl", True),
        ("https://host/x.jsonl?sig=1", True),
        ("https://host/x.jsonl", False),
        ("hf://datasets/u/n@main/x.jsonl", False),
        ("rows.jsonl", False),
    ],
)
def test_urls_that_carry_a_secret(url: str, found: bool) -> None:
    assert has_secret(url) == found


def test_what_cannot_be_opened_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetError, match=r"'gss' is no protocol.*did you mean 'gs'"):
        asked(located("gss://bucket/x.jsonl"))
    with pytest.raises(DatasetError, match="chained"):
        located("zip://x.jsonl::s3://bucket/x.zip")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(DatasetError, match=r"needs the package 'gcsfs'.*pip install gcsfs"):
        asked(located("gs://bucket/x.jsonl"))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    nowhere = atomic_text(located("memory://x.jsonl"))
    with pytest.raises(DatasetError, match=r"needs the package 'fsspec'.*pip install"), nowhere:
        pass


def test_local_datasets_import_no_driver(tmp_path: Path) -> None:
    save(tmp_path / "rows" / "*.jsonl", rows(3), rows=2)
    code = (
        "import sys; from pathlib import Path; from heimdall_core.dataset import read_examples;"
        f"count = len(list(read_examples(Path({str(tmp_path / 'rows')!r}))));"
        "print(count, 'fsspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "False"]
