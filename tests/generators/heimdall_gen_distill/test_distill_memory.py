"""Memory does not grow with the prompts: 100,000 of them against the server on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from teaching import Running

pytestmark = pytest.mark.slow

PROMPTS = 100_000
FIRST = 25_000
#: MiB that may come on top between the first quarter and the end.
MORE = 48

RUN = """
import json, sys
from pathlib import Path
from heimdall_core import Registry
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.write import distill_file

folder, address = Path(sys.argv[1]), sys.argv[2]

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

def note(event):
    if event.kind == "progress":
        print(json.dumps([event.done, resident()]), flush=True)

options = DistillOptions(
    prompts=str(folder / "prompts.txt"), cache=str(folder / "cache"), concurrency=64,
    teacher_options={"base_url": address, "model": "gpt-4o", "structured": False},
)
report = distill_file(options, Registry(third_party=False).teacher, folder / "out.jsonl", emit=note)
print(json.dumps([report["rows"], resident()]), flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_is_flat_at_100_000_prompts(
    server: Running, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "prompts.txt").open("w", encoding="utf-8") as file:
        # Short answers: what takes long is not what is measured.
        file.writelines(f"Number {i} [[say:RETURN {i % 977}]]\n" for i in range(PROMPTS))
    command = [sys.executable, "-c", RUN, str(tmp_path), server.openai]
    seen: list[tuple[float, float]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            done, size = json.loads(line)
            seen.append((done, size))
    assert process.returncode == 0
    assert seen[-1][0] == PROMPTS
    early = max(size for done, size in seen if done <= FIRST)
    most = max(size for _, size in seen)
    sys.stdout.write(f"{early:.0f} MiB up to {FIRST:,} prompts, {most:.0f} MiB in all\n")
    assert most <= early + MORE
    with (tmp_path / "out.jsonl").open(encoding="utf-8") as file:
        assert sum(1 for _ in file) == PROMPTS
