"""What a correction removes, what it leaves, and what it writes beside it."""

from __future__ import annotations

import gzip
import json
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example, Language

Write = Callable[..., Path]
Lookup = Callable[[str], Language | None]
NOW = datetime(2025, 12, 6, 14, 30, 22)


def row(n: int, **more: Any) -> dict[str, Any]:
    return {"instruction": f"Question {n}", "output": f"RETURN {n}", "category": "a", **more}


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "corrections.jsonl").read_text().splitlines()]


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_every_removal_is_counted_and_listed_with_its_reason(write: Write, toy: Lookup) -> None:
    source = write(
        [
            row(1),
            b"{",
            row(2, output="TODO"),
            row(3, output="WRONG", language="toy"),
            row(1, category="b"),
            row(4),
            row(4, output="RETURN 'four'"),
            row(5, output="ok", language="toy", id="five"),
            b"[]",
        ]
    )
    output = source.parent / "out" / "corrected.jsonl"
    report = correct_file(source, output, language=toy)
    assert report.removed == {
        "format": 2,
        "placeholder": 1,
        "language": 1,
        "duplicate": 1,
        "canonical": 0,
        "contradiction": 2,
        "near": 0,
        "balance": 0,
    }
    assert (report.rows_in, report.rows_out, report.rows_removed) == (9, 2, 7)
    assert [r.instruction for r in read_examples(output)] == ["Question 1", "Question 5"]
    listed = entries(output.parent)
    assert [(e["line"], e["reason"]) for e in listed] == [
        (2, "format"),
        (3, "placeholder"),
        (4, "language"),
        (5, "duplicate"),
        (6, "contradiction"),
        (7, "contradiction"),
        (9, "format"),
    ]
    assert (
        listed[0]["detail"]
        == "not valid JSON: Expecting property name enclosed in double quotes at column 2"
    )
    assert listed[2]["detail"] == "toy: T001 at 1:3: 'WRONG' says that it is wrong"
    assert listed[3] == {
        "file": "corrected.jsonl",
        "source": "data.jsonl",
        "line": 5,
        "reason": "duplicate",
        "detail": "of line 1",
        "id": next(read_examples(output)).id,
        "category": "b",
    }
    assert listed[5]["detail"] == "2 different answers to this prompt, first at line 6"
    assert report.examples["format"] == (
        f"{source}:2: {listed[0]['detail']}",
        f"{source}:9: expected an object, found a list",
    )
    assert report.corrections == str(output.parent / "corrections.jsonl")
    assert report.backup is None


def test_rows_that_a_language_has_checked_say_so_once(write: Write, toy: Lookup) -> None:
    path = write([row(1, language="toy"), row(2, language="other"), row(3)])
    report = correct_file(path, language=toy, now=NOW)
    assert report.marked == 1
    assert report.missing_languages == {"other": 1}
    assert [r.verification for r in read_examples(path)] == [("toy:checked",), (), ()]
    again = correct_file(path, language=toy, now=NOW)
    assert not again.written
    off = correct_file(path, path.parent / "o.jsonl", CorrectOptions(check_language=False))
    assert off.marked == 0


def test_in_place_a_backup_is_made_and_the_file_is_replaced(write: Write) -> None:
    path = write([row(1), row(1), row(2)])
    path.chmod(0o640)
    before = path.read_bytes()
    report = correct_file(path, now=NOW)
    assert report.written
    backup = path.with_name("data_backup_20251206_143022.jsonl")
    assert report.backup == str(backup)
    assert backup.read_bytes() == before
    assert [r.instruction for r in read_examples(path)] == ["Question 1", "Question 2"]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert visible(path.parent) == {path.name, backup.name, "corrections.jsonl"}
    assert entries(path.parent)[0]["backup"] == backup.name


def test_a_second_correction_in_place_changes_nothing_and_leaves_no_backup(write: Write) -> None:
    path = write([row(1), row(1), row(2)])
    correct_file(path, now=NOW)
    state, names, listed = path.stat(), visible(path.parent), entries(path.parent)
    report = correct_file(path, now=datetime.now())
    assert (report.written, report.backup, report.rows_removed) == (False, None, 0)
    assert path.stat().st_ino == state.st_ino
    assert (visible(path.parent), entries(path.parent)) == (names, listed)


def test_backups_of_the_same_second_do_not_overwrite_each_other(write: Write) -> None:
    first = write([row(1), row(1)])
    old = first.read_bytes()
    correct_file(first, now=NOW)
    write([row(2), row(2)])
    report = correct_file(first, now=NOW)
    assert report.backup == str(first.with_name("data_backup_20251206_143022_2.jsonl"))
    assert first.with_name("data_backup_20251206_143022.jsonl").read_bytes() == old
    assert [e["id"] for e in entries(first.parent)] == [
        Example("Question 1", output="RETURN 1").content_id(),
        Example("Question 2", output="RETURN 2").content_id(),
    ]


def test_the_same_file_by_another_name_is_corrected_in_place(write: Write) -> None:
    path = write([row(1), row(1)])
    report = correct_file(path, path.parent / "." / path.name, now=NOW)
    assert report.backup is not None
    link = path.with_name("link.jsonl")
    link.symlink_to(path.name)
    write([row(2), row(2)])
    assert correct_file(link, now=NOW).backup is not None
    assert link.is_symlink()
    assert len(list(read_examples(path))) == 1


def test_elsewhere_the_list_is_of_the_last_correction_and_others_stay(write: Write) -> None:
    source = write([row(1), row(1)])
    out = source.parent / "out"
    for name in ("one.jsonl", "two.jsonl", "one.jsonl"):
        correct_file(source, out / name)
    assert Counter(e["file"] for e in entries(out)) == {"one.jsonl": 1, "two.jsonl": 1}
    (out / "corrections.jsonl").write_text("not ours\n[]\n")
    correct_file(source, out / "one.jsonl")
    assert (out / "corrections.jsonl").read_text().startswith("not ours\n[]\n{")


def test_a_dry_run_reports_the_same_and_writes_nothing(write: Write) -> None:
    path = write([row(1), row(1), b"{"])
    before = {p: p.read_bytes() for p in path.parent.iterdir()}
    report = correct_file(path, dry_run=True)
    assert {p: p.read_bytes() for p in path.parent.iterdir()} == before
    real = correct_file(path, now=NOW)
    assert (report.removed, report.rows_out) == (real.removed, real.rows_out)
    assert not report.written
    assert report.corrections is None


@pytest.mark.parametrize(
    ("answers", "policy", "kept"),
    [
        ("aab", "drop", ""),
        ("aab", "majority", "a"),
        ("baa", "majority", "a"),
        ("ab", "majority", ""),
        ("aabb", "majority", ""),
        ("aabbc", "majority", ""),
        ("aabcd", "majority", "a"),
        ("aab", "keep", "ab"),
        ("aa", "drop", "a"),
    ],
)
def test_contradictions(write: Write, answers: str, policy: Any, kept: str) -> None:
    path = write([row(0), *(row(1, output=answer) for answer in answers)])
    options = CorrectOptions(contradictions=policy, near_duplicates=False)
    correct_file(path, options=options, now=NOW)
    assert [r.output for r in read_examples(path)][1:] == list(kept)


def test_wrong_answers_have_no_vote(write: Write, toy: Lookup) -> None:
    answers = ["WRONG", "WRONG", "right"]
    path = write([row(1, output=answer, language="toy") for answer in answers])
    correct_file(path, options=CorrectOptions(), language=toy, now=NOW)
    assert [r.output for r in read_examples(path)] == ["right"]


def test_balance_takes_from_the_large_and_asks_for_the_small(write: Write) -> None:
    families = [("f1", 6), ("f2", 3), ("f3", 3)]
    rows = [
        row(n, instruction=f"{family} {n}", family=family, category="large")
        for family, size in families
        for n in range(size)
    ]
    rows += [row(n, instruction=f"s {n}", category="small") for n in range(2)]
    path = write(rows)
    options = CorrectOptions(min_category_size=3, max_category_ratio=2.0)
    report = correct_file(path, options=options, now=NOW)
    assert report.categories == {"large": 6, "small": 2}
    assert report.quotas == {"small": 1}
    kept = list(read_examples(path))
    assert Counter(r.family for r in kept if r.family) == {"f1": 2, "f2": 2, "f3": 2}
    assert report.removed["balance"] == 6
    assert entries(path.parent)[0]["detail"] == "'large' has 12 rows, 6 may stay (2:1)"
    assert report.lines()[:4] == [
        "14 lines: 8 kept, 6 removed",
        "  6 balance",
        "Categories: 6:1 before, 3:1 after",
        "  'small' lacks 1 rows",
    ]


def test_rows_that_go_for_another_reason_take_no_place_in_their_category(write: Write) -> None:
    path = write([*(row(n // 3) for n in range(30)), row(99, category="b")])
    report = correct_file(path, options=CorrectOptions(max_category_ratio=8), now=NOW)
    assert (report.removed["duplicate"], report.removed["balance"]) == (20, 2)
    assert report.categories == {"a": 8, "b": 1}


def test_rows_without_a_family_are_told_apart_by_the_shape_of_their_answer(write: Write) -> None:
    shapes = ["MATCH (n {{v: {0}}})", "CREATE (n {{v: {0}}})", "RETURN '{0}'"]
    rows = [row(n, output=shapes[min(n // 4, 2)].format(n)) for n in range(20)]
    path = write([*rows, row(99, category="b")])
    correct_file(path, options=CorrectOptions(max_category_ratio=6), now=NOW)
    kept = [r.output.split()[0] for r in read_examples(path) if r.category == "a"]
    assert Counter(kept) == {"MATCH": 2, "CREATE": 2, "RETURN": 2}


def test_a_category_that_loses_all_rows_asks_for_them_and_does_not_shrink_the_others(
    write: Write,
) -> None:
    path = write([*(row(n) for n in range(5)), row(9, output="TODO", category="gone")])
    options = CorrectOptions(min_category_size=2, max_category_ratio=1.5)
    report = correct_file(path, options=options, now=NOW)
    assert report.categories == {"a": 5, "gone": 0}
    assert report.quotas == {"gone": 2}
    assert report.category_ratio == 1


def test_the_predecessors_dataset(predecessor: Path) -> None:
    options = CorrectOptions(min_category_size=50, max_category_ratio=3.0)
    report = correct_file(predecessor, options=options, now=NOW)
    assert report.removed["contradiction"] == 626
    assert report.rows_out == 124
    after = validate_file(predecessor)
    assert (after.rows, after.contradictions, after.duplicates) == (124, 0, 0)
    assert report.quotas["topic_17"] == 49
    assert set(report.quotas.values()) > {50}  # topics that held contradictions alone
    assert all(n + report.quotas.get(name, 0) >= 50 for name, n in report.categories.items())


def test_where_no_row_would_remain_nothing_is_written(write: Write) -> None:
    path = write([row(1, output=str(n)) for n in range(3)])
    before = path.read_bytes()
    with pytest.raises(DatasetError, match=r"no row would remain of 3 lines \(3 contradiction\)"):
        correct_file(path, now=NOW)
    assert path.read_bytes() == before
    assert visible(path.parent) == {path.name}
    assert correct_file(path, dry_run=True).rows_out == 0
    with pytest.raises(DatasetError, match="it is empty"):
        correct_file(write([], "empty.jsonl"))


def test_gz_is_corrected_in_place_and_between(write: Write) -> None:
    plain = write([row(1), row(1), row(2)])
    packed = plain.with_name("data.jsonl.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    report = correct_file(packed, now=NOW)
    assert report.backup == str(plain.with_name("data_backup_20251206_143022.jsonl.gz"))
    assert len(gzip.decompress(packed.read_bytes()).splitlines()) == 2
    assert not correct_file(packed, now=NOW).written
    out = plain.with_name("other.jsonl.gz")
    correct_file(plain, out)
    assert out.read_bytes() == packed.read_bytes()
    assert [e["file"] for e in entries(plain.parent)] == ["data.jsonl.gz", "other.jsonl.gz"]


@pytest.mark.parametrize("name", ["missing.jsonl", "folder"])
def test_a_source_that_is_no_file_is_refused_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatasetError, match=name):
        correct_file(tmp_path / name, tmp_path / "new" / "out.jsonl")
    assert visible(tmp_path) == {"folder"}


def test_an_output_that_cannot_be_written_is_refused(write: Write) -> None:
    source = write([row(1)])
    folder = source.parent / "folder"
    folder.mkdir()
    for output in (source / "below.jsonl", folder, source.with_name("corrections.jsonl")):
        with pytest.raises(DatasetError, match=output.name):
            correct_file(source, output)
    assert len(list(read_examples(source))) == 1
    assert visible(source.parent) == {source.name, "folder"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a read-only folder")
def test_a_read_only_folder_is_an_error_of_ours(write: Write) -> None:
    path = write([row(1), row(1)])
    path.parent.chmod(0o500)
    try:
        with pytest.raises(DatasetError, match="cannot be written"):
            correct_file(path, now=NOW)
    finally:
        path.parent.chmod(0o700)


def test_a_full_disk_leaves_the_file_as_it_was(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write([row(1), row(1)])
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match="cannot be written: No space left on device"):
        correct_file(path, now=NOW)
    assert path.read_bytes() == before
    assert visible(path.parent) == {path.name}


def test_a_source_that_changes_meanwhile_is_told(write: Write, toy: Lookup) -> None:
    path = write([row(1, language="toy"), row(2)])

    def grow(name: str) -> Language | None:
        with path.open("a") as file:
            file.write(json.dumps(row(3)) + "\n")
        return toy(name)

    with pytest.raises(DatasetError, match="was changed while it was being corrected"):
        correct_file(path, language=grow, now=NOW)
    assert len(list(read_examples(path))) == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [("min_category_size", -1), ("max_category_ratio", 0.9), ("contradictions", "vote")],
)
def test_options_out_of_range_are_refused(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"'{option}' must be"):
        CorrectOptions(**{option: value})


def test_the_report_is_plain_json(write: Write) -> None:
    report = correct_file(write([row(1), row(1)]), dry_run=True)
    assert json.loads(json.dumps(report.to_json()))["removed"]["duplicate"] == 1


# Few values, so that rows repeat and contradict each other.
rows_strategy = st.lists(
    st.builds(
        Example,
        instruction=st.sampled_from(["one", "two", "three", "One", "four <|im_end|>"]),
        output=st.sampled_from(["x", "y", " x", "TODO", "WRONG"]),
        category=st.sampled_from("abc"),
        family=st.sampled_from(["", "f", "g"]),
        language=st.sampled_from(["", "toy"]),
        combination=st.sampled_from(["", "c1", "c2"]),
    )
)
options_strategy = st.builds(
    CorrectOptions,
    contradictions=st.sampled_from(["drop", "majority", "keep"]),
    drop_placeholders=st.booleans(),
    min_category_size=st.integers(0, 3),
    max_category_ratio=st.none() | st.floats(1, 3),
)


@pytest.mark.usefixtures("fast_disk")
def test_properties_of_a_correction(toy: Lookup) -> None:
    """Idempotent; a subsequence of its input; within its limits; and valid by `validate`."""

    @settings(max_examples=100, deadline=None)
    @given(rows_strategy, options_strategy)
    def holds(rows: list[Example], options: CorrectOptions) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data.jsonl")
            write_examples(path, rows)
            before = [r.id for r in read_examples(path)]
            planned = correct_file(path, options=options, language=toy, dry_run=True)
            assume(planned.rows_out)
            report = correct_file(path, options=options, language=toy, now=NOW)
            kept = list(read_examples(path))

            assert report.rows_out == len(kept) == len(rows) - report.rows_removed
            remaining = iter(before)
            assert all(r.id in remaining for r in kept)  # in order, and none made up

            again = correct_file(path, options=options, language=toy, now=NOW)
            assert (again.rows_removed, again.written) == (0, False)

            sizes = Counter(r.category for r in kept).values()
            if options.max_category_ratio:
                floor = max(min(sizes), options.min_category_size)
                assert max(sizes) <= options.max_category_ratio * floor + 1e-9
            found = validate_file(path, ValidateOptions(), language=toy)
            assert found.bad == found.duplicates == found.invalid == 0
            assert not found.contradictions or options.contradictions == "keep"
            assert not found.placeholders or not options.drop_placeholders

    holds()


def test_kept_contradictions_in_prose_stay_where_their_texts_are_near(write: Write) -> None:
    about = "The index on the label Person is rebuilt in the background; reads go on meanwhile"
    answers = [f"{about}, which takes a minute.", f"{about}, which takes an hour."]
    rows = [{"instruction": "How is the index rebuilt?", "output": each} for each in answers]
    other = {"instruction": "How is the index  rebuilt??", "output": answers[0]}
    path = write([*rows, other])
    report = correct_file(path, path.with_name("out.jsonl"), CorrectOptions(contradictions="keep"))
    assert report.removed["contradiction"] == 0
    kept = [(row.instruction, row.output) for row in read_examples(path.with_name("out.jsonl"))]
    # The row of another prompt is near the first, and has its answer.
    assert kept == [(row["instruction"], row["output"]) for row in rows]
    assert report.removed["near"] == 1
