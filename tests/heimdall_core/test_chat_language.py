"""What `heimdall chat` checks answers by: named, or the model's own, or the only one there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import toy_plugins
from click.testing import CliRunner

from heimdall_core import Example, Language, Normalised, Registry, hookimpl
from heimdall_core.cli.chat import chat, language_of
from heimdall_core.dataset import write_examples
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.release import model_card, model_metadata
from heimdall_core.pipeline.steps.train import languages_of

SILENT: Any = SimpleNamespace()


def registry(*names: str) -> Registry:
    @hookimpl
    def heimdall_languages() -> Iterator[Language]:
        for name in names:
            yield Language(
                name,
                "made for a test",
                ("plain",),
                lambda text, request: (),
                lambda text: Normalised(text, text),
                str,
                lambda text: text,
            )

    own = SimpleNamespace(heimdall_languages=heimdall_languages)
    return Registry(discover=False, plugins=[("own", own)])


def spoken(plugins: Registry, named: str | None, path: Path, loaded: Any = SILENT) -> str | None:
    found = language_of(plugins, named, path, loaded)
    return found.name if found else None


def test_the_language_that_is_named_is_taken(tmp_path: Path) -> None:
    stated = SimpleNamespace(languages=("sql",))
    assert spoken(registry("gql", "sql"), "gql", tmp_path, stated) == "gql"
    with pytest.raises(HeimdallError, match="unknown language 'sqll'; did you mean 'sql'"):
        spoken(registry("gql", "sql"), "sqll", tmp_path)


def test_the_model_says_what_it_was_trained_on(tmp_path: Path) -> None:
    stated = SimpleNamespace(languages=("oql", "sql"))
    assert spoken(registry("gql", "sql"), None, tmp_path, stated) == "sql"
    (tmp_path / "training.json").write_text(json.dumps({"languages": ["gql"]}))
    assert spoken(registry("gql", "sql"), None, tmp_path) == "gql"


def test_the_only_language_there_is_is_taken(tmp_path: Path) -> None:
    assert spoken(registry("gql"), None, tmp_path) == "gql"
    assert spoken(registry(), None, tmp_path) is None


def test_where_it_cannot_be_known_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(HeimdallError) as asked:
        spoken(registry("gql", "sql"), None, tmp_path)
    assert str(asked.value) == (
        "--language: several languages are installed, and the model does not say; "
        "name the one to check answers by. Available: gql, sql"
    )
    (tmp_path / "training.json").write_text(json.dumps({"languages": ["oql"]}))
    with pytest.raises(HeimdallError, match="it was trained on oql"):
        spoken(registry("gql", "sql"), None, tmp_path)


@pytest.mark.parametrize("found", ["[]", '{"languages": "gql"}', '{"languages": [3]}', "{"])
def test_a_broken_note_says_nothing(tmp_path: Path, found: str) -> None:
    (tmp_path / "training.json").write_text(found)
    assert spoken(registry("gql"), None, tmp_path) == "gql"


def test_a_training_notes_the_languages_of_its_rows(tmp_path: Path) -> None:
    rows = [Example("a", output="b", language=name) for name in ("gql", "sql", "", "sql", "")]
    write_examples(tmp_path / "rows.jsonl", rows)
    assert languages_of(tmp_path / "rows.jsonl") == ["sql", "gql"]
    (tmp_path / "training.json").write_text(json.dumps({"languages": ["sql", "gql"]}))
    metadata = model_metadata(tmp_path)
    assert metadata["languages"] == ["sql", "gql"]
    card = model_card((), tmp_path, metadata)
    assert 'tags: ["sql", "gql", "nornicdb", "heimdall", "gguf"]' in card
    assert "cypher" not in card


@pytest.mark.parametrize(
    ("question", "said"),
    [("fetch item number 3", "valid toy"), ("hello", "error Bad: must start with FETCH")],
)
def test_answers_are_checked_without_naming_a_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str, said: str
) -> None:
    toy = Registry(discover=False, plugins=[("toy", toy_plugins)])
    monkeypatch.setattr("heimdall_core.cli.chat.registry", lambda: toy)
    (tmp_path / "table.json").write_text("[0.1, 1, {}]")
    done = CliRunner().invoke(chat, [str(tmp_path), "--prompt", question])
    assert done.exit_code == 0, done.output
    assert said in done.output
