"""Tokenised rows per second: the project's batch path beside one call a row and beside a plain
`datasets.map`, on the same rows and the same tokenizer, in one run.

    python benchmarks/tokenisation.py [--rows 50000] [--runs 3]

The tokenizer is a byte-level BPE of 16,384 tokens, trained on the spot. Prompt and answer are
tokenised apart, as training needs them; the chat template is the same ChatML in Jinja, applied to a
row's prompt and to the whole of it, which is how trainers learn where the answer begins. The other
ways are given texts that are rendered already; ours renders them in the time that is measured.
`from the cache` is the second training on an unchanged file. Runs are interleaved, the median
counts. Target: five times one call a row; two cores can give twice, the rest is what a call costs.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
from synthetic_rows import write
from transformers import PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from tiny_models import CHAT_TEMPLATE, build_tokenizer

from heimdall_core.dataset import read_examples
from heimdall_core.prompt import messages_for, render_example
from heimdall_run_transformers.cache import tokenised
from heimdall_run_transformers.encode import encode_texts, read_rendered

TARGET = 5.0


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write(arguments.rows, path)
        rows = list(read_examples(path))
        rendered = read_rendered(path)
        rust = build_tokenizer([row.prompt + row.answer for row in rendered[:20_000]], 16_384)
        plain: Any = PreTrainedTokenizerFast(tokenizer_object=rust)
        plain.chat_template = CHAT_TEMPLATE
        table = datasets.Dataset.from_list(
            [{"prompt": row.prompt, "answer": row.answer} for row in rendered]
        )

        def one_call_a_row() -> int:
            made = [(plain(r.prompt).input_ids, plain(r.answer).input_ids) for r in rendered]
            return sum(len(prompt) + len(answer) for prompt, answer in made)

        def template_a_row() -> int:
            made = 0
            for row in rows:
                asked = messages_for(row.instruction, row.input, row.system)
                talk: list[dict[str, str]] = [{"role": m.role, "content": m.content} for m in asked]
                plain.apply_chat_template(talk, add_generation_prompt=True)
                talk.append({"role": "assistant", "content": row.output})
                made += len(plain.apply_chat_template(talk)["input_ids"]) - 1  # its last newline
            return made

        def tokens(row: dict[str, Any]) -> dict[str, Any]:
            return {
                "prompt_ids": plain(row["prompt"])["input_ids"],
                "answer_ids": plain(row["answer"])["input_ids"],
            }

        def mapped(batched: bool) -> int:
            made = table.map(tokens, batched=batched, load_from_cache_file=False)
            return sum(
                len(array.values)
                for name in ("prompt_ids", "answer_ids")
                for array in made.data.column(name).chunks
            )

        def ours() -> int:
            texts = (render_example(r.instruction, r.input, r.output, r.system) for r in rows)
            return sum(len(ids) for ids, _ in encode_texts(rust, texts))

        def cached() -> int:
            return int(tokenised([path], rust, cache=Path(folder) / "cache").rows.lengths.sum())

        ways: dict[str, Callable[[], int]] = {
            "one call a row": one_call_a_row,
            "chat template, row by row": template_a_row,
            "datasets.map, row by row": lambda: mapped(False),
            "datasets.map, batched": lambda: mapped(True),
            "heimdall": ours,
            "heimdall, from the cache": cached,
        }
        cached()
        times: dict[str, list[float]] = {name: [] for name in ways}
        counts = set()
        for _ in range(arguments.runs):
            for name, way in ways.items():
                started = time.perf_counter()
                counts.add(way())
                times[name].append(time.perf_counter() - started)
        if len(counts) != 1:
            raise SystemExit(f"the ways disagree about the number of tokens: {sorted(counts)}")
        print(
            f"{platform.machine()}, {os.cpu_count()} processors; {len(rendered):,} rows, "
            f"{counts.pop():,} tokens, medians of {arguments.runs}; datasets "
            f"{datasets.__version__}\n"
        )
        first = statistics.median(times["one call a row"])
        print("| way | rows/s | times one call a row |\n|---|---|---|")
        for name, found in times.items():
            median = statistics.median(found)
            print(f"| {name} | {len(rendered) / median:,.0f} | {first / median:.1f} |")


if __name__ == "__main__":
    main()
