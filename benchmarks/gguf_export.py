"""GGUF export beside llama.cpp's own converter and quantiser: the same bytes, in less time?

    python benchmarks/gguf_export.py [--source DIR] [--runs 3] [--quick]

llama.cpp's converter lies in the source distribution of the installed llama-cpp-python, which pip
fetches; it needs `sentencepiece`. On models made on the spot, of every architecture and tokenizer,
each file of ours is compared with theirs: every tensor byte for byte, and every value of
`{arch}.*` and `tokenizer.*`. Both start from a cold interpreter. K-quants are made of theirs by
`llama_model_quantize`, as `llama-quantize` does, from an F32 file.

Their converter knows tokenizers by a hash of what they make of one text. It has never seen these,
so it is given the name. One more difference is none of ours: for a model without
tokenizer.model its scores are all -1000, which tokenises wrongly; such models are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

KINDS = ("F16", "BF16", "Q8_0", "Q4_K_M", "Q5_K_M")

#: name -> architecture, tokenizer, settings of `base_models.build_base`.
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qwen2": ("qwen2", "qwen2", {}),
    "qwen2, tied, padded, added tokens": (
        "qwen2",
        "qwen2",
        {"tie_word_embeddings": True, "padded_vocab": 37, "added": ("<tool>", "::")},
    ),
    "qwen2, yarn, bfloat16 shards": (
        "qwen2",
        "qwen2",
        {
            "dtype": "bfloat16",
            "shard_size": "1MB",
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 1e6,
                "factor": 4.0,
                "original_max_position_embeddings": 128,
            },
        },
    ),
    "qwen3": ("qwen3", "qwen2", {"head_dim": 128, "tie_word_embeddings": True}),
    "llama, SentencePiece": ("llama", "spm", {"padded_vocab": 13}),
    "llama, SentencePiece, linear": (
        "llama",
        "spm",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
    ),
    "llama 3, rope scaled": (
        "llama",
        "llama-bpe",
        {
            "dtype": "bfloat16",
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        },
    ),
    "llama, SmolLM's BPE": ("llama", "smollm", {"dtype": "float16"}),
    "mistral, SentencePiece": ("mistral", "spm", {}),
    "phi3, SentencePiece": ("phi3", "spm", {"padded_vocab": 5, "added": ("<extra>",)}),
    "phi3, longrope": (
        "phi3",
        "spm",
        {
            "max_position_embeddings": 2048,
            "original_max_position_embeddings": 512,
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 1e4,
                "partial_rotary_factor": 1.0,
                "long_factor": [1.0 + 0.1 * n for n in range(32)],
                "short_factor": [1.0 + 0.01 * n for n in range(32)],
                "original_max_position_embeddings": 512,
            },
        },
    ),
}

#: llama.cpp's name of each tokenizer's rule.
PRE = {"qwen2": "qwen2", "llama-bpe": "llama-bpe", "smollm": "smollm", "spm": "default"}

CONVERT = """
import runpy, sys
source, pre = sys.argv[1], sys.argv[2]
sys.path.insert(0, source)
sys.argv = [source + "/convert_hf_to_gguf.py", *sys.argv[3:]]
sys.path.insert(1, source + "/gguf-py")
from conversion import base
base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
runpy.run_path(sys.argv[0], run_name="__main__")
"""

QUANTISE = """
import ctypes, sys
import llama_cpp.llama_cpp as library
library.llama_backend_init()
parameters = library.llama_model_quantize_default_params()
parameters.ftype = getattr(library, "LLAMA_FTYPE_MOSTLY_" + sys.argv[3])
code = library.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(),
                                    ctypes.byref(parameters))
sys.exit(code)
"""


def fetch_source(folder: Path) -> Path:
    """llama.cpp's sources, out of the source distribution of the installed llama-cpp-python."""
    wanted = f"llama-cpp-python=={version('llama-cpp-python')}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
    command += ["--no-binary", "llama-cpp-python", wanted, "-d", str(folder)]
    subprocess.run(command, check=True)
    [archive] = folder.glob("llama_cpp_python-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    [source] = folder.glob("*/vendor/llama.cpp")
    return source


def measured(command: Sequence[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB of a command, which must succeed."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command[:6])} failed:\n{said.read().decode()[-3000:]}")
    return time.perf_counter() - started, usage.ru_maxrss / 1000


def theirs(source: Path, model: Path, pre: str, kind: str, output: Path) -> tuple[float, float]:
    """Converts (and quantises) with llama.cpp's own; seconds in all, and the higher peak."""
    direct = kind in ("F16", "BF16", "Q8_0")
    whole = output if direct else output.with_suffix(".f32.gguf")
    outtype = kind.lower() if direct else "f32"
    command = [sys.executable, "-c", CONVERT, str(source), pre, str(model)]
    seconds, memory = measured([*command, "--outfile", str(whole), "--outtype", outtype])
    if not direct:
        more, peak = measured([sys.executable, "-c", QUANTISE, str(whole), str(output), kind])
        seconds, memory = seconds + more, max(memory, peak)
        whole.unlink()
    return seconds, memory


def ours(model: Path, kind: str, output: Path) -> tuple[float, float]:
    """The same with `heimdall export`."""
    command = [sys.executable, "-m", "heimdall_core.cli.main", "export", "--no-verify"]
    command += ["--model-dir", str(model), "--output", str(output), "--quant-type", kind]
    return measured([*command, "--name", "peer"])


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same in two files: tensors' types, shapes and bytes, and the values of
    `{arch}.*` and `tokenizer.*`."""
    import gguf

    found = []
    left, right = gguf.GGUFReader(one), gguf.GGUFReader(other)
    tensors = [{t.name: t for t in reader.tensors} for reader in (left, right)]
    for name in sorted(tensors[0].keys() ^ tensors[1].keys()):
        found.append(f"tensor {name} in one file alone")
    for name in tensors[0].keys() & tensors[1].keys():
        a, b = tensors[0][name], tensors[1][name]
        if a.tensor_type != b.tensor_type or a.shape.tolist() != b.shape.tolist():
            found.append(f"tensor {name}: {a.tensor_type.name} and {b.tensor_type.name}")
        elif not np.array_equal(a.data.view(np.uint8), b.data.view(np.uint8)):
            found.append(f"tensor {name}: other bytes")
    architecture = left.fields["general.architecture"].contents()
    compared = (f"{architecture}.", "tokenizer.", "general.architecture", "general.file_type")
    values = [
        {key: f.contents() for key, f in reader.fields.items() if key.startswith(compared)}
        for reader in (left, right)
    ]
    for key in sorted(values[0].keys() | values[1].keys()):
        if values[0].get(key) != values[1].get(key):
            a, b = str(values[0].get(key))[:80], str(values[1].get(key))[:80]
            found.append(f"{key}: {a} and {b}")
    return found


def build(folder: Path, name: str) -> Path:
    """Makes one model; in a process of its own, as PyTorch is not ours to measure."""
    architecture, kind, settings = MODELS[name]
    code = (
        "import json, sys, torch; sys.path.insert(0, sys.argv[1]);"
        "from pathlib import Path; from base_models import build_base;"
        "s = json.loads(sys.argv[5]); d = s.pop('dtype', 'float32');"
        "build_base(Path(sys.argv[2]), sys.argv[3], sys.argv[4], dtype=getattr(torch, d), **s)"
    )
    arguments = [str(ROOT / "tests/support"), str(folder), architecture, kind]
    measured([sys.executable, "-c", code, *arguments, json.dumps(settings)])
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="llama.cpp's folder, if it is here already")
    parser.add_argument("--runs", type=int, default=1, help="timed runs of each; medians are shown")
    parser.add_argument("--quick", action="store_true", help="F16 and Q4_K_M alone")
    parser.add_argument("--only", default="", help="models whose name holds this")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gguf-export-"))
    wrong = 0
    try:
        source = arguments.source or fetch_source(folder)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},")
        print(f"llama-cpp-python {version('llama-cpp-python')}; medians of {arguments.runs}\n")
        print("| model | type | same | ours | theirs | time | our peak | their peak | memory |")
        print("|---|---|---|---|---|---|---|---|---|")
        for number, name in enumerate(MODELS):
            if arguments.only not in name:
                continue
            model = build(folder / f"model{number}", name)
            for kind in ("F16", "Q4_K_M") if arguments.quick else KINDS:
                own, peer = folder / "ours.gguf", folder / "theirs.gguf"
                rows = []
                for _ in range(arguments.runs):
                    own.unlink(missing_ok=True)
                    rows.append(
                        (
                            *ours(model, kind, own),
                            *theirs(source, model, PRE[MODELS[name][1]], kind, peer),
                        )
                    )
                found = differences(own, peer)
                wrong += len(found)
                a, am, b, bm = (statistics.median(column) for column in zip(*rows, strict=True))
                same = "yes" if not found else f"NO: {found[0]}"
                print(
                    f"| {name} | {kind} | {same} | {a:.2f} s | {b:.2f} s | {a / b:.2f}"
                    f" | {am:.0f} MB | {bm:.0f} MB | {am / bm:.2f} |",
                    flush=True,
                )
                for line in found[1:]:
                    print(f"|   | | {line} |")
    finally:
        shutil.rmtree(folder)
    if wrong:
        sys.exit(f"{wrong} differences")


if __name__ == "__main__":
    main()
