"""Tokens per second and latency of a GGUF, one question at a time as NornicDB asks them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import Message, render_prompt
from heimdall_run_llamacpp.cores import default_threads
from heimdall_run_llamacpp.load import load
from heimdall_run_llamacpp.model import LlamaCppModel
from heimdall_run_llamacpp.options import LlamaCppOptions

#: The guide's figures for a model of 1.5 B: type -> size in GB, tokens/s on a CPU, latency in ms.
GUIDE: Final = {"Q4_K_M": (1.0, 50, 200), "Q5_K_M": (1.2, 45, 250), "Q8_0": (1.8, 35, 350)}
GUIDE_LATENCY: Final = (100, 500)

#: A system message is made of this where prompts are to fill a context.
_FILLER: Final = "Nodes have labels and properties; relationships have a type and a direction. "

PERCENTILES: Final = (50, 90, 95, 99)


@frozen
class Sample:
    """One answer."""

    prompt_tokens: int
    tokens: int
    first: float
    """Seconds until the first token."""
    total: float


@frozen
class Row:
    """What one setting came to."""

    threads: int
    filled: int
    """Tokens that prompts were filled up to; 0 for the questions alone."""
    answers: int
    prompt_tokens: int
    """Of the median prompt."""
    tokens: int
    """Of the median answer."""
    prompt_speed: float
    """Prompt tokens per second, median of the runs."""
    prompt_spread: tuple[float, float]
    """Slowest and fastest run."""
    speed: float
    """Generated tokens per second after the first, median of the runs."""
    spread: tuple[float, float]
    first: dict[int, float]
    """Percentile -> milliseconds until the first token."""
    latency: dict[int, float]
    """Percentile -> milliseconds until the answer's end."""


def read_questions(path: Path) -> list[str]:
    """One question per line. Raises `HeimdallError` for a file without any."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except FileNotFoundError as error:
        raise HeimdallError("no such file", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise HeimdallError("cannot be read as text", where=str(path)) from error
    if path.suffix == ".jsonl":
        from heimdall_core.dataset import read_examples
        from heimdall_core.prompt import user_turn

        lines = [user_turn(row.instruction, row.input) for row in read_examples(path)]
    questions = [line for line in lines if line]
    if not questions:
        raise HeimdallError("holds no questions", where=str(path))
    return questions


def measure(
    path: Path,
    questions: Sequence[str],
    *,
    threads: Sequence[int],
    contexts: Sequence[int],
    runs: int,
    max_new_tokens: int,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Row]:
    """One row per number of threads and filled context, each of `runs` runs over all questions.

    A context of 0 asks the questions alone; another fills every prompt with a system message up
    to that many tokens, less the answer's. Raises `HeimdallError` for one that the model was not
    made for.
    """
    rows = []
    for count in threads:
        with load(path, LlamaCppOptions(threads=count, parallel=1)) as model:
            # What 0 comes to, as the runtime chooses it.
            used = count or default_threads(model.header.parameters)
            for filled in contexts:
                if filled > model.context_size:
                    raise HeimdallError(
                        f"the model was made for {model.context_size} tokens, not {filled}",
                        where="--contexts",
                    )
                prompts = [_prompt(model, q, filled - max_new_tokens) for q in questions]
                model.generate(prompts[:1], max_new_tokens=4)  # caches fill
                every = []
                for run in range(runs):
                    samples = []
                    for done, prompt in enumerate(prompts):
                        samples.append(_sample(model, prompt, max_new_tokens))
                        what = f"{used} threads, run {run + 1}"
                        progress(what, done + 1, len(prompts))
                    every.append(samples)
                rows.append(_row(used, filled, every))
    return rows


def _prompt(model: LlamaCppModel, question: str, room: int) -> str:
    """The rendered question, with a system message that fills it up to `room` tokens."""
    plain = render_prompt([Message("user", question)])
    short = room - len(model.tokenize(plain)) - 8
    if short <= 0:
        return plain
    per = len(model.tokenize(_FILLER * 8)) / 8
    system = _FILLER * max(1, int(short / per))
    return render_prompt([Message("system", system.strip()), Message("user", question)])


def _sample(model: LlamaCppModel, prompt: str, limit: int) -> Sample:
    first: list[float] = []
    started = time.perf_counter()

    def stamp(_: str) -> None:
        if not first:
            first.append(time.perf_counter() - started)

    [done] = model.generate([prompt], max_new_tokens=limit, on_text=stamp)
    total = time.perf_counter() - started
    if not done.tokens:
        raise HeimdallError("a question leaves no room for an answer", where="benchmark")
    count = len(model.tokenize(prompt))
    return Sample(count, done.tokens, first[0] if first else total, total)


def _row(threads: int, filled: int, runs: Sequence[Sequence[Sample]]) -> Row:
    samples = [sample for run in runs for sample in run]
    prompt = [_speed(run, lambda s: s.prompt_tokens, lambda s: s.first) for run in runs]
    speed = [_speed(run, lambda s: s.tokens - 1, lambda s: s.total - s.first) for run in runs]
    return Row(
        threads=threads,
        filled=filled,
        answers=len(samples),
        prompt_tokens=int(statistics.median(s.prompt_tokens for s in samples)),
        tokens=int(statistics.median(s.tokens for s in samples)),
        prompt_speed=statistics.median(prompt),
        prompt_spread=(min(prompt), max(prompt)),
        speed=statistics.median(speed),
        spread=(min(speed), max(speed)),
        first=percentiles([1000 * s.first for s in samples]),
        latency=percentiles([1000 * s.total for s in samples]),
    )


def _speed(
    run: Sequence[Sample], count: Callable[[Sample], float], seconds: Callable[[Sample], float]
) -> float:
    taken = sum(map(seconds, run))
    return sum(map(count, run)) / taken if taken > 0 else 0.0


def percentiles(values: Sequence[float]) -> dict[int, float]:
    """Nearest rank: the smallest value that at least p % of all do not exceed."""
    ordered = sorted(values)
    return {p: ordered[max(0, -(-p * len(ordered) // 100) - 1)] for p in PERCENTILES}


def beside_guide(kind: str, size: int, row: Row) -> list[tuple[str, str, str, str]]:
    """(figure, guide's, measured, verdict) for a file of `size` bytes."""
    gb, speed, latency = GUIDE.get(kind, GUIDE["Q4_K_M"])
    median = row.latency[50]
    return [
        ("size", f"{gb:.1f} GB", f"{size / 1e9:.2f} GB", ""),
        (
            "tokens per second (CPU)",
            f"{speed} (50 to 100)",
            f"{row.speed:.0f}",
            "reached" if row.speed >= speed else "missed",
        ),
        (
            "latency, median",
            f"{latency} ms",
            f"{median:.0f} ms",
            "reached" if median <= latency else "missed",
        ),
        (
            "latency, 95 %",
            f"under {GUIDE_LATENCY[1]} ms",
            f"{row.latency[95]:.0f} ms",
            "reached" if row.latency[95] < GUIDE_LATENCY[1] else "missed",
        ),
    ]


def file_kind(metadata: Any) -> str:
    """The name of a file's type, as far as the guide has figures for it."""
    numbers = {15: "Q4_K_M", 17: "Q5_K_M", 7: "Q8_0"}
    return numbers.get(metadata.get("general.file_type"), "other")
