"""The list of answers: searchable, with each query coloured and its findings at their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heimdall_report_html.highlight import MOST, highlighted, marks_of
from heimdall_report_html.parts import badge, figure, text

Data = Mapping[str, Any]


def answers_section(answers: Data, sets: Sequence[Data]) -> str:
    """The section; '' where there are no answers. `sets` counts them, by file and test set."""
    rows = answers["rows"]
    if not rows:
        return ""
    several = len(sets) > 1
    notes = [_right_on(name, [s for s in sets if s["test_set"] == name]) for name in _sets(sets)]
    same = " Files that gave the same answer share an entry." if several else ""
    notes.append(f"{answers['shown']:,} are listed, wrong ones first.{same}")
    causes = _causes(row for row in rows)
    controls = (
        '<div class="bar"><input id="search" type="search" aria-label="Search" '
        'placeholder="Search questions and answers">'
        + _choice("set", "all test sets", [each["test_set"] for each in sets])
        + _choice("file", "all files", [each["artefact"] for each in sets])
        + _select("verdict", "right and wrong", [("wrong", "wrong"), ("right", "right")])
        + _select("category", "all categories", _pairs(row["category"] for row in rows))
        + _select("cause", "all causes", _pairs(causes))
        + '<button id="open" type="button">Open or close</button>'
        '<span id="count" class="note" aria-live="polite"></span></div>'
    )
    items = "".join(_item(row, several=several) for row in rows)
    return (
        f'<p class="note">{"<br>".join(map(text, notes))}</p>{controls}'
        f'<div id="answer-list">{items}</div>'
        '<p id="nothing" class="empty" hidden>Nothing fits.</p>'
    )


def _sets(sets: Iterable[Data]) -> list[str]:
    return list(dict.fromkeys(each["test_set"] for each in sets))


def _right_on(test_set: str, files: Sequence[Data]) -> str:
    counts = (f"{f['artefact']} {f['right']:,} of {f['answers']:,}" for f in files)
    return f"Right on {test_set}: {', '.join(counts)}."


def _causes(rows: Iterable[Data]) -> list[str]:
    return [_cause(row) for row in rows]


def _cause(row: Data) -> str:
    """The first cause that a metric gives; '' for a right answer."""
    if row["right"]:
        return ""
    return next((str(each["failure"]) for each in row["causes"].values()), "")


def _pairs(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value.replace("_", " ")) for value in sorted({v for v in values if v})]


def _select(name: str, every: str, choices: list[tuple[str, str]]) -> str:
    options = "".join(f'<option value="{text(v)}">{text(words)}</option>' for v, words in choices)
    return (
        f'<select id="{name}" aria-label="{text(every)}"><option value="">{text(every)}</option>'
        f"{options}</select>"
    )


def _choice(name: str, every: str, values: Iterable[str]) -> str:
    """A select in the order of `values`; one that has nothing to choose is there and hidden."""
    found = list(dict.fromkeys(values))
    select = _select(name, every, [(value, value) for value in found])
    return select if len(found) > 1 else select.replace("<select", "<select hidden", 1)


def _item(row: Data, *, several: bool) -> str:
    verdict = "right" if row["right"] else "wrong"
    cause = _cause(row)
    tags = badge(row["category"]) if row["category"] else ""
    if cause:
        tags += badge(cause.replace("_", " "), "bad")
    elif not row["right"]:
        tags += badge("wrong", "bad")
    question = row["instruction"][:MOST]
    more = [
        f'<div><div class="label">Input</div><pre>{text(row["input"][:MOST])}</pre></div>'
    ] * bool(row["input"])
    if row["right"] and row["answer"] == row["expected"]:
        more.append(_block("Answer, as expected", row["expected"], row["language"]))
    else:
        more.append(_block("Expected", row["expected"], row["language"]))
        more.append(_given(row))
    more.append(_values(row, several=several))
    return (
        f'<details class="answer {verdict}" data-verdict="{verdict}" '
        f'data-set="{text(row["test_set"])}" data-file="{text("|".join(row["artefacts"]))}" '
        f'data-category="{text(row["category"])}" data-cause="{text(cause)}">'
        f'<summary><span class="dot" title="{verdict}"></span>'
        f'<span class="q">{text(question)}</span><span class="tags">{tags}</span></summary>'
        f'<div class="more">{"".join(more)}</div></details>'
    )


def _block(label: str, content: str, language: str) -> str:
    return (
        f'<div><div class="label">{text(label)}</div>'
        f"<pre>{highlighted(content, language)}</pre></div>"
    )


def _given(row: Data) -> str:
    answer = row["answer"] or ""
    if not answer.strip():
        return '<div><div class="label">Answer</div><pre class="empty">(empty)</pre></div>'
    marks = marks_of(answer, row["findings"], row["offset"])
    label = "Answer" + ("" if row["finish"] == "stop" else f", cut off ({row['finish']})")
    html = highlighted(answer, row["language"], marks)
    return f'<div><div class="label">{text(label)}</div><pre>{html}</pre>{_findings(row)}</div>'


def _findings(row: Data) -> str:
    lines = [
        f"<li><code>{text(f['code'])}</code> {f['line']}:{f['column']} {text(f['message'])}</li>"
        for f in row["findings"][:20]
    ]
    lines += [
        f"<li>{text(name)}: {text(each['failure'].replace('_', ' '))}"
        + (f" ({text(each['why'])})" if each["why"] else "")
        + "</li>"
        for name, each in row["causes"].items()
    ]
    return f'<ul class="findings">{"".join(lines)}</ul>' if lines else ""


def _values(row: Data, *, several: bool) -> str:
    of = f"{row['test_set']}, answered so by {', '.join(row['artefacts'])}"
    if len(row["artefacts"]) > 1:
        of += f"; values of {row['artefacts'][0]}"
    values = " · ".join(
        f"{text(name)} {figure(value, name)}" for name, value in row["values"].items()
    )
    where = " · ".join(
        text(f"{name} {row[key]}")
        for name, key in (("schema", "schema"), ("difficulty", "difficulty"), ("row", "id"))
        if row[key]
    )
    first = f"{text(of)}<br>" if several else ""
    return f'<div class="note">{first}{values}<br>{where}</div>'
