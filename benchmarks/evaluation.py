"""Answers per second beside lm-evaluation-harness and its `hf` backend: one tiny model, the same
prompts, greedy answers, one run, CPU.

    python benchmarks/evaluation.py [--rows 128] [--runs 5] [--model FOLDER --dataset test.jsonl]

Needs `pip install lm-eval==0.4.13` (not one of the project's dependencies). Two sets of prompts:
questions alone, and questions after one system prompt, as NornicDB sends them. The model runs as a
folder (both), and as the F16 file that ships. Without `--model` its weights are random, so that
nearly every answer runs to its limit: what is gained by rows that end early does not show. With
it, the prompts are the dataset's. lm-eval takes the batch size that it is told, 32 here; ours is
told none. Runs are interleaved, the median counts; loading is not timed. Target: at least twice as
many rows per second.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from tiny_models import LESSONS, build_model

from heimdall_core.dataset import read_examples
from heimdall_core.prompt import IM_END, messages_for, render_prompt
from heimdall_run_transformers.load import load
from heimdall_run_transformers.options import TransformersOptions

TARGET = 2.0
BATCH = 32
MOST_TOKENS = 48
SYSTEM = (
    "You are the assistant inside a graph database. Answer with one Cypher query and nothing else. "
    + "Labels: Person, City, Film, Studio. Relationships: KNOWS, SAW, LIVES_IN, MADE, ACTED_IN. "
    * 12
)

Ask = Callable[[Sequence[str]], list[str]]


def questions(rows: int, system: str) -> list[str]:
    """Rendered prompts: questions of several lengths, none like another."""
    made = []
    for number in range(rows):
        question, _ = LESSONS[number % len(LESSONS)]
        made.append(
            render_prompt(
                messages_for(f"{'Please, ' * (number % 7)}{question} ({number})", "", system)
            )
        )
    return made


def asked(dataset: Path | None, rows: int) -> list[str]:
    """Rendered prompts of a dataset's first rows."""
    found = islice(read_examples(dataset), rows) if dataset else ()
    return [render_prompt(messages_for(r.instruction, r.input, r.system)) for r in found]


def ours(path: Path, threads: int) -> Ask:
    model = load(path, TransformersOptions(device="cpu", threads=threads))
    return lambda prompts: [
        answer.text for answer in model.generate(prompts, max_new_tokens=MOST_TOKENS)
    ]


def shipped(path: Path, folder: Path, threads: int) -> Ask:
    from heimdall_core.types import ExportContext
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions
    from heimdall_run_llamacpp.load import load as load_gguf
    from heimdall_run_llamacpp.options import LlamaCppOptions

    context = ExportContext(model=path, output=folder / "model.gguf")
    (artefact,) = export(context, GGUFOptions(quant_types=("F16",)))
    model = load_gguf(artefact.path, LlamaCppOptions(threads=threads))
    return lambda prompts: [
        answer.text for answer in model.generate(prompts, max_new_tokens=MOST_TOKENS)
    ]


def theirs(path: Path) -> Ask:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model: Any = HFLM(
        pretrained=str(path),
        backend="causal",
        device="cpu",
        dtype="float32",
        batch_size=BATCH,
        max_length=4096,
    )
    settings = {"until": [IM_END], "max_gen_toks": MOST_TOKENS, "do_sample": False}

    def ask(prompts: Sequence[str]) -> list[str]:
        requests = [
            Instance("generate_until", {}, (prompt, settings), number)
            for number, prompt in enumerate(prompts)
        ]
        found: list[str] = model.generate_until(requests, disable_tqdm=True)
        return found

    return ask


def timed(ask: Ask, prompts: Sequence[str]) -> tuple[float, list[str]]:
    start = time.perf_counter()
    answers = ask(prompts)
    return time.perf_counter() - start, answers


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", type=Path, help="a model directory")
    parser.add_argument("--dataset", type=Path, help="rows whose prompts are asked, with --model")
    arguments = parser.parse_args()
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.model or build_model(
            Path(folder) / "model", hidden=256, layers=4, context=4096
        )
        backends = {
            "heimdall, GGUF (F16)": shipped(path, Path(folder), threads),
            "heimdall, folder": ours(path, threads),
            "lm-eval, hf": theirs(path),
        }
        print(
            f"{platform.machine()}, {threads} cores, Python {platform.python_version()}; "
            f"{arguments.rows} prompts, batches of {BATCH}, medians of {arguments.runs}; "
            f"lm-eval {version('lm-eval')}, transformers {version('transformers')}\n"
        )
        print("| prompts | backend | rows/s | slowest – fastest | times lm-eval | same answers |")
        print("|---|---|---|---|---|---|")
        for name, system in (("questions", ""), ("one system prompt before each", SYSTEM)):
            if arguments.dataset and system:
                break  # the model has not learnt to answer after it
            prompts = asked(arguments.dataset, arguments.rows) or questions(arguments.rows, system)
            times: dict[str, list[float]] = {key: [] for key in backends}
            answers: dict[str, list[str]] = {}
            for ask in backends.values():
                ask(prompts[:BATCH])
            for _ in range(arguments.runs):
                for key, ask in backends.items():
                    seconds, answers[key] = timed(ask, prompts)
                    times[key].append(seconds)
            base = statistics.median(times["lm-eval, hf"])
            for key, found in times.items():
                pairs = zip(answers[key], answers["lm-eval, hf"], strict=True)
                same = sum(one.strip() == other.strip() for one, other in pairs)
                median = statistics.median(found)
                speeds = [arguments.rows / seconds for seconds in found]
                print(
                    f"| {name} | {key} | {arguments.rows / median:.1f} "
                    f"| {min(speeds):.1f} – {max(speeds):.1f} | {base / median:.2f} "
                    f"| {same} of {arguments.rows} |"
                )


if __name__ == "__main__":
    main()
