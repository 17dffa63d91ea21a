"""The report: its data, its three forms, and what they must never let out."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from heimdall_core import HeimdallError, Registry
from heimdall_core.cli.main import cli
from heimdall_core.testing import PluginContract
from heimdall_report_html.card import model_card
from heimdall_report_html.charts import bars, curves, histogram
from heimdall_report_html.collect import collect
from heimdall_report_html.highlight import MOST, highlighted, marks_of
from heimdall_report_html.page import page
from heimdall_report_html.parts import change, figure
from heimdall_report_html.standing import verdicts


class TestContract(PluginContract):
    plugin = "heimdall_report_html.plugin"
    role = "command"


@pytest.fixture(scope="module")
def data(report_registry: Registry, finished_run: Path) -> dict:
    return collect(report_registry, finished_run)


@pytest.fixture(scope="module")
def html(data: dict) -> str:
    return page(data)


class Reader(HTMLParser):
    """Tags with their attributes, and whether they are closed in order."""

    VOID = frozenset({"meta", "link", "input", "br", "img"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


# --- the data ------------------------------------------------------------------------------------


def test_the_data_say_what_the_run_came_to(data):
    assert data["headline"] == {"artefact": "Q4_K_M", "test_set": "test"}
    exact = data["metrics"]["exact_match"]
    assert exact["n"] == 30
    assert (exact["target"], exact["reached"]) == (0.9, False)
    assert exact["low"] < exact["value"] < exact["high"]
    assert data["dataset"]["categories"].keys() == {"plain", "odd <b>one</b>"}
    assert data["dataset"]["lengths"]["rows"] == data["dataset"]["parts"]["train"]
    assert [h["loss"] for h in data["training"]["history"]] == [1.0, 0.5, 1 / 3, 0.25]
    assert set(data["groups"]) == {"category", "difficulty", "context size"}
    assert data["groups"]["context size"].keys() == {"small", "large"}
    assert len(data["latency"]["whole_ms"]) == 30
    causes = data["failures"]["execution"]
    assert set(causes) == {"unknown_name", "empty"}
    assert sum(causes.values()) == 30 - data["answers"]["right"]
    row = next(r for r in data["deltas"] if r["metric"] == "exact_match")
    assert [f["artefact"] for f in row["files"]] == ["F16", "Q8_0", "Q4_K_M"]
    assert row["files"][2]["verdict"] == "can't tell"
    assert row["files"][2]["delta"] == 0


def test_no_path_of_this_machine_gets_in(data, html, finished_run):
    for text in (json.dumps(data), html, model_card(data)):
        assert str(finished_run.parent) not in text


def test_wrong_answers_come_first_and_what_is_left_out_is_counted(report_registry, finished_run):
    found = collect(report_registry, finished_run, answers=8)["answers"]
    assert (found["shown"], found["total"]) == (8 + 8, 30)  # of each test set
    rows = [row["right"] for row in found["rows"] if row["test_set"] == "test"]
    assert rows == [False] * 6 + [True] * 2
    assert collect(report_registry, finished_run, answers=0)["answers"]["rows"] == []


def test_every_test_set_has_its_failures_and_answers(data, html, read):
    unseen = [each for each in data["sets"] if each["test_set"] == "test_unseen_schemas"]
    assert [each["artefact"] for each in unseen] == ["Q4_K_M", "Q8_0", "F16"]
    assert [(each["answers"], each["right"]) for each in unseen] == [(12, 0)] * 3
    assert unseen[0]["failures"]["execution"] == {"unknown_name": 8}
    rows = [row for row in data["answers"]["rows"] if row["test_set"] == "test_unseen_schemas"]
    assert len(rows) == 12  # what all files answered is listed once
    assert all(row["artefacts"] == ["Q4_K_M", "Q8_0", "F16"] for row in rows)
    assert html.count('data-set="test_unseen_schemas" data-file="Q4_K_M|Q8_0|F16"') == 12
    words = " ".join(read.words)
    assert "Why answers are wrong, on test_unseen_schemas" in words
    card = model_card(data)
    assert "## Why answers are wrong, on test\\_unseen\\_schemas" in card
    assert "| execution | unknown name | 8 | 8 | 8 |" in card


def test_rows_that_were_not_measured_are_counted_with_their_reason(data, read):
    metric = data["metrics"]["execution/unseen_schemas"]
    assert (metric["n"], metric["rows"]) == (8, 12)
    assert metric["skipped"] == {"the reference writes, and the option 'writes' is off": 4}
    words = " ".join(read.words)
    assert "8 of 12" in words
    assert "Rows that were not measured, on test_unseen_schemas" in words
    card = model_card(data)
    assert "| the reference writes, and the option 'writes' is off | 4 | 4 | 4 |" in card
    assert "| 8 of 12 |" in card


def test_reached_targets_do_not_hide_another_test_set(data, html):
    gate, other = data["targets"]
    assert (gate["test_set"], gate["gate"]) == ("test", True)
    assert (other["test_set"], other["gate"]) == ("test_unseen_schemas", False)
    assert other["missed"][0] == "exact_match"
    told = {
        **data,
        "targets": [{**gate, "missed": []}, {**other, "missed": ["exact_match"]}],
    }
    assert verdicts(told) == [
        ("all 3 targets reached on test", "good"),
        ("test_unseen_schemas would miss 1 of 3: exact_match 0.000 (no gate)", "warn"),
    ]
    assert "targets missed on test<" in html
    assert "test_unseen_schemas would miss" in html
    assert "test\\_unseen\\_schemas would miss" in model_card(data)


def test_a_unit_belongs_to_the_metric_wherever_it_is_shown(html, data):
    assert figure(12.0, "latency/unseen@Q8_0") == "12 ms"
    assert change(-3.0, "latency@Q8_0") == "-3 ms"
    value = data["metrics"]["latency@F16"]["value"]
    assert figure(value, "latency") in html
    assert f"| latency | F16 | test | {figure(value, 'latency')} |" in model_card(data)


def test_a_stronger_colour_is_better_also_where_less_is(data, html):
    def group(value):
        return {"value": value, "low": value, "high": value, "n": 9}

    groups = {"a": {"latency": group(10.0)}, "b": {"latency": group(90.0)}}
    found = re.findall(r"--v:([\d.]+)", page({**data, "groups": {"category": groups}}))
    better, worse = map(float, found[:2])
    assert better > 0.9
    assert worse < 0.2
    assert "The stronger the better" in html


# --- the page ------------------------------------------------------------------------------------


def test_the_page_holds_everything_and_asks_nobody(read, html):
    kinds = [tag for tag, _ in read.tags]
    assert kinds.count("script") == 1
    assert kinds.count("style") == 1
    assert "img" not in kinds
    for tag, found in read.tags:
        for name in ("src", "href", "xlink:href", "action"):
            value = found.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, value)
        assert not any(name.startswith("on") for name in found), (tag, found)
    assert "@import" not in html
    assert not re.search(r"url\((?!['\"]?#)", html)
    ids = [found["id"] for _, found in read.tags if found.get("id")]
    assert len(ids) == len(set(ids))
    policy = next(f["content"] for t, f in read.tags if f.get("http-equiv"))
    assert "default-src 'none'" in policy


def test_rows_are_shown_as_text(read):
    words = " ".join(read.words)
    assert "<script>window.hacked = 1</script>" in words
    assert "odd <b>one</b>" in words
    assert {tag for tag, _ in read.tags}.isdisjoint({"b", "i", "img"})


def test_every_part_is_there(read, html, data):
    words = " ".join(read.words)
    missed = [m["reached"] for m in data["metrics"].values()].count(False)
    assert missed
    sections = [found["id"] for tag, found in read.tags if tag == "section"]
    assert sections == [
        "results", "groups", "files", "data", "training", "failures", "answers", "run",
    ]  # fmt: skip
    titles = {found.get("aria-label") for tag, found in read.tags if tag == "svg"}
    assert titles == {
        "Latency of single answers",
        "Training rows by category",
        "Lengths of training rows",
        "Loss over steps",
        "Causes by execution, Q4_K_M on test",
        "Causes by execution, Q4_K_M on test_unseen_schemas",
    }
    assert f"{missed} of 3 targets missed on test" in words
    assert html.count('class="answer ') == 42
    marks = re.findall(r'<mark class="error" title="UnknownProperty[^"]*">(.*?)</mark>', html)
    assert marks
    assert {re.sub("<.*?>", "", mark) for mark in marks} == {"years"}


def test_a_run_that_was_not_evaluated_has_a_page_too(report_registry, finished_run, tmp_path):
    manifest = json.loads((finished_run / "manifest.json").read_text(encoding="utf-8"))
    manifest["stages"] = [s for s in manifest["stages"] if s["stage"] in ("generate", "split")]
    manifest["metrics"] = {}
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "recipe.toml").touch()
    (tmp_path / "half" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    text = page(collect(report_registry, tmp_path / "half"))
    assert "has not been evaluated" in text


def test_a_stage_folder_that_leads_away_is_refused(report_registry, finished_run, tmp_path):
    manifest = json.loads((finished_run / "manifest.json").read_text(encoding="utf-8"))
    for stage in manifest["stages"]:
        stage["folder"] = "../../elsewhere"
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "recipe.toml").touch()
    (tmp_path / "bad" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(HeimdallError, match="leads out of the run's folder"):
        collect(report_registry, tmp_path / "bad")


# --- the card ------------------------------------------------------------------------------------


def test_the_card_says_the_same(data):
    card = model_card(data)
    assert card.startswith('---\nlicense: "MIT"\n')
    value = f"{data['metrics']['exact_match']['value']:.3f}"
    assert f"| exact\\_match | Q4\\_K\\_M | test | {value} |" in card
    assert "## What quantisation costs" in card
    assert "unknown name" in card
    assert "<script>" not in card.replace("\\<script\\>", "")


# --- its pieces ----------------------------------------------------------------------------------


def test_queries_are_coloured_and_nothing_is_lost():
    query = "MATCH (p:Person)\nWHERE p.name = '<Ada & co>' RETURN p // done"
    html = highlighted(query, "cypher")
    assert '<span class="k">MATCH</span>' in html
    reader = Reader()
    reader.feed(html)
    assert "".join(reader.words) == query
    long = highlighted("x" * (MOST + 5), "")
    assert "5 more characters" in long


@pytest.mark.parametrize(
    ("finding", "marked"),
    [
        ({"line": 1, "column": 7}, "("),
        ({"line": 2, "column": 7}, "p"),
        ({"line": 2, "column": 9, "end_line": 2, "end_column": 13}, "name"),
        ({"line": 1, "column": 8, "end_line": 2, "end_column": 6}, "p)\nWHERE"),
        ({"line": 2, "column": 99}, "e"),
        ({"line": 9, "column": 1}, "e"),
    ],
)
def test_findings_are_marked_at_their_place(finding, marked):
    before = "It is: "
    text = before + "MATCH (p)\nWHERE p.name"
    [mark] = marks_of(text, [{**finding, "code": "C", "message": "m"}], len(before))
    assert text[mark.start : mark.end] == marked
    html = highlighted(text, "cypher", [mark])
    assert re.sub("<.*?>", "", re.findall("<mark.*?>(.*?)</mark>", html, re.DOTALL)[0]) == marked


def test_plots_show_their_values():
    svg = curves("A & b", {"loss": [(0, 3.0), (10, 1.0)]}, x="step", y="loss")
    assert svg.startswith("<svg viewBox=")
    assert 'aria-label="A &amp; b"' in svg
    assert "var(--c1)" in svg
    assert "#03" not in svg
    counts = {f"category {n}": n for n in range(40)}
    svg = bars("many", counts, x="rows", most=10)
    assert svg.count(">category ") == 9
    assert "31 others" in svg
    assert histogram("none", {"a": []}, x="ms").startswith("<svg")
    assert bars("math", {"$x$ & <y>": 1}, x="rows").count("$x$ &amp; &lt;y&gt;") >= 1


# --- the command ---------------------------------------------------------------------------------


def call(*arguments):
    return CliRunner().invoke(cli, ["report", *map(str, arguments)])


def test_the_command_writes_and_prints(finished_run, tmp_path):
    runs, name = finished_run.parent, finished_run.name
    output = tmp_path / "page.html"
    done = call(finished_run, "--output", output)
    assert done.exit_code == 0, done.output
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")
    done = call(name, "--runs", runs, "--json")
    assert json.loads(done.stdout)["name"] == "people"
    done = call(name, "--runs", runs, "--markdown", "--output", tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8").startswith("---\n")
    assert not (finished_run / "report.html").exists()
    assert "goes with neither" in str(call(finished_run, "--json", "--markdown").exception)
    assert "did you mean 'people'" in str(call("peple", "--runs", runs).exception)
    assert "is no run's folder" in str(call(tmp_path / "nowhere").exception)
