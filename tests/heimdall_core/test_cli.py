"""The command line: spelling, exit codes, messages, JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


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
        (["generate", "--output", "x", "--wat"], "No such option"),
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


def test_traceback_is_shown_when_asked_for() -> None:
    assert "Traceback" in heimdall("--traceback", "run", "nanu")[2]


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
