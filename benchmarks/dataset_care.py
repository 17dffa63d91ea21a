"""Dataset care at size: time and peak memory of `validate` and `correct`, near-duplicates beside
two public tools, and files that outgrow memory. Run alone; everything is measured in this run.

    python benchmarks/dataset_care.py --rows 1000000
    python benchmarks/dataset_care.py --peers 20000
    python benchmarks/dataset_care.py --growth
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from attrs import frozen
from synthetic_rows import clean_rows, reworded, write

#: The two sizes that `--growth` measures.
_SMALL, _LARGE = 200_000, 800_000

HEIMDALL = [sys.executable, "-m", "heimdall_core.cli.main"]


def tree_bytes(root: int) -> tuple[int, int]:
    """Resident memory of a process and its children, and the part of it that no file stands behind:
    what is mapped from a temporary file can be dropped where memory is short. Pages that they share
    count once (PSS)."""
    total = anonymous = 0
    todo = [root]
    while todo:
        pid = todo.pop()
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            total += int(text.split("Pss:")[1].split()[0]) * 1024
            anonymous += int(text.split("Pss_Anon:")[1].split()[0]) * 1024
            todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        except (OSError, IndexError):
            continue
    return total, anonymous


@frozen
class Measured:
    """One command."""

    seconds: float
    processor: float
    """Seconds, of all processes."""
    peak: float
    """Megabytes, of all processes together."""
    anonymous: float
    """The peak of what no file stands behind."""


def measured(*arguments: str) -> Measured:
    """Runs a command of ours."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with subprocess.Popen([*HEIMDALL, *arguments], stdout=subprocess.DEVNULL) as process:
        peak, anonymous, ended = 0, 0, threading.Event()

        def watch() -> None:
            nonlocal peak, anonymous
            while not ended.wait(0.2):
                total, own = tree_bytes(process.pid)
                peak, anonymous = max(peak, total), max(anonymous, own)

        watcher = threading.Thread(target=watch)
        watcher.start()
        process.wait()
        ended.set()
        watcher.join()
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(seconds, used, peak / 1e6, anonymous / 1e6)


JOBS: dict[str, tuple[tuple[str, ...], int]] = {
    "validate, structure": (
        ("validate", "--no-check-language", "--no-near-duplicates", "--no-personal-data"),
        60,
    ),
    "validate, all but the checker": (("validate", "--no-check-language"), 0),
    "validate, all": (("validate",), 600),
    "correct, all": (("correct", "--output"), 600),
}


def at_size(rows: int, folder: Path, only: str) -> None:
    """The table of times."""
    path = folder / "rows.jsonl"
    faults = write(rows, path)
    print(f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB, faults: {faults}")
    print("| job | seconds | processor seconds | peak MB | limit s |\n|---|---|---|---|---|")
    for name, (arguments, limit) in JOBS.items():
        if only not in name:
            continue
        command, *rest = arguments
        if command == "correct":
            rest.append(str(folder / "corrected.jsonl"))
        found = measured(command, str(path), *rest)
        print(
            f"| {name} | {found.seconds:.0f} | {found.processor:.0f} | {found.peak:,.0f} "
            f"| {limit or ''} |",
            flush=True,
        )


def growth(folder: Path) -> None:
    """Memory at two sizes, and what that comes to at ten million rows. What lies in temporary files
    grows with the rows and leaves memory where another program needs the room."""
    jobs = {
        "validate, structure and near": ("validate",),
        "correct": ("correct", "--output", str(folder / "out.jsonl")),
    }
    print("| job | rows | peak MB | of these without a file |\n|---|---|---|---|")
    for name, (command, *rest) in jobs.items():
        found = {}
        for rows in (_SMALL, _LARGE):
            path = folder / "rows.jsonl"
            write(rows, path)
            found[rows] = measured(command, str(path), "--no-check-language", *rest)
            each = found[rows]
            print(f"| {name} | {rows:,} | {each.peak:,.0f} | {each.anonymous:,.0f} |", flush=True)
        small, large = found[_SMALL], found[_LARGE]
        further = (10_000_000 - _LARGE) / (_LARGE - _SMALL)
        peak = large.peak + (large.peak - small.peak) * further
        own = large.anonymous + (large.anonymous - small.anonymous) * further
        print(f"| {name}, extrapolated | 10,000,000 | {peak:,.0f} | {own:,.0f} |", flush=True)


def peers(rows: int) -> None:
    """Recall of known near-duplicates, and time, of three tools on the same texts."""
    draw = random.Random(3)  # noqa: S311 - not for secrets
    originals = list(clean_rows(rows, 5))
    chosen = draw.sample(range(rows), rows // 10)
    made = [reworded(originals[n], draw) for n in chosen]
    everything = [*originals, *made]
    pairs = {rows + place: n for place, n in enumerate(chosen)}
    texts = [row["instruction"] for row in everything]
    print(f"{rows:,} distinct questions and {len(made):,} rewordings of some of them")
    print("| tool | recall | distinct questions removed | seconds | times ours |")
    print("|---|---|---|---|---|")
    tools: dict[str, Callable[[], set[int]]] = {"heimdall": lambda: ours(everything)}
    tools |= {
        "datasketch": lambda: by_datasketch(texts),
        "rensa, texts alone": lambda: by_rensa(texts),
        "semhash": lambda: by_semhash(texts),
    }
    first = 0.0
    for name, run in tools.items():
        try:
            times = []
            for _ in range(3 if name == "heimdall" else 1):
                started = time.monotonic()
                removed = run()
                times.append(time.monotonic() - started)
        except ImportError as error:
            print(f"| {name} | not installed: {error.name} | | | |")
            continue
        seconds = statistics.median(times)
        first = first or seconds
        right = len(removed & pairs.keys()) / len(pairs)
        wrong = len(removed - pairs.keys())
        ratio = seconds / first
        print(f"| {name} | {right:.3f} | {wrong:,} | {seconds:.1f} | {ratio:.1f} |", flush=True)


def ours(everything: list[dict[str, object]]) -> set[int]:
    """Rows that `correct` calls near, with one process, from memory."""
    import numpy as np

    from heimdall_core.dataset.io import example_from_dict
    from heimdall_core.dataset.near import NearIndex, guard, near_text, signatures

    rows = [example_from_dict(row) for row in everything]
    index = NearIndex()
    for at in range(0, len(rows), 2500):
        part = rows[at : at + 2500]
        index.add(signatures([near_text(row) for row in part], [guard(row) for row in part]))
    answers = np.array([hash(row.output) for row in rows])
    return set(index.removals(bytes(len(rows)), 0.7, lambda a, b: answers[a] == answers[b]))


def by_datasketch(texts: list[str]) -> set[int]:
    """The usual recipe: five-character shingles, 64 permutations, threshold 0.7."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=0.7, num_perm=64)
    removed = set()
    for number, text in enumerate(texts):
        plain = text.casefold()
        sketch = MinHash(num_perm=64)
        sketch.update_batch([plain[i : i + 5].encode() for i in range(max(1, len(plain) - 4))])
        if lsh.query(sketch):
            removed.add(number)
        else:
            lsh.insert(str(number), sketch)
    return removed


def by_rensa(texts: list[str]) -> set[int]:
    """rensa's own deduplicator on the same shingles."""
    import rensa

    dedup = rensa.RMinHashDeduplicator(threshold=0.7, num_perm=64, use_lsh=True, seed=7)
    removed = set()
    for number, text in enumerate(texts):
        plain = text.casefold()
        sketch = rensa.RMinHash(num_perm=64, seed=7)
        sketch.update([plain[i : i + 5] for i in range(max(1, len(plain) - 4))])
        if not dedup.add(str(number), sketch):
            removed.add(number)
    return removed


def by_semhash(texts: list[str]) -> set[int]:
    """semhash with its own model, where one is at hand (it is fetched from a hub)."""
    from semhash import SemHash

    found = SemHash.from_records(records=list(texts)).self_deduplicate()
    kept = set(found.selected)
    return {number for number, text in enumerate(texts) if text not in kept}


def main() -> None:
    """Measures what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", type=int, default=0)
    parser.add_argument("--growth", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.rows:
            at_size(arguments.rows, Path(folder), arguments.only)
        if arguments.growth:
            growth(Path(folder))
    if arguments.peers:
        peers(arguments.peers)


if __name__ == "__main__":
    main()
