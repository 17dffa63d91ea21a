"""The file goes where NornicDB looks, and the settings are those that it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from heimdall_core.cli.main import cli
from heimdall_core.errors import FindingsError, HeimdallError, ModelError
from heimdall_export_nornicdb import deploy as deploying
from heimdall_export_nornicdb.config_file import edit_config
from heimdall_export_nornicdb.deploy import check_model, deploy, safe_stem
from heimdall_export_nornicdb.settings import Sizes, choose_sizes

YAML_TEXT = """\
# NornicDB of the lab
server:
  port: 7474   # HTTP

# the assistant
heimdall:
  model_path: plugins/heimdall/models/heimdall-q4.gguf  # from an old guide
  context_size: 2048
  threads: 8
  batch_size: 512  # too small
  enabled: false
  model: "qwen2.5-0.5b-instruct"
list:
- a
- 'b'
"""

SIZES = Sizes(context=8192, batch=4096, prompt=3012, answer=1024)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "nornicdb"
    folder.mkdir()
    (folder / "nornicdb.yaml").write_text(YAML_TEXT, "utf-8")
    return folder


def test_file_and_settings_are_put_in_place(taught_gguf, place):
    done = deploy(taught_gguf, place, SIZES, name="heimdall-q4", config=place / "nornicdb.yaml")
    assert done.model == place / "models" / "heimdall-q4.gguf"
    assert done.model.read_bytes() == taught_gguf.read_bytes()
    text = (place / "nornicdb.yaml").read_text("utf-8")
    data = YAML(typ="safe").load(text)
    assert data["heimdall"] == {
        "model_path": "plugins/heimdall/models/heimdall-q4.gguf",
        "context_size": 8192,
        "threads": 8,
        "batch_size": 4096,
        "enabled": True,
        "model": "heimdall-q4",
        "temperature": 0.1,
    }
    # Everything else stands as it stood, comments and order with it.
    kept = [line for line in YAML_TEXT.splitlines() if "_size" not in line]
    for line in kept:
        if "enabled" not in line and "model:" not in line:
            assert line in text.splitlines()
    assert "# too small" in text
    assert text.index("context_size") < text.index("threads") < text.index("batch_size")
    assert done.edit is not None
    assert done.edit.backup is not None
    assert done.edit.backup.read_text("utf-8") == YAML_TEXT
    assert set(done.edit.ignored) == {"model_path", "threads"}
    assert done.environment == {
        "NORNICDB_HEIMDALL_ENABLED": "true",
        "NORNICDB_HEIMDALL_MODEL": "heimdall-q4",
        "NORNICDB_HEIMDALL_CONTEXT_SIZE": "8192",
        "NORNICDB_HEIMDALL_BATCH_SIZE": "4096",
        "NORNICDB_HEIMDALL_TEMPERATURE": "0.1",
    }


def test_a_second_edit_changes_nothing_but_makes_a_backup_of_its_own(place):
    path = place / "nornicdb.yaml"
    first = edit_config(path, {"enabled": True})
    text = path.read_text("utf-8")
    second = edit_config(path, {"enabled": True})
    assert path.read_text("utf-8") == text
    assert first.backup != second.backup
    assert len(list(place.glob("nornicdb_backup_*"))) == 2


@pytest.mark.parametrize("text", ["", "# only a comment\n", "a: 1\n", "heimdall:\n"])
def test_files_without_a_section_get_one(text, tmp_path):
    path = tmp_path / "n.yaml"
    path.write_text(text, "utf-8")
    edit_config(path, {"enabled": True, "context_size": 4096})
    data = YAML(typ="safe").load(path.read_text("utf-8"))
    assert data["heimdall"] == {"enabled": True, "context_size": 4096}
    assert ("# only a comment" in path.read_text("utf-8")) is ("comment" in text)


def test_a_file_that_is_not_there_is_made(tmp_path):
    edit = edit_config(tmp_path / "n.yaml", {"enabled": True})
    assert edit.backup is None
    assert (tmp_path / "n.yaml").read_text("utf-8") == "heimdall:\n  enabled: true\n"


@pytest.mark.parametrize(
    "text", ["a: [", "- 1\n- 2\n", "heimdall: 5\n", "\tx: 1\n", "a: 1\na: 2\n"]
)
def test_broken_files_are_refused_and_untouched(text, tmp_path, taught_gguf):
    path = tmp_path / "n.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(HeimdallError) as caught:
        deploy(taught_gguf, tmp_path, SIZES, config=path)
    assert "\n" not in str(caught.value)
    assert path.read_text("utf-8") == text
    assert [p.name for p in tmp_path.iterdir()] == ["n.yaml"]  # nothing was copied either


def test_the_guides_layout_is_made_beside_it(taught_gguf, place):
    done = deploy(taught_gguf, place, SIZES, name="x", guide_layout=True)
    assert done.copies == (place / "plugins" / "heimdall" / "models" / "x.gguf",)
    assert done.copies[0].samefile(done.model)


def test_a_full_disk_leaves_nothing(taught_gguf, place, monkeypatch):
    class Usage:
        free = 10

    monkeypatch.setattr(deploying.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(HeimdallError, match="MB are free"):
        deploy(taught_gguf, place, SIZES, config=place / "nornicdb.yaml")
    assert (place / "nornicdb.yaml").read_text("utf-8") == YAML_TEXT
    assert list((place / "models").iterdir()) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "e\u0301", "a\nb"])
def test_names_that_cannot_be_looked_up_are_refused(name):
    with pytest.raises(HeimdallError, match="no name for a model"):
        safe_stem(name)


def test_models_that_nornicdb_cannot_serve_are_refused(taught_model, tmp_path):
    import attrs

    from heimdall_core.types import ExportContext
    from heimdall_export_gguf import export as exporter
    from heimdall_export_gguf.write import write_float

    plan = exporter._plan(ExportContext(taught_model, tmp_path))
    types = list(plan.vocabulary.types)
    types[1] = 1
    for name, vocabulary, message in (
        ("a", attrs.evolve(plan.vocabulary, types=tuple(types)), "im_start|> is no control token"),
        ("b", attrs.evolve(plan.vocabulary, eos=0), "does not end this model's answers"),
    ):
        path = tmp_path / f"{name}.gguf"
        write_float(attrs.evolve(plan, vocabulary=vocabulary), path, "F16", lambda done: None)
        with pytest.raises(ModelError, match=message.replace("|", r"\|")):
            check_model(path)


def test_sizes_hold_system_message_question_and_answer():
    sizes = choose_sizes(300)
    assert (sizes.context, sizes.batch) == (4096, 4096)
    assert sizes.batch >= sizes.prompt == 2800
    assert choose_sizes(300, watcher=False, answer=128).context == 2048
    assert choose_sizes(4000, answer=2000).context == 8500
    short = choose_sizes(300, trained=2048)
    assert (short.context, short.answer) == (2048, 0)


def test_the_command_tells_what_it_did_and_what_is_too_short(taught_gguf, place):
    queries = place / "q.txt"
    queries.write_text("Find all people.\nCount the cities.\n", "utf-8")
    arguments = ["deploy", str(taught_gguf), "--target", str(place), "--name", "heimdall-q4"]
    arguments += ["--config", str(place / "nornicdb.yaml"), "--queries", str(queries)]
    done = CliRunner().invoke(cli, arguments)
    # The test's model was trained with 256 tokens: less than NornicDB's own message.
    assert isinstance(done.exception, FindingsError)
    assert "would not see all of them" in str(done.exception)
    assert "export NORNICDB_HEIMDALL_MODEL=heimdall-q4" in done.stdout
    assert "NornicDB ignores heimdall.model_path" in done.stderr
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    found = json.loads(done.stdout)
    assert found["values"]["batch_size"] == 256
    assert found["ignored"].keys() == {"model_path", "threads"}


def test_a_target_that_is_no_folder_is_refused(taught_gguf, tmp_path):
    with pytest.raises(HeimdallError, match="is no folder"):
        deploy(taught_gguf, tmp_path / "none", SIZES)
