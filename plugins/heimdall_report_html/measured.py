"""What the answers files of a run say: causes of failure, rows that were not measured, and the
answers themselves, of every file on every test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.pipeline.steps.answers import AnsweredRow, read_answers
from heimdall_core.pipeline.steps.evaluate import skipped_reasons

Data = dict[str, Any]

#: Metrics whose value 0 or 1 says whether an answer is right, the most telling first.
_RIGHT = ("execution", "exact_match", "actions")


@frozen
class Measured:
    """The answers of one file on one test set."""

    artefact: str
    test_set: str
    rows: tuple[AnsweredRow, ...]

    @property
    def answered(self) -> list[AnsweredRow]:
        """The rows that a model was asked."""
        return [row for row in self.rows if row.answer is not None]

    def failures(self) -> dict[str, dict[str, int]]:
        """By metric that names causes: how often each is given, the most frequent first."""
        found: dict[str, Counter[str]] = {}
        for row in self.rows:
            for name, measurement in row.measurements.items():
                if measurement.weight > 0 and (cause := measurement.detail.get("failure")):
                    found.setdefault(name, Counter())[str(cause)] += 1
        return {name: dict(counter.most_common()) for name, counter in found.items()}

    def skipped(self) -> dict[str, dict[str, int]]:
        """By metric: the rows that it says nothing about, by reason."""
        names = dict.fromkeys(name for row in self.rows for name in row.measurements)
        found = {
            name: skipped_reasons(
                [row.measurements[name] for row in self.rows if name in row.measurements]
            )
            for name in names
        }
        return {name: reasons for name, reasons in found.items() if reasons}


def read_measured(
    folder: Path | None, metrics: Iterable[Mapping[str, Any]], headline: tuple[str, str] | None
) -> list[Measured]:
    """What lies in the evaluation's folder of what was measured; the headline's first, then by
    test set."""
    pairs = list(dict.fromkeys((m["artefact"], m["test_set"]) for m in metrics))
    sets = list(dict.fromkeys(test_set for _, test_set in pairs))
    first = [headline[1]] if headline else []
    sets.sort(key=lambda test_set: test_set not in first)
    found = []
    for artefact, test_set in sorted(pairs, key=lambda pair: sets.index(pair[1])):
        path = folder / f"answers-{artefact}-{test_set}.jsonl" if folder else None
        if path and path.is_file():
            found.append(Measured(artefact, test_set, tuple(read_answers(path))))
    return found


def summary_of(measured: Measured) -> Data:
    """Causes and skipped rows, as the report holds them for each file and test set."""
    answered = measured.answered
    return {
        "artefact": measured.artefact,
        "test_set": measured.test_set,
        "rows": len(measured.rows),
        "answers": len(answered),
        "right": sum(map(is_right, answered)),
        "failures": measured.failures(),
        "skipped": measured.skipped(),
    }


def is_right(row: AnsweredRow) -> bool:
    """Whether an answer is right by the first metric that can say so of this row."""
    for name in _RIGHT:
        measurement = row.measurements.get(name)
        if measurement is not None and measurement.weight > 0:
            return measurement.value == 1
    return (row.answer or "").strip() == row.expected.strip()


def listed(everything: Sequence[Measured], most: int) -> Data:
    """Answers for the list, at most `most` of each test set: wrong ones first, both drawn evenly
    over the set. Files that gave the same answer to a row share one entry."""
    head = everything[0].answered if everything else []
    sets = dict.fromkeys(each.test_set for each in everything)
    chosen = [
        entry
        for test_set in sets
        for entry in _chosen([m for m in everything if m.test_set == test_set], most)
    ]
    chosen.sort(key=lambda entry: entry["right"])
    return {
        "total": len(head),
        "right": sum(map(is_right, head)),
        "shown": len(chosen),
        "rows": chosen,
    }


def _chosen(of_set: Sequence[Measured], most: int) -> list[Data]:
    entries = list(_merged(of_set))
    wrong = [entry for entry in entries if not entry["right"]]
    right = [entry for entry in entries if entry["right"]]
    # At least a quarter for what went well, as far as there is so much of both.
    share = max(min(len(right), most // 4), most - len(wrong))
    found = _spread(wrong, most - min(share, most))
    return found + _spread(right, most - len(found))


def _merged(of_set: Sequence[Measured]) -> Iterator[Data]:
    """An entry for each answer to each row, in the order of the rows, with the files that gave
    it; its values are the first file's."""
    found: dict[tuple[int, str, str, bool], Data] = {}
    for measured in of_set:
        for number, row in enumerate(measured.rows):
            if row.answer is None:
                continue
            right = is_right(row)
            key = (number, row.answer, row.finish, right)
            if key in found:
                found[key]["artefacts"].append(measured.artefact)
            else:
                found[key] = _answer(row, right, measured)
    return iter([found[key] for key in sorted(found, key=lambda key: key[0])])


def _spread(rows: Sequence[Data], most: int) -> list[Data]:
    if len(rows) <= most:
        return list(rows)
    return [rows[i * len(rows) // most] for i in range(most)]


def _answer(row: AnsweredRow, right: bool, measured: Measured) -> Data:
    findings: list[Any] = []
    offset = 0
    causes = {}
    for name, measurement in row.measurements.items():
        detail = measurement.detail
        if detail.get("findings"):
            offset = detail.get("offset", 0)
            findings += [f for f in detail["findings"] if f not in findings]
        if detail.get("failure") and measurement.weight > 0:
            causes[name] = {"failure": detail["failure"], "why": detail.get("why", "")}
    return {
        "id": row.id,
        "test_set": measured.test_set,
        "artefacts": [measured.artefact],
        "right": right,
        "instruction": row.instruction,
        "input": row.input,
        "expected": row.expected,
        "answer": row.answer,
        "finish": row.finish,
        "category": row.category,
        "difficulty": row.difficulty,
        "schema": row.schema,
        "language": row.language,
        "findings": findings,
        "offset": offset,
        "causes": causes,
        "values": {
            name: m.value if m.value == m.value and abs(m.value) != float("inf") else None
            for name, m in row.measurements.items()
            if m.weight > 0
        },
    }
