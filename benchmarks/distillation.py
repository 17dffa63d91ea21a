"""How close a distillation run comes to what its limits allow.

    python benchmarks/distillation.py

A server on loopback in a process of its own answers at once. The run asks it through the official
client at a limit of so many requests a second, checks each answer and writes the rows. Beside it,
in the same run: the official client alone, called in a loop without limits, checks or files.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from teaching import Running, teacher_server  # noqa: E402

from heimdall_core import Registry  # noqa: E402
from heimdall_gen_distill.options import DistillOptions  # noqa: E402
from heimdall_gen_distill.write import distill_file  # noqa: E402

PROMPTS = 3000
ROUNDS = 3
SETTINGS = {"model": "gpt-4o", "structured": False}


def run(server: Running, per_second: float) -> tuple[float, float]:
    """Requests a second of one run, and CPU milliseconds per request of this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts = folder / "prompts.txt"
        mark = time.time_ns()
        prompts.write_text("".join(f"{mark} question {i}\n" for i in range(PROMPTS)))
        options = DistillOptions(
            prompts=str(prompts),
            cache=str(folder / "cache"),
            teacher_options={**SETTINGS, "base_url": server.openai},
            requests_per_minute=60 * per_second,
            concurrency=64,
        )
        cpu = time.process_time()
        report = distill_file(options, Registry(third_party=False).teacher, folder / "out.jsonl")
        cpu = time.process_time() - cpu
    if report is None or report["rows"] != PROMPTS:
        raise SystemExit(f"not every prompt was answered: {report}")
    # Until the last answer; a check may still be under way then.
    return report["requests"] / report["seconds_asking"], 1000 * cpu / PROMPTS


def peer(server: Running) -> tuple[float, float]:
    """The official client alone, 64 at once, as its README has it."""
    import openai

    async def ask() -> float:
        client = openai.AsyncOpenAI(api_key="none", base_url=server.openai, max_retries=0)
        mark = time.time_ns()
        source = iter(range(PROMPTS))

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
    return PROMPTS / seconds, 1000 * (time.process_time() - cpu) / PROMPTS


def main() -> None:
    """Prints the table."""
    print("| limit, requests/s | reached | share | CPU per request |")
    print("|---|---|---|---|")
    with teacher_server() as server:
        for limit in (100.0, 300.0, 1000.0):
            found = [run(server, limit) for _ in range(ROUNDS)]
            reached = statistics.median(rate for rate, _ in found)
            cpu = statistics.median(each for _, each in found)
            print(f"| {limit:.0f} | {reached:.0f} | {100 * reached / limit:.0f} % | {cpu:.2f} ms |")
        found = [peer(server) for _ in range(ROUNDS)]
        reached = statistics.median(rate for rate, _ in found)
        cpu = statistics.median(each for _, each in found)
        print(f"| none: the official client alone | {reached:.0f} | | {cpu:.2f} ms |")


if __name__ == "__main__":
    main()
