"""What must hold of any dataset: correction is idempotent, invents nothing and keeps its ratio; a
split is a partition, and stable."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example, Language, Normalised

LANGUAGE = Language(
    name="toy",
    summary="",
    dialects=("plain",),
    check=lambda query, request: [],
    normalise=lambda query: Normalised(" ".join(query.lower().split()), ""),
    format=str,
    extract=str,
)
LOOKUP = {"toy": LANGUAGE}.get

WORDS = (
    "which",
    "directors",
    "made",
    "more",
    "films",
    "than",
    "actors",
    "of",
    "the",
    "year",
    "1998",
)
QUESTIONS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
ANSWERS = st.sampled_from(("RETURN 1", "return  1", "RETURN 2", "MATCH (n) RETURN n", "TODO", "x"))
ROWS = st.lists(
    st.builds(
        Example,
        QUESTIONS,
        output=ANSWERS,
        category=st.sampled_from("abc"),
        language=st.sampled_from(("", "toy")),
        family=st.sampled_from(("", "f1", "f2")),
    ),
    max_size=40,
)
OPTIONS = st.builds(
    CorrectOptions,
    min_category_size=st.integers(0, 4),
    max_category_ratio=st.one_of(st.none(), st.floats(1, 4)),
    contradictions=st.sampled_from(("drop", "majority", "keep")),
    canonical_duplicates=st.sampled_from(("prompt", "all", "keep")),
    near_threshold=st.sampled_from((0.5, 0.7, 0.9)),
)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def key(row: Example) -> tuple[Any, ...]:
    return (row.instruction, row.output, row.category, row.language, row.family)


@SLOW
@given(ROWS, OPTIONS)
def test_correction(rows: list[Example], options: CorrectOptions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, once, twice = (Path(folder) / f"{name}.jsonl" for name in ("in", "once", "twice"))
        write_examples(path, rows)
        try:
            report = correct_file(path, once, options, language=LOOKUP)
        except DatasetError as error:
            assert "no row would remain" in str(error)  # noqa: PT017
            return
        kept = list(read_examples(once))
        # Nothing is invented, nothing copied, and the order stays.
        assert not Counter(map(key, kept)) - Counter(map(key, rows))
        places = iter(map(key, rows))
        assert all(any(key(row) == place for place in places) for row in kept)
        assert report.rows_out == len(kept) == len(rows) - report.rows_removed
        # The ratio holds while rows remain.
        sizes = Counter(row.category for row in kept)
        if options.max_category_ratio is not None:
            smallest = max(min(sizes.values()), options.min_category_size)
            assert max(sizes.values()) <= options.max_category_ratio * smallest + 1e-6
        # Once is enough.
        again = correct_file(once, twice, options, language=LOOKUP)
        assert again.rows_removed == 0
        assert once.read_bytes() == twice.read_bytes()


@SLOW
@given(ROWS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_split(rows: list[Example], seed: int, draw: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "in.jsonl", Path(folder) / "out"
        write_examples(path, rows)
        options = SplitOptions(test=0.2, validation=0.2)
        try:
            report = split_rows(path, out, options, seed, language=LOOKUP)
        except DatasetError:
            return
        parts = {file.stem: list(read_examples(file)) for file in out.glob("*.jsonl")}
        assert Counter(key(r) for part in parts.values() for r in part) == Counter(map(key, rows))
        assert not any(report.leakage.values())
        place = {row.instruction: name for name, part in parts.items() for row in part}
        shuffled = draw.sample(rows, len(rows))
        write_examples(path, shuffled)
        split_rows(path, out, options, seed, language=LOOKUP)
        for file in out.glob("*.jsonl"):
            assert all(place[row.instruction] == file.stem for row in read_examples(file))
