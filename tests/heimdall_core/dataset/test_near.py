"""Near-duplicates and queries of one canonical form: what goes, and what must not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.io import read_examples
from heimdall_core.dataset.near import NearIndex, signatures
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import validate_file
from heimdall_core.types import Language, Normalised

Write = Callable[..., Path]
Lookup = Callable[[str], Language | None]


@pytest.fixture
def query(toy: Lookup) -> Lookup:
    """A language in which case and spacing say nothing."""
    found = toy("toy")
    assert found is not None
    language = attrs.evolve(found, normalise=lambda q: Normalised(" ".join(q.lower().split()), ""))
    return {"toy": language}.get


def rows(*pairs: tuple[str, str], **more: Any) -> list[dict[str, Any]]:
    return [{"instruction": q, "output": a, "category": "a", **more} for q, a in pairs]


LONG = "Which of the directors have made more than one film with the same leading actor"


def test_a_nearly_equal_question_with_the_same_answer_goes(write: Write, query: Lookup) -> None:
    path = write(
        rows(
            (f"{LONG}?", "MATCH (d) RETURN d.name"),
            (f"{LONG.lower()} !", "match (d)  return d.name"),
            (f"Please: {LONG.replace('directors', 'director')}?", "MATCH (d) RETURN d.name"),
            ("Who directed most films?", "MATCH (d) RETURN d.name"),
            language="toy",
        )
    )
    assert validate_file(path, language=query).near_duplicates == 2
    report = correct_file(path, language=query)
    assert report.removed["near"] == 2
    assert [row.instruction for row in read_examples(path)] == [
        f"{LONG}?",
        "Who directed most films?",
    ]
    assert not correct_file(path, language=query).written


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{LONG} in 1998?|MATCH (d {{y: 1998}}) RETURN d", f"{LONG} in 1999?|M (d {{y: 1999}})"),
        (f"{LONG} by 'Ann'?|MATCH (d {{n: 'Ann'}})", f"{LONG} by 'Anna'?|MATCH (d {{n: 'Anna'}})"),
        (f"{LONG}?|MATCH (d:Director) RETURN d", f"{LONG} ?|MATCH (d:Actor) RETURN d"),
        (f"{LONG}?|MATCH (d) RETURN d.name", f"{LONG}!|MATCH (d) WHERE d.x RETURN d.name"),
    ],
)
def test_another_lesson_stays(write: Write, query: Lookup, one: str, other: str) -> None:
    pairs = [tuple(text.split("|")) for text in (one, other)]
    path = write(rows(*pairs, language="toy"))  # type: ignore[arg-type]
    assert correct_file(path, language=query).removed["near"] == 0


def test_prose_is_compared_with_its_answer(write: Write) -> None:
    answer = "An index lets the engine find nodes by a property without looking at each of them"
    path = write(
        rows(
            ("What is an index for?", answer),
            ("What is an index for", answer + "."),
            ("What is an index for?!", "Nothing that a constraint does not do as well."),
        )
    )
    report = correct_file(path, options=CorrectOptions(contradictions="keep"))
    assert report.removed["near"] == 1
    assert len(list(read_examples(path))) == 2


def test_one_query_in_two_spellings_is_no_contradiction(write: Write, query: Lookup) -> None:
    pairs = [("Q", "RETURN 1"), ("Q", "return  1"), ("Q", "RETURN 1"), ("R", "return 1")]
    path = write(rows(*pairs, language="toy"))
    report = correct_file(path, path.parent / "out.jsonl", language=query)
    assert (report.removed["canonical"], report.removed["duplicate"]) == (1, 1)
    assert report.removed["contradiction"] == 0
    assert [r.instruction for r in read_examples(path.parent / "out.jsonl")] == ["Q", "R"]
    everywhere = CorrectOptions(canonical_duplicates="all")
    assert correct_file(path, path.parent / "o.jsonl", everywhere, language=query).rows_out == 1
    kept = CorrectOptions(canonical_duplicates="keep")
    report = correct_file(path, path.parent / "o.jsonl", kept, language=query)
    assert (report.removed["canonical"], report.removed["contradiction"]) == (0, 2)


def test_signatures_find_what_is_near_and_little_else() -> None:
    draw = random.Random(5)
    words = [f"{draw.choice('abcdefgh')}{n}x{n * 7 % 13}" for n in range(60)]
    originals = [" ".join(draw.choices(words, k=14)) for _ in range(400)]
    texts = originals + [text[:40] + text[41:] for text in originals]
    index = NearIndex()
    index.add(signatures(texts, [1] * len(texts)))

    def all_same(earlier: Sequence[int], later: Sequence[int]) -> Any:
        import numpy as np

        return np.ones(len(earlier), bool)

    found = index.removals(bytes(len(texts)), 0.7, all_same)
    right = sum(found.get(n + 400) == n for n in range(400))
    assert right >= 390
    assert len(found) - right <= 8


def test_a_split_keeps_canonical_and_near_rows_together(write: Write, query: Lookup) -> None:
    pairs = []
    for n in range(60):
        pairs.append((f"{LONG} of the year {n}?", f"MATCH (d {{y: {n}}}) RETURN d.name"))
        pairs.append((f"Films {n}, and who made them", f"match (d {{y: {n}}})  return d.name"))
    path = write(rows(*pairs, language="toy"))
    report = split_rows(
        path, path.parent / "out", SplitOptions(test=0.3, validation=0.2), language=query
    )
    assert report.leakage["canonical"] == report.leakage["near"] == {}
    assert report.groups == 60
    parted = split_rows(
        path, path.parent / "p", SplitOptions(by=("prompt",), test=0.3), language=query
    )
    assert parted.groups == 120


def test_unseen_families_stand_in_a_test_of_their_own(write: Write) -> None:
    made = [
        {"instruction": f"Q {n} of {n % 5}", "output": f"A{n}", "family": f"f{n % 5}"}
        for n in range(100)
    ]
    path = write(made)
    report = split_rows(path, path.parent / "out", SplitOptions(unseen_families=("f2",)))
    assert report.unseen_families == ("f2",)
    unseen = list(read_examples(path.parent / "out" / "test_unseen_families.jsonl"))
    assert {row.family for row in unseen} == {"f2"}
    assert len(unseen) == 20
    assert report.leakage["held-out family"] == {}


def test_copies_stand_in_training_alone_and_say_so(write: Write) -> None:
    sizes = {"large": 300, "small": 20}
    made = [
        {"instruction": f"Q {c} {n}", "output": f"A {c} {n}", "category": c}
        for c, size in sizes.items()
        for n in range(size)
    ]
    path = write(made)
    report = split_rows(path, path.parent / "out", SplitOptions(allow_copies=True))
    train = list(read_examples(path.parent / "out" / "train.jsonl"))
    copies = [row for row in train if "copy" in row.meta]
    assert report.copies == {"small": len(copies)}
    assert {row.category for row in copies} == {"small"}
    large = sum(row.category == "large" for row in train)
    small = sum(row.category == "small" for row in train)
    assert large / 3 <= small < large / 3 + 1
    assert len(train) - len(copies) == report.parts["train"].rows
    for part in ("validation", "test"):
        texts = {r.instruction for r in read_examples(path.parent / "out" / f"{part}.jsonl")}
        assert not texts & {row.instruction for row in copies}
