"""Context sizes follow the queries, memory follows the model."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from heimdall_core.cli.main import cli
from heimdall_core.errors import DatasetError
from heimdall_export_nornicdb.advise import advise, memory_bytes, read_queries
from heimdall_run_llamacpp.gguf_file import read_gguf


def test_the_longest_query_decides():
    pairs = [("p" * 100, "a" * 20)] * 99 + [("p" * 900, "")]
    found = advise("set", pairs, len, None, answer=256)
    assert (found.median, found.high, found.longest) == (120, 120, 1156)
    assert found.alone == 2048
    assert found.nornicdb.prompt == 2500 + 900
    assert found.nornicdb.context == 4096
    assert found.share == {512: 0.99, 1024: 0.99, 2048: 1.0, 4096: 1.0, 8192: 1.0}


def test_memory_is_the_file_its_cache_and_what_a_batch_takes(taught_gguf):
    header = read_gguf(taught_gguf)
    one, two = (memory_bytes(header, size, 512) for size in (256, 512))
    # 2 layers, keys and values, 2 heads of 64, 2 bytes each, per token
    assert two - one == 256 * 2 * 2 * 2 * 64 * 2
    assert one > header.size
    assert memory_bytes(None, 2048, 512) == 2_000_000_000


def test_rows_and_lines_are_read(tmp_path):
    lines = tmp_path / "q.txt"
    lines.write_text("Find all people.\n\n  Count cities. \n", "utf-8")
    pairs = read_queries(lines)
    assert [prompt for prompt, _ in pairs] == [
        f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
        for text in ("Find all people.", "Count cities.")
    ]
    rows = tmp_path / "q.jsonl"
    rows.write_text(json.dumps({"instruction": "x", "output": "RETURN 1"}) + "\n", "utf-8")
    assert read_queries(rows)[0][1] == "RETURN 1<|im_end|>"
    (tmp_path / "none.txt").write_text("\n", "utf-8")
    with pytest.raises(DatasetError, match="holds no queries"):
        read_queries(tmp_path / "none.txt")


def test_the_command_counts_with_the_model(taught_gguf, tmp_path):
    lines = tmp_path / "people.txt"
    lines.write_text("Find all people.\n", "utf-8")
    arguments = ["context", "advise", "--queries", str(lines), "--model", str(taught_gguf)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "people" in done.stdout
    assert "the guide says 2000 MB" in done.stdout
    [found] = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert found["queries"] == 1
    # The model knows 256 tokens; NornicDB's own message is longer.
    assert "the model was trained for 256: 0 are left for an answer" in done.stderr
    with pytest.raises(DatasetError, match="no such file"):
        read_queries(tmp_path / "gone.txt")
    assert found["alone"] == 512
