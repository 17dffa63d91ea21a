"""Rows generated, checked and deduplicated on a Ray cluster of several nodes and on this machine's
processes: the same bytes, with workers killed on the way. And what a row costs, for the model in
`docs/scale.md`.

    python benchmarks/scale.py --rows 1000000 --nodes 3 --kills 5
    python benchmarks/scale.py --rows 60000 --workers 1 2        # scaling, nothing is killed
    python benchmarks/scale.py --rows 20000 --costs              # CPU time and bytes of a row
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pickle
import random
import resource
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heimdall_core import Event, Registry
from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.execution import working
from heimdall_core.pipeline.steps.generate import all_schemas, generate_dataset
from heimdall_core.pipeline.steps.mix import default_mix

Table = Mapping[str, Any]


@contextmanager
def cluster(nodes: int, cpus: int) -> Iterator[Any]:
    """A cluster of `nodes` simulated nodes on this machine."""
    from heimdall_exec_ray.connect import PATIENT, ray_package

    ray = ray_package()
    from ray.cluster_utils import Cluster

    store = 1 << 30
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": cpus,
            "object_store_memory": store,
            "include_dashboard": False,
            "_system_config": PATIENT,
        },
    )
    for _ in range(nodes - 1):
        made.add_node(num_cpus=cpus, object_store_memory=store)
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


class Killer(threading.Thread):
    """Kills a worker that is at work, at random times, so often. After the first, `lose` takes a
    node away."""

    def __init__(
        self, kills: int, every: float, lose: Callable[[], None] | None = None, seed: int = 1
    ) -> None:
        super().__init__(daemon=True)
        self.lose = lose
        self.left, self.every, self.random = kills, every, random.Random(seed)  # noqa: S311 - a draw, no secret
        self.killed: list[str] = []
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while self.left and not self._stop_asked.wait(self.random.uniform(0.3, 1.7) * self.every):
            busy = [(pid, name) for pid, name in _workers() if name in BUSY]
            if busy:
                pid, name = self.random.choice(busy)
                os.kill(pid, signal.SIGKILL)
                self.killed.append(name)
                self.left -= 1
                if self.lose is not None:
                    self.lose()
                    self.killed.append("a node")
                    self.lose = None

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


#: What Ray's workers call themselves while they work for us.
BUSY = ("ray::_work", "ray::_scatter", "ray::_gather", "ray::_each")


def _workers() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = path.read_bytes().split(b"\0")[0].decode(errors="replace").strip()
        except OSError:
            continue
        if name.startswith("ray::"):
            yield int(path.parent.name), name.split()[0]


def measured(rows: int, folder: Path, table: Table, say: Callable[[str], None]) -> dict[str, Any]:
    """Generates and corrects with an executor; seconds, the caller's CPU seconds, and digests."""
    folder.mkdir(parents=True)
    registry = Registry(third_party=False)
    sources = default_mix(registry)
    seen: list[str] = []

    def observe(event: Event) -> None:
        if event.kind == "warning":
            seen.append(event.message)
            say(f"  ! {event.message}")

    found: dict[str, Any] = {"lost": 0}
    with working(registry, table, observe):
        started, cpu = time.monotonic(), _cpu()
        made = generate_dataset(
            registry,
            sources,
            total=rows,
            seed=7,
            output=folder / "rows.jsonl",
            max_rejected=1.0,
            workers=table.get("workers", 0),
            emit=observe,
        )
        found["generate"] = _since(started, cpu)
        found["rows"], found["repeated"] = made.rows, made.duplicates
        say(f"  generated {made.rows:,} rows in {found['generate'][0]:.0f} s")
        started, cpu = time.monotonic(), _cpu()
        report = correct_file(
            folder / "rows.jsonl",
            folder / "corrected.jsonl",
            CorrectOptions(workers=table.get("workers", 0)),
            language=registry.find_language,
            schemas=all_schemas(sources),
            emit=observe,
        )
        found["correct"] = _since(started, cpu)
        found["kept"], found["removed"] = report.rows_out, dict(report.removed)
        say(f"  corrected: {report.rows_out:,} kept in {found['correct'][0]:.0f} s")
    found["lost"] = sum("done again" in text for text in seen)
    found["digests"] = {
        path.name: digest(path) for path in sorted(folder.glob("*.jsonl")) if path.is_file()
    }
    found["bytes"] = (folder / "rows.jsonl").stat().st_size
    return found


def _cpu() -> tuple[float, float]:
    """CPU seconds of this process, and of the processes that it started or that work for it."""
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime, ended.ru_utime + ended.ru_stime + sum(_alive().values())


def _since(started: float, cpu: tuple[float, float]) -> tuple[float, float, float]:
    now = _cpu()
    return time.monotonic() - started, now[0] - cpu[0], now[1] - cpu[1]


#: CPU seconds of Ray's workers by process, the largest that was seen of each.
_seen: dict[int, float] = {}


def _alive() -> dict[int, float]:
    ticks = os.sysconf("SC_CLK_TCK")
    for pid, name in _workers():
        if name.split(":")[-1].startswith(("_", "IDLE")):
            try:
                found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            _seen[pid] = (int(found[11]) + int(found[12])) / ticks
    return _seen


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            total.update(data)
    return total.hexdigest()


def shuffle_bytes(path: Path, parts: int, blocks: int = 8) -> float:
    """Bytes a row that the search for near-duplicates sends to other nodes, measured on the first
    blocks of a dataset cut into that many parts."""
    from heimdall_core.dataset import formats
    from heimdall_core.dataset.io import rows_of
    from heimdall_core.dataset.near import guard, near_text, signatures
    from heimdall_core.dataset.near_spread import cut

    sent = rows = 0
    for _, block in zip(range(blocks), formats.blocks(path), strict=False):
        read = [row for _, row in rows_of(block, lambda bad: None)]
        near = signatures([near_text(r) for r in read], [guard(r) for r in read])
        for piece in cut(near, len(read), parts):
            sent += sum(
                array.nbytes
                for array in (piece.rows, piece.signs, piece.bands, piece.numbers, piece.places)
            )
        rows += len(read)
    return sent / rows


def compared(given: argparse.Namespace, folder: Path) -> None:
    """The cluster against this machine."""
    rows, nodes, cpus = given.rows, given.nodes, given.cpus
    print(f"{rows:,} rows, {nodes} nodes of {cpus} CPU, {given.kills} kills", flush=True)

    def say(text: str) -> None:
        print(text, flush=True)

    with cluster(nodes, cpus) as made:

        def lose() -> None:
            made.remove_node(next(iter(made.worker_nodes)), allow_graceful=False)

        killer = Killer(given.kills, given.every, lose if given.lose_node else None)
        killer.start()
        there = measured(rows, folder / "ray", {"name": "ray", "address": made.address}, say)
        killer.stop()
    say(f"  killed: {', '.join(killer.killed) or 'none'}")
    here = measured(rows, folder / "local", {}, say)
    table([("ray", there), ("local", here)])
    same = there["digests"] == here["digests"]
    print(f"bytes of {', '.join(here['digests'])}: {'the same' if same else 'DIFFERENT'}")
    for parts in (4, 16, 64, 1024):
        sent = shuffle_bytes(folder / "local" / "rows.jsonl", parts)
        print(f"shuffle, {parts} parts: {sent:,.0f} bytes a row")
    if not same or killer.left:
        raise SystemExit(1)


class Timed:
    """A session in this process that tells the workers' CPU time and bytes from the caller's."""

    def __init__(self) -> None:
        self.workers, self.there, self.back, self.shuffled = 0.0, 0, 0, 0

    def work(self, function: Callable[..., Any], *arguments: Any) -> Any:
        sent = pickle.dumps(arguments[0])
        self.there += len(sent)
        started = time.process_time()
        result = function(pickle.loads(sent), *arguments[1:])  # noqa: S301 - our own bytes
        pieces: list[Any] = []
        if len(arguments) > 1 and isinstance(result, tuple) and isinstance(result[1], list):
            result, pieces = result
        data = pickle.dumps(result)
        self.workers += time.process_time() - started
        self.back += len(data)
        self.shuffled += sum(len(pickle.dumps(piece)) for piece in pieces)
        found = pickle.loads(data)  # noqa: S301 - as above
        return (found, pieces) if pieces else found

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            yield self.work(function, item)

    def stream(self, function: Callable[[Any], Any]) -> None:
        return None

    def exchange(self) -> TimedExchange:
        return TimedExchange(self)


class TimedExchange:
    """Four parts in memory."""

    def __init__(self, session: Timed) -> None:
        self._session, self._pieces, self._states = session, [], []  # type: ignore[var-annotated]

    def scatter(self, function: Callable[[Any, int], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            result, pieces = self._session.work(function, item, 4)
            self._pieces.append(pieces)
            yield result

    def gather(self, function: Callable[[Any, Any], Any], shared: Any) -> None:
        started = time.process_time()
        self._states = [function([p[k] for p in self._pieces], shared) for k in range(4)]
        self._session.workers += time.process_time() - started

    def each(self, function: Callable[[Any, Any], Any], shared: Any) -> Iterator[Any]:
        for state in self._states:
            started = time.process_time()
            found = function(state, shared)
            self._session.workers += time.process_time() - started
            yield found


def costs(rows: int, folder: Path) -> None:
    """CPU time and bytes of a row, of the caller and of the workers. No other process works, so
    that it can be measured on a busy machine."""
    from heimdall_core.dataset.parallel import spread_over
    from heimdall_core.pipeline.steps import generate, parts

    parts.PARTS_FROM, generate.PART_ROWS = 0, 1000  # type: ignore[misc]
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry(third_party=False)
    sources = default_mix(registry)
    path = folder / "rows.jsonl"
    schemas = all_schemas(sources)  # made once for all
    print("| stage | caller µs/row | workers µs/row | bytes there | back | shuffled |")
    print("|---|---:|---:|---:|---:|---:|")
    for stage in ("generate", "correct"):
        session, started = Timed(), time.process_time()
        with spread_over(session):  # type: ignore[arg-type]
            if stage == "generate":
                made = generate_dataset(
                    registry, sources, total=rows, seed=7, output=path, max_rejected=1.0
                ).rows
            else:
                correct_file(
                    path,
                    folder / "corrected.jsonl",
                    CorrectOptions(),
                    language=registry.find_language,
                    schemas=schemas,
                )
        caller = time.process_time() - started - session.workers
        cells = [1e6 * caller / made, 1e6 * session.workers / made]
        cells += [n / made for n in (session.there, session.back, session.shuffled)]
        print(f"| {stage} | " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |", flush=True)
    print(f"{made:,} rows of {path.stat().st_size / made:,.0f} bytes")
    for count in (4, 16, 64, 1024):
        print(f"shuffle, {count} parts: {shuffle_bytes(path, count):,.0f} bytes a row")


def scaled(rows: int, workers: list[int], folder: Path) -> None:
    """The same rows with more and more workers."""
    print(f"{rows:,} rows", flush=True)
    found = []
    for count in workers:
        for name in ("local", "ray"):
            made = measured(
                rows, folder / f"{name}{count}", {"name": name, "workers": count}, lambda text: None
            )
            found.append((f"{name}, {count} workers", made))
    table(found)
    print("same bytes:", len({str(made["digests"]) for _, made in found}) == 1)


def table(found: list[tuple[str, dict[str, Any]]]) -> None:
    """Prints what was measured."""
    print("µs/row: CPU time, of the process that was called and of its workers")
    print("| executor | stage | s | rows/s | caller µs/row | workers µs/row |")
    print("|---|---|---:|---:|---:|---:|")
    for name, made in found:
        for stage in ("generate", "correct"):
            seconds, own, theirs = made[stage]
            per = [f"{1e6 * cpu / made['rows']:,.0f}" for cpu in (own, theirs)]
            print(
                f"| {name} | {stage} | {seconds:,.1f} | {made['rows'] / seconds:,.0f} | "
                f"{' | '.join(per)} |"
            )
    for name, made in found:
        removed = {reason: n for reason, n in made["removed"].items() if n}
        print(
            f"{name}: {made['rows']:,} rows ({made['repeated']:,} repeated and left out, "
            f"{made['bytes'] / made['rows']:,.0f} bytes each), {made['kept']:,} kept, removed "
            f"{removed}; {made['lost']} pieces lost and done again"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=1, help="of each node")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two, about")
    parser.add_argument("--lose-node", action="store_true", help="take a node away as well")
    parser.add_argument("--workers", type=int, nargs="*", help="scaling instead")
    parser.add_argument("--costs", action="store_true", help="what a row costs instead")
    parser.add_argument("--folder", type=Path, help="keep the files here")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="heimdall-scale-"))
    try:
        if given.costs:
            costs(given.rows, folder)
        elif given.workers:
            scaled(given.rows, given.workers, folder)
        else:
            compared(given, folder)
    finally:
        if not given.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
