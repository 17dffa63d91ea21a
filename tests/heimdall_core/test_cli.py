"""The command line: spelling, exit codes, messages, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from heimdall_core.testing.base import HEAVY, SLOW


def heimdall(*arguments: str, cwd: Path | None = None, stdin: str = "") -> tuple[int, str, str]:
    """Runs the command in a process of its own: `(exit code, stdout, stderr)`."""
    done = subprocess.run(
        [sys.executable, "-m", "heimdall_core.cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        input=stdin,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    code, out, err = heimdall(
        *("generate", "--generator", "cypher", "--num-examples", "400", "--output", str(path))
    )
    assert code == 0, err
    assert "400 rows, 0 rejected" in out
    return path


def test_help_imports_neither_rich_nor_cattrs_nor_plugins() -> None:
    code = (
        "import sys\nfrom heimdall_core.cli.main import entry\n"
        "try:\n    entry(['--help'])\nexcept SystemExit: pass\n"
        "sys.stderr.write(str([m for m in ('rich', 'cattrs', 'pluggy', 'torch') "
        "if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]"
    assert "Commands:" in done.stdout


def test_listing_plugins_imports_what_it_needs_alone() -> None:
    """Not even what single options classes, or a recipe, would need: it must answer at once."""
    code = (
        "import sys\nfrom heimdall_core.cli.main import entry\n"
        "try:\n    entry(['--no-plugins', 'plugins'])\nexcept SystemExit: pass\n"
        "sys.stderr.write(str([m for m in (*sys.argv[1:], 'difflib', 'heimdall_core.config', "
        "'heimdall_core.recipe', 'heimdall_core.prompt') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY, *SLOW], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]"
    assert "gen-cypher" in done.stdout


def test_plugins_are_listed_by_distribution_with_what_they_provide() -> None:
    code, out, err = heimdall("--no-plugins", "plugins")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("heimdall-slm ")
    [line] = [line for line in lines if line.split()[:1] == ["gen-apoc"]]
    assert line.split(maxsplit=1)[1] == "loaded; generator: apoc; hooks: generators"


@pytest.mark.parametrize("dash", ["--num-examples", "--num_examples"])
def test_dashes_and_underscores_are_the_same(tmp_path: Path, dash: str) -> None:
    code, out, _ = heimdall("generate", dash, "5", "--output", str(tmp_path / "x.jsonl"), "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["rows"] == 5


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    texts = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        file = tmp_path / f"{name}.jsonl.gz"
        assert (
            heimdall("generate", "--num-examples", "50", "--seed", seed, "--output", str(file))[0]
            == 0
        )
        texts.append(file.read_bytes())
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generat"], "unknown command 'generat'; did you mean 'generate'?"),
        (["generate"], "Missing option '--output'"),
        (["generate", "--output", "x", "--num-examples", "0"], "0 is not in the range"),
        (["generate", "--output", "x", "--generator", "cyper"], "did you mean 'cypher'"),
        (
            ["generate", "--output", "x", "--generator", "cypher", "--set", "schema=1"],
            "unknown key",
        ),
        (
            ["generate", "--output", "x", "--generator", "cypher", "--set", "foo=1"],
            "generate.mix.cypher.foo = 1: unknown key",
        ),
        (
            ["generate", "--output", "x", "--set", "foo=1"],
            "generate.mix: --set foo=1 has no generator to go to; name one with --generator, or "
            "write a recipe. Available: apoc, custom, cypher,",
        ),
        (["generate", "--output", "x", "--wat"], "No such option"),
        (["recipe", "check", "nano", "--set", "evaluate.targets.exact_match=1.5"], "0 to 1"),
        (["run", "nano", "--set", "train.epoch=3"], "did you mean 'epochs' (short for 'num_train_"),
        (["plugin"], "'heimdall plugin' needs a command; name one of: new"),
        (["recipe"], "'heimdall recipe' needs a command; name one of: "),
        (["run", "nanu"], "no preset and no file is called 'nanu'; did you mean 'nano'?"),
        (["run", "nano", "--set", "train.epocs=1"], "train.epocs = 1: unknown key"),
        (["run", "nano", "--set", "train.lora_r=8"], "is not read by the trainer 'scratch'"),
        (["run", "nano", "--until", "trian", "--runs", "never"], "did you mean 'train'"),
        (["runs", "show", "none", "--runs", "nowhere"], "no run 'none' in nowhere"),
        (["validate", "missing.jsonl"], "missing.jsonl: "),
        (["correct", "missing.jsonl"], "missing.jsonl: "),
        (["split", "missing.jsonl", "--output-dir", "x"], "missing.jsonl: "),
        (
            ["train", "--preset", "nano", "--dataset", "no.jsonl", "--output-dir", "m"],
            "no such file",
        ),
        (["evaluate", "--model-dir", "no", "--test-dataset", "no.jsonl"], "no.jsonl: "),
        (["export", "--model-dir", "no", "--output", "x.gguf"], "no: "),
        (["verify", "--model-dir", "no", "--artefact", "x.gguf"], "no such file or folder"),
        (["chat", "no.gguf", "--prompt", "hello"], "no.gguf: no such file or folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_one_clear_line_and_exit_code_2(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    code, out, err = heimdall(*arguments, cwd=tmp_path)
    assert code == 2, err
    assert said in err
    assert "Traceback" not in err
    assert out == ""
    assert [line for line in err.splitlines() if line.startswith("error: ")]
    assert list(tmp_path.iterdir()) == [], "a misuse left something behind"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--traceback", "run", "nanu"),
        ("run", "nanu", "--traceback"),
        ("run", "--traceback", "nanu"),
    ],
    ids=["before", "after", "between"],
)
def test_traceback_is_shown_when_asked_for(arguments: tuple[str, ...]) -> None:
    code, _, err = heimdall(*arguments)
    assert code == 2
    assert "Traceback" in err
    assert "error: no preset and no file is called 'nanu'" in err


def test_no_plugins_is_taken_after_the_command(tmp_path: Path) -> None:
    """And before a third party that would hang is imported."""
    (tmp_path / "acme_loud.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    info = tmp_path / "acme_loud-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-loud\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[heimdall]\nacme-loud = acme_loud\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    status = {}
    for arguments in (["plugins"], ["plugins", "--no-plugins"], ["plugins", "--no_plugins"]):
        done = subprocess.run(
            [sys.executable, "-m", "heimdall_core.cli.main", *arguments, "--json"],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        [found] = [p for p in json.loads(done.stdout) if p["name"] == "acme-loud"]
        status[" ".join(arguments)] = found["status"]
    assert status == {
        "plugins": "failed",
        "plugins --no-plugins": "blocked",
        "plugins --no_plugins": "blocked",
    }


def test_a_group_alone_shows_its_help_as_it_is_laid_out() -> None:
    code, out, err = heimdall("plugin")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0] == "Usage: heimdall plugin [OPTIONS] COMMAND [ARGS]..."
    assert "Commands:" in lines
    assert any(line.startswith("  new  Write a distribution") for line in lines)
    assert lines[-1] == "error: 'heimdall plugin' needs a command; name one of: new"


def test_validate_prints_the_three_lines_and_its_exit_code(rows: Path, tmp_path: Path) -> None:
    code, out, err = heimdall("validate", str(rows), "--set", "max_category_ratio=100")
    assert code == 0, err
    assert "✓ Format: 100" in out
    assert "✓ Duplicates: <5% (0 of 400 rows)" in out
    assert "✓ Categories" in out
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(rows.read_bytes() + b"{not json\n")
    code, out, err = heimdall("validate", str(broken), "--set", "max_category_ratio=100")
    assert code == 1
    assert "broken.jsonl:401: not valid JSON" in out
    code, out, _ = heimdall("validate", str(broken), "--json")
    assert json.loads(out)["bad"] == 1


def test_correct_and_split_on_plain_files(rows: Path, tmp_path: Path) -> None:
    copy = tmp_path / "rows.jsonl"
    lines = rows.read_bytes().splitlines(keepends=True)
    copy.write_bytes(b"".join([*lines, lines[0], lines[1]]))
    code, out, err = heimdall("correct", str(copy))
    assert code == 0, err
    assert "402 lines: 400 kept, 2 removed" in out
    [backup] = tmp_path.glob("rows_backup_*.jsonl")
    assert len(backup.read_bytes().splitlines()) == 402
    code, out, err = heimdall("split", str(copy), "--output_dir", str(tmp_path / "parts"))
    assert code == 0, err
    parts = [len(p.read_bytes().splitlines()) for p in (tmp_path / "parts").glob("*.jsonl")]
    assert sum(parts) == 400
    assert "Leakage: none" in out


def test_a_closed_pipe_is_no_error() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "heimdall_core.cli.main", "recipe", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.read(10)
    child.stdout.close()  # the reader goes, with most of the schema unread
    assert child.stderr.read() == ""
    child.stderr.close()
    assert child.wait() in (0, 141)


def test_recipe_commands() -> None:
    code, out, _ = heimdall("recipe", "presets", "--json")
    assert code == 0
    assert {p["name"] for p in json.loads(out)} >= {"nano", "nano_quick"}
    code, out, _ = heimdall("recipe", "check", "nano")
    assert (code, out) == (0, "nano: fine; run it with: heimdall run nano\n")
    code, out, _ = heimdall("recipe", "show", "nano", "--set", "train.epochs=2", "--json")
    assert json.loads(out)["train"]["num_train_epochs"] == 2
    code, out, _ = heimdall("recipe", "schema")
    assert "cypher" in json.loads(out)["properties"]["generate"]["properties"]["mix"]["properties"]


def test_no_plugins_leaves_the_built_ins() -> None:
    code, out, err = heimdall("--no-plugins", "plugins", "--json")
    assert code == 0, err
    assert {p["distribution"] for p in json.loads(out)} == {"heimdall-slm"}


def test_a_misspelt_disabled_plugin_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEIMDALL_DISABLE", "train-loraa")
    code, out, said = heimdall("plugins", "--json")
    assert code == 0
    assert "no plugin is called 'train-loraa'; nothing is blocked by it" in said
    assert "blocked" not in {plugin["status"] for plugin in json.loads(out)}


def test_validate_names_the_limit_that_was_missed(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"instruction": "a"}\n', encoding="utf-8")
    code, _, said = heimdall("validate", "rows.jsonl", cwd=tmp_path)
    assert code == 1
    assert "rows.jsonl: 1 limit missed: format" in said
