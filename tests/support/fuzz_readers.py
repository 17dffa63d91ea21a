"""Damaged input for everything that reads a dataset or a recipe. Whatever is in a file, a reader
either reads it or says in the project's own error why not.

    python tests/support/fuzz_readers.py 600        (seconds; the seed is printed)
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from heimdall_core import Recipe, Registry
from heimdall_core.dataset.io import example_to_dict, read_numbered, write_examples
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Example

ROWS = [
    Example(
        f"Question {n} ü",
        output=f"MATCH (n {{v: {n}}}) RETURN n",
        category="a",
        verification=("x",),
        meta={"deep": [1, 2.5, None, {"k": "v"}]},
    )
    for n in range(40)
]
RECIPE = """
name = "fuzzed"
extends = "nano"
[generate]
num_examples = 100
[generate.mix.cypher]
weight = 2.0
[validate]
max_category_ratio = 3
[split]
by = ["prompt", "family"]
unseen_schemas = 2
[train]
learning_rate = 1e-3
[evaluate.targets]
exact_match = 0.5
"""
PIECES = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"NaN", b"1e999", b"[" * 500, b"{" * 500),
    *(b"null", b"\r", b"\n", b'"', b"\\", b"\xe2\x80\xa8", b"-", b"9" * 5000, b"true", b"=", b"[["),
)


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one to eight faults."""
    found = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(found) + 1)
        kind = draw.randrange(6)
        if kind == 0 and found:
            found[min(at, len(found) - 1)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            found[at:at] = draw.choice(PIECES)
        elif kind == 2:
            del found[at : at + draw.randint(1, 40)]
        elif kind == 3:
            end = at + draw.randint(1, 60)
            found[at:at] = found[at:end]
        elif kind == 4:
            found[at : at + 8] = draw.randbytes(8)
        else:
            del found[at:]
    return bytes(found)


def read_rows(path: Path) -> None:
    """Reads all rows; each must be one that can be written again."""
    for _, row in read_numbered(path, lambda bad: None):
        json.dumps(example_to_dict(row), allow_nan=False).encode()


def fuzz(seconds: float, seed: int) -> Counter[str]:
    """Reads damaged files until the time is over. What is not the project's own error is raised."""
    draw = random.Random(seed)
    registry = Registry(third_party=False)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        sound: dict[str, bytes] = {"recipe.toml": RECIPE.encode()}
        for name in ("rows.jsonl", "rows.jsonl.gz", "rows.parquet"):
            write_examples(Path(folder) / name, ROWS)
            sound[name] = (Path(folder) / name).read_bytes()
        # Texts are torn more often: packed files mostly fail at once.
        names = ["rows.jsonl"] * 3 + ["recipe.toml"] * 2 + ["rows.jsonl.gz", "rows.parquet"]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            name = draw.choice(names)
            data = damaged(sound[name], draw)
            path = Path(folder) / name
            path.write_bytes(data)
            try:
                if name.endswith(".toml"):
                    Recipe.load(path, registry).resolve(registry)
                else:
                    read_rows(path)
                counts[f"{name}: read"] += 1
            except HeimdallError as error:
                counts[f"{name}: refused" if str(error).strip() else "without words"] += 1
            except BaseException:
                kept = Path(tempfile.gettempdir()) / f"fuzz-failure-{seed}-{name}"
                kept.write_bytes(data)
                sys.stderr.write(f"seed {seed}: this file breaks a reader: {kept}\n")
                raise
    return counts


if __name__ == "__main__":
    started = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    sys.stdout.write(f"seed {started}\n")
    for what, count in sorted(fuzz(float(sys.argv[1]), started).items()):
        sys.stdout.write(f"{what} {count}\n")
