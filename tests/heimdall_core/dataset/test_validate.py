"""What validation finds, and that its lines say what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from heimdall_core.dataset.checks import is_placeholder
from heimdall_core.dataset.report import Contradiction
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import DatasetError
from heimdall_core.types import Language

Write = Callable[..., Path]
Lookup = Callable[[str], Language | None]
OPTIONS = ValidateOptions()


def row(n: int, **more: Any) -> dict[str, Any]:
    return {"instruction": f"Question {n}", "output": f"RETURN {n}", "category": "a", **more}


def test_a_clean_file_reads_as_the_guide_promises(write: Write) -> None:
    report = validate_file(write([row(n, category="ab"[n % 2]) for n in range(10)]))
    assert report.lines(OPTIONS) == [
        "✓ Format: 100% valid",
        "✓ Duplicates: <5% (0 of 10 rows)",
        "✓ Categories: Balanced (1:1 over 2 categories; 3:1 allowed)",
        "✓ Contradictions: none in 10 prompts",
        "✓ Placeholders: none",
        "✓ Near duplicates: none",
        "✓ Personal data and secrets: none found",
    ]
    assert report.ok(OPTIONS)


def test_the_report_shows_what_is_wrong_with_the_predecessors_dataset(predecessor: Path) -> None:
    report = validate_file(predecessor)
    assert (report.rows, report.prompts, report.duplicates) == (750, 151, 0)
    assert (report.contradictions, report.contradictory_rows) == (27, 626)
    assert [(c.rows, c.answers) for c in report.worst_contradictions[:3]] == [
        (104, 104),
        (101, 101),
        (101, 101),
    ]
    assert report.category_ratio == 141
    assert list(report.categories.items())[::17] == [("topic_00", 141), ("topic_17", 1)]
    assert report.licences == {"": 750}
    assert report.lines(OPTIONS) == [
        "✓ Format: 100% valid",
        "✓ Duplicates: <5% (0 of 750 rows)",
        "✗ Categories: Imbalanced 141:1 (largest 'topic_00' 141 rows, smallest 'topic_17' 1; "
        "3:1 allowed)",
        "✗ Contradictions: 27 prompts have different answers (626 of 750 rows; 151 prompts in all)",
        "✓ Placeholders: none",
        "✓ Near duplicates: none",
        "✓ Personal data and secrets: none found",
    ]
    assert len(report.failures(OPTIONS)) == 2


def test_bad_lines_are_all_counted_and_the_first_are_shown(write: Write) -> None:
    path = write([b"{", row(1), b"{", b"[]", row(2, output="ends <|im_end|> early"), row(3)])
    report = validate_file(path, ValidateOptions(examples=2))
    assert (report.rows, report.bad, report.lines_read) == (2, 4, 6)
    assert [line.split(": ")[0] for line in report.bad_lines] == [f"{path}:1", f"{path}:3"]
    assert report.lines(OPTIONS)[0] == "✗ Format: 33.3% valid (4 of 6 lines are no rows)"
    assert report.ok(ValidateOptions(max_bad_share=0.7))


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("output", "a <|im_end|> b", "<|im_end|>"),
        ("instruction", "a <|endoftext|> b", "<|endoftext|>"),
        ("system", "<|im_start|>", "<|im_start|>"),
        ("input", "nul \0 here", "NUL"),
    ],
)
def test_a_row_that_cannot_be_rendered_is_a_bad_line(
    write: Write, field: str, text: str, reason: str
) -> None:
    report = validate_file(write([row(1, **{field: text})]))
    assert report.bad == 1
    assert reason in report.bad_lines[0]


def test_one_bad_line_in_a_hundred_thousand_is_not_called_100_percent(write: Write) -> None:
    report = attrs.evolve(validate_file(write([row(1)])), rows=99_999, bad=1)
    assert report.lines(OPTIONS)[0] == "✗ Format: 99.9% valid (1 of 100,000 lines are no rows)"


def test_duplicates_are_rows_that_the_model_sees_alike(write: Write) -> None:
    twice = row(1, input="left\nright")
    report = validate_file(
        write(
            [
                twice,
                {**twice, "category": "b", "id": "other"},  # other fields do not count
                {**twice, "instruction": "Question 1\nleft", "input": "right"},  # rendered alike
                {**twice, "output": " RETURN 1\n"},
                {**twice, "instruction": "question 1"},  # another prompt
                row(2, instruction="Caf\u00e9?"),
                row(2, instruction="Cafe\u0301?"),  # the same in NFC
            ]
        )
    )
    assert report.duplicates == 4
    assert report.contradictions == 0
    assert report.prompts == 3
    assert report.lines(OPTIONS)[1] == "✗ Duplicates: 57.1% (4 of 7 rows; 5% allowed)"
    assert report.lines(ValidateOptions(max_duplicate_share=0.9))[1].startswith(
        "✓ Duplicates: <90%"
    )


def test_a_share_that_is_just_allowed_is_allowed(write: Write) -> None:
    path = write([row(n) for n in range(19)] + [row(0)])
    report = validate_file(path)
    assert report.duplicate_share == 0.05
    assert report.lines(OPTIONS)[1] == "✓ Duplicates: 5.0% (1 of 20 rows; 5% allowed)"
    assert report.failures(ValidateOptions(max_duplicate_share=0.049))


def test_contradictions_are_told_with_line_and_prompt(write: Write) -> None:
    long = "Which of the many people that live in the small town by the sea know each other well?"
    report = validate_file(
        write(
            [
                row(1),
                row(2, instruction=long),
                row(1, output="RETURN 'else'"),
                row(2, instruction=long, output="RETURN 'b'"),
                row(2, instruction=long, output="RETURN 'c'"),
                row(2, instruction=long, output="RETURN 'c'"),
                row(1, system="You are somebody else"),  # another prompt
            ]
        )
    )
    assert report.contradictions == 2
    assert report.contradictory_rows == 6
    assert report.duplicates == 1
    assert report.worst_contradictions == (
        Contradiction(2, 4, 3, long[:79] + "…"),
        Contradiction(1, 2, 2, "Question 1"),
    )
    assert report.ok(ValidateOptions(max_contradictions=2, max_duplicate_share=1))
    assert not report.ok(ValidateOptions(max_contradictions=1, max_duplicate_share=1))


@pytest.mark.parametrize(
    "answer",
    [
        "TODO",
        "todo",
        "...",
        "…",
        "-",
        "<answer>",
        "[TODO]",
        "TODO: write the query",
        "N/A",
        "nan",
        "Lorem ipsum dolor",
        "xxx",
        "<your query here>",
        "insert answer here",
        "// TODO",
        "?",
    ],
)
def test_placeholders(answer: str) -> None:
    assert is_placeholder(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "RETURN 1",
        "null",
        "[]",
        "{}",
        "MATCH (t:TODO) RETURN t",
        "Todos are nodes.",
        "The database lives here",
        "0",
        "The answer is 4",
        "none",
        "No",
        "MATCH (n) RETURN n // TODO",
    ],
)
def test_short_answers_are_no_placeholders(answer: str) -> None:
    assert not is_placeholder(answer)


def test_placeholders_are_counted_and_shown(write: Write) -> None:
    path = write([row(1), row(2, output="TODO"), row(3, output="...")])
    report = validate_file(path)
    assert report.placeholders == 2
    assert report.placeholder_lines == (f"{path}:2: TODO", f"{path}:3: ...")
    assert report.lines(OPTIONS)[4] == "✗ Placeholders: 2 of 3 answers"


def test_ids_shared_by_different_rows_are_counted(write: Write) -> None:
    report = validate_file(
        write([row(1, id="x"), row(2, id="x"), row(1, id="x"), row(3, id="y"), row(4)])
    )
    assert report.shared_ids == 1
    assert report.lines(OPTIONS)[-1] == "– Ids: 1 rows share theirs with a different row"


def test_answers_are_checked_by_their_language_with_their_schema(write: Write, toy: Lookup) -> None:
    rows = [
        row(1, language="toy", output="MATCH (c:City) SLOW"),
        row(2, language="toy", output="WRONG"),
        row(3, language="toy", output="City WRONG", schema="places"),
        row(4, language="toy", output="Person SLOW", schema="places"),
        row(5, language="toy", output="Person", schema="people"),
        row(6, language="sparql", output="WRONG"),
        row(7, output="WRONG"),
    ]
    path = write(rows)
    report = validate_file(path, language=toy, schemas={"places": {"labels": ["City"]}})
    assert (report.checked, report.invalid) == (5, 3)
    assert report.missing_languages == {"sparql": 1}
    assert report.without_schema == 1
    assert [(f.code, f.kind, f.severity, f.count) for f in report.findings] == [
        ("T001", "syntax", "error", 2),
        ("T003", "performance", "warning", 2),
        ("T002", "schema", "error", 1),
    ]
    assert report.findings[0].example == f"{path}:2: 'WRONG' says that it is wrong"
    assert "✗ Language: 40% of 5 checked answers are valid" in report.lines(OPTIONS)
    assert "– Language: 1 answers in 'sparql', which is not installed" in report.lines(OPTIONS)
    assert "– Schemas: 1 rows name one that was not given" in report.lines(OPTIONS)
    assert report.ok(ValidateOptions(max_invalid_share=0.6))


def test_rows_without_a_language_are_checked_with_the_default(write: Write, toy: Lookup) -> None:
    path = write([row(1, output="WRONG"), row(2)])
    assert validate_file(path, language=toy).checked == 0
    assert validate_file(path, ValidateOptions(language="toy"), language=toy).invalid == 1
    off = ValidateOptions(language="toy", check_language=False)
    assert validate_file(path, off, language=toy).checked == 0


def test_answers_are_checked_in_the_dialect_that_is_asked_for(write: Write, toy: Lookup) -> None:
    path = write([row(1, output="FANCY", language="toy")])
    assert validate_file(path, language=toy).invalid == 1
    assert validate_file(path, ValidateOptions(dialect="fancy"), language=toy).invalid == 0


def test_an_unknown_dialect_is_refused_with_a_suggestion(write: Write, toy: Lookup) -> None:
    options = ValidateOptions(language="toy", dialect="fncy")
    with pytest.raises(DatasetError, match="no dialect 'fncy'; did you mean 'fancy'"):
        validate_file(write([row(1)]), options, language=toy)


def test_a_language_that_fails_is_told_with_the_line(write: Write) -> None:
    def check(query: str, request: object) -> list[Any]:
        raise DatasetError("too deep")

    language = Language("toy", "", ("plain",), check, str, str, str)  # type: ignore[arg-type]
    path = write([row(1), row(2, language="toy")])
    with pytest.raises(DatasetError, match=r"data\.jsonl:2: checking the answer failed: too deep"):
        validate_file(path, language=lambda name: language)


def test_an_empty_file_is_reported_and_fails(write: Write) -> None:
    report = validate_file(write([]))
    assert report.lines(OPTIONS)[:3] == [
        "✗ Format: the file holds no rows",
        "✓ Duplicates: <5% (0 of 0 rows)",
        "– Categories: none",
    ]
    assert report.ok(ValidateOptions(min_rows=0))
    assert report.category_ratio == 1


def test_too_few_rows_fail(write: Write) -> None:
    report = validate_file(write([row(1)]))
    assert report.failures(ValidateOptions(min_rows=2)) == ["Format: 100% valid; 1 rows, 2 wanted"]


def test_one_category_has_no_balance_to_judge(write: Write) -> None:
    report = validate_file(write([row(1), row(2)]))
    assert "– Categories: all rows are 'a'" in report.lines(OPTIONS)
    assert report.ok(OPTIONS)


def test_a_ratio_that_is_just_allowed_is_balanced(write: Write) -> None:
    report = validate_file(write([row(n, category="b" if n else "a") for n in range(4)]))
    assert report.lines(OPTIONS)[2] == "✓ Categories: Balanced (3:1 over 2 categories; 3:1 allowed)"


def test_balance_is_not_judged_without_a_limit(write: Write) -> None:
    path = write([row(n, category="b" if n else "a") for n in range(9)])
    report = validate_file(path)
    options = ValidateOptions(max_category_ratio=None)
    assert report.ok(options)
    assert report.lines(options)[2].startswith("– Categories: 8:1 (largest 'b' 8 rows")
    assert not report.ok(ValidateOptions(max_category_ratio=7.9))


@pytest.mark.parametrize("name", ["missing.jsonl", "folder"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatasetError, match="cannot be read"):
        validate_file(tmp_path / name)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_bad_share", -0.1),
        ("max_bad_share", 1.1),
        ("max_duplicate_share", float("nan")),
        ("max_contradictions", -1),
        ("max_category_ratio", 0.5),
        ("min_rows", -1),
        ("examples", -1),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"'{option}' must be"):
        ValidateOptions(**{option: value})


def test_the_report_is_plain_json(predecessor: Path, toy: Lookup) -> None:
    report = validate_file(predecessor, ValidateOptions(language="toy"), language=toy)
    data = json.loads(json.dumps(report.to_json()))
    assert data["category_ratio"] == 141
    assert data["worst_contradictions"][0]["answers"] == 104
