"""How close a distillation run comes to what its limits allow.

    python benchmarks/distillation.py

A server on loopback in a process of its own answers at once. The run asks it through the official
client at a limit of so many requests a second, checks each answer and writes the rows; checks wait
while the limit allows more requests. Beside it, in the same run: the official client alone, called
in a loop without limits, checks or files.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from attrs import frozen  # noqa: E402
from teaching import Running, teacher_server  # noqa: E402

from heimdall_core import Registry  # noqa: E402
from heimdall_gen_distill.options import DistillOptions  # noqa: E402
from heimdall_gen_distill.write import distill_file  # noqa: E402

SECONDS = 5
ROUNDS = 3
PEER_REQUESTS = 3000
SETTINGS = {"model": "gpt-4o", "structured": False}


@frozen
class Found:
    """One run."""

    asked: float
    """Requests a second until the last answer; a check may still be under way then."""
    whole: float
    """Prompts a second from the forecast to the written files, processes started among it."""
    here: float
    """Milliseconds of processor per request: this process."""
    beside: float
    """The processes that it starts, to send and to check."""


def processor_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def run(server: Running, per_second: float, prompts: int) -> Found:
    """One run with a limit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "prompts.txt"
        mark = time.time_ns()
        source.write_text("".join(f"{mark} question {i}\n" for i in range(prompts)))
        options = DistillOptions(
            prompts=str(source),
            cache=str(folder / "cache"),
            teacher_options={**SETTINGS, "base_url": server.openai},
            requests_per_minute=60 * per_second,
            concurrency=64,
        )
        here = processor_seconds(resource.RUSAGE_SELF)
        beside = processor_seconds(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        report = distill_file(options, Registry(third_party=False).teacher, folder / "out.jsonl")
        seconds = time.perf_counter() - started
    if report is None or report["rows"] != prompts:
        raise SystemExit(f"not every prompt was answered: {report}")
    return Found(
        report["requests"] / report["seconds_asking"],
        prompts / seconds,
        1000 * (processor_seconds(resource.RUSAGE_SELF) - here) / prompts,
        1000 * (processor_seconds(resource.RUSAGE_CHILDREN) - beside) / prompts,
    )


def peer(server: Running) -> tuple[float, float]:
    """The official client alone, 64 at once, as its README has it."""
    import openai

    async def ask() -> float:
        client = openai.AsyncOpenAI(api_key="none", base_url=server.openai, max_retries=0)
        mark = time.time_ns()
        source = iter(range(PEER_REQUESTS))

        async def work() -> None:
            for i in source:
                message = {"role": "user", "content": f"{mark} peer {i}"}
                await client.chat.completions.create(model="gpt-4o", messages=[message])  # type: ignore[list-item]

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(64)))
        seconds = time.perf_counter() - started
        await client.close()
        return seconds

    cpu = time.process_time()
    seconds = asyncio.run(ask())
    return PEER_REQUESTS / seconds, 1000 * (time.process_time() - cpu) / PEER_REQUESTS


def main() -> None:
    """Prints the table."""
    print("| limit, requests/s | reached | share | whole run, prompts/s | ms here | ms beside |")
    print("|---|---|---|---|---|---|")
    with teacher_server() as server:
        for limit in (100.0, 300.0, 1000.0):
            found = [run(server, limit, int(limit * SECONDS)) for _ in range(ROUNDS)]
            asked, whole, here, beside = (
                statistics.median(getattr(each, name) for each in found)
                for name in ("asked", "whole", "here", "beside")
            )
            print(
                f"| {limit:.0f} | {asked:.0f} | {100 * asked / limit:.0f} % | {whole:.0f} "
                f"| {here:.2f} | {beside:.2f} |",
                flush=True,
            )
        alone = [peer(server) for _ in range(ROUNDS)]
        reached = statistics.median(rate for rate, _ in alone)
        cpu = statistics.median(each for _, each in alone)
        print(f"| none: the official client alone | {reached:.0f} | | | {cpu:.2f} | |")


if __name__ == "__main__":
    main()
