"""What `heimdall doctor` looks at. Everything that may crash or hang (a plugin's import, torch,
llama.cpp) is looked at from a child process with a time limit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from heimdall_core.hookspecs import PROJECT
from heimdall_core.registry import EMBEDDED

#: Distribution → the extra that brings it, and what is missing without it.
PACKAGES = {
    "torch": ("train", "training and the transformers runtime"),
    "transformers": ("train", "training and the transformers runtime"),
    "tokenizers": ("train", "tokenizers"),
    "peft": ("train", "LoRA"),
    "bitsandbytes": ("train", "QLoRA (4-bit base models)"),
    "gguf": ("gguf", "GGUF export"),
    "llama-cpp-python": ("gguf", "quantisation, the llama.cpp runtime and the proof"),
    "graphdblite": ("eval", "execution of queries"),
}

#: Bytes: a 1.5 B base model, its merged copy and two GGUF files.
_WANTED_DISK = 12_000_000_000

_TORCH = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__, "threads": torch.get_num_threads(), "cuda": cuda,
    "device": torch.cuda.get_device_name(0) if cuda else "",
    "bytes": torch.cuda.get_device_properties(0).total_memory if cuda else 0,
    "bf16": cuda and torch.cuda.is_bf16_supported(),
    "mps": torch.backends.mps.is_available(),
}))
"""
_BITSANDBYTES = """
import json, torch, bitsandbytes
from bitsandbytes.functional import quantize_4bit, dequantize_4bit
x = torch.linspace(-1, 1, 64)
y = dequantize_4bit(*quantize_4bit(x, quant_type="nf4"))
print(json.dumps({"error": float((x - y).abs().max())}))
"""
_LLAMA = """
import json, llama_cpp
print(json.dumps({
    "info": llama_cpp.llama_print_system_info().decode(),
    "offload": bool(llama_cpp.llama_supports_gpu_offload()),
}))
"""
_HUB = """
import json, urllib.request
request = urllib.request.Request("https://huggingface.co/robots.txt", method="HEAD")
with urllib.request.urlopen(request, timeout=5) as answer:
    print(json.dumps({"status": answer.status}))
"""
_PLUGIN = """
import json, sys, time
from importlib.metadata import EntryPoint
from heimdall_core.registry import Registry
name, value = sys.argv[1:3]
start = time.perf_counter()
plugin = EntryPoint(name, value, "heimdall").load()
seconds = time.perf_counter() - start
[info] = Registry(discover=False, plugins=[(name, plugin)]).plugins
provides = {role: list(names) for role, names in info.provides.items()}
print()
hooks = [hook.removeprefix("heimdall_") for hook in info.hooks]
told = {"seconds": seconds, "provides": provides, "hooks": hooks, "deprecated": info.deprecated}
print(json.dumps(told))
"""


@frozen
class Diagnosis:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str
    advice: str = ""
    """What to do; empty where there is nothing to do."""


def diagnose(*, limit: float, folder: Path, third_party: bool) -> Iterator[Diagnosis]:
    """Everything in order; `limit` in seconds is what one child process may take."""
    yield Diagnosis("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")
    installed = {name: _version(name) for name in PACKAGES}
    for name, found in installed.items():
        extra, what = PACKAGES[name]
        if found is None:
            advice = f"pip install 'heimdall-slm[{extra}]'"
            yield Diagnosis(name, "note", f"not installed: no {what}", advice)
        elif name not in ("torch", "bitsandbytes", "llama-cpp-python"):
            yield Diagnosis(name, "ok", found)
    if installed["torch"]:
        yield _torch(limit)
    if installed["bitsandbytes"] and installed["torch"]:
        yield _bitsandbytes(limit, str(installed["bitsandbytes"]))
    if installed["llama-cpp-python"]:
        yield _llama(limit, str(installed["llama-cpp-python"]))
    yield _disk(folder)
    yield _hub(limit)
    yield from _plugins(limit, third_party=third_party)


def _torch(limit: float) -> Diagnosis:
    found, error = child(_TORCH, (), limit)
    if found is None:
        return Diagnosis("torch", "problem", error, "install torch again; see pytorch.org")
    if found["cuda"]:
        bf16 = "bf16" if found["bf16"] else "fp16 (no bf16)"
        device = f"{found['device']}, {found['bytes'] / 1e9:.0f} GB, {bf16}"
    else:
        device = "Apple GPU (MPS)" if found["mps"] else f"CPU, {found['threads']} threads"
    small = not (found["cuda"] or found["mps"])
    advice = "train small models (nano) here; a billion parameters want a GPU" if small else ""
    return Diagnosis("torch", "note" if small else "ok", f"{found['version']}, {device}", advice)


def _bitsandbytes(limit: float, version: str) -> Diagnosis:
    found, error = child(_BITSANDBYTES, (), limit)
    if found is None:
        return Diagnosis("bitsandbytes", "problem", error, "train with LoRA in place of QLoRA")
    good = found["error"] < 0.2
    return Diagnosis(
        "bitsandbytes",
        "ok" if good else "problem",
        f"{version}, NF4 there and back within {found['error']:.2f}",
        "" if good else "install another release of bitsandbytes",
    )


def _llama(limit: float, version: str) -> Diagnosis:
    found, error = child(_LLAMA, (), limit)
    if found is None:
        advice = "build it again: pip install --force-reinstall --no-binary :all: llama-cpp-python"
        return Diagnosis("llama.cpp", "problem", error, advice)
    flags = " ".join(
        part.split("=")[0].strip() for part in found["info"].split("|") if part.strip()[-1:] == "1"
    )
    offload = "GPU offload" if found["offload"] else "CPU alone"
    return Diagnosis("llama.cpp", "ok", f"llama-cpp-python {version}, {offload}, {flags}")


def _disk(folder: Path) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    if free >= _WANTED_DISK:
        return Diagnosis("disk", "ok", detail)
    wanted = f"a 1.5 B model with its exports wants {_WANTED_DISK / 1e9:.0f} GB"
    return Diagnosis("disk", "problem" if free < 1e9 else "note", detail, wanted)


def _hub(limit: float) -> Diagnosis:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return Diagnosis("model hub", "note", "switched off by HF_HUB_OFFLINE", _LOCAL)
    found, error = child(_HUB, (), limit)
    if found is None:
        return Diagnosis("model hub", "note", f"huggingface.co: {error}", _LOCAL)
    return Diagnosis("model hub", "ok", "huggingface.co answers")


_LOCAL = "name base models by a local folder (train.base_model=/models/qwen)"


def _plugins(limit: float, *, third_party: bool) -> Iterator[Diagnosis]:
    entries = sorted(
        {(e.name, e.value): e for e in entry_points(group=PROJECT)}.values(),
        key=lambda e: (not _builtin(e), _origin(e)),
    )
    if not third_party:
        entries = [e for e in entries if _builtin(e)]
    owners: dict[tuple[str, str], str] = {}

    def load(entry: EntryPoint) -> tuple[dict[str, Any] | None, str]:
        return child(_PLUGIN, (entry.name, entry.value), limit)

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        results = list(pool.map(load, entries))
    for entry, (found, error) in zip(entries, results, strict=True):
        name, origin = f"plugin {entry.name}", _origin(entry)
        remove = "" if _builtin(entry) else f"; or: pip uninstall {_distribution(entry)}"
        if found is None:
            advice = f"HEIMDALL_DISABLE={entry.name} leaves it out{remove}"
            # The child hands the plugin in as an object; here is where it really comes from.
            why = error.removeprefix(f"{entry.name} ({EMBEDDED}): ")
            yield Diagnosis(name, "problem", f"{origin}: {why}", advice)
            continue
        taken = []
        for role, names in [("plugin name", [entry.name]), *found["provides"].items()]:
            for item in names:
                owner = owners.setdefault((role, item), origin)
                if owner != origin:
                    taken.append(f"the {role} '{item}' is already {owner}'s")
        if taken:
            advice = remove.removeprefix("; or: ")
            yield Diagnosis(name, "problem", f"{origin}: {'; '.join(taken)}", advice)
            continue
        listed = "; ".join(f"{role}: {', '.join(n)}" for role, n in found["provides"].items())
        listed = listed or f"hooks: {', '.join(found['hooks'])}"
        state: Literal["ok", "note"] = "ok"
        advice = ""
        if found["deprecated"]:
            state, advice = "note", "; ".join(found["deprecated"])
        elif found["seconds"] > 1:
            state, advice = "note", f"takes {found['seconds']:.1f} s to import: every command waits"
        yield Diagnosis(name, state, f"{origin}: {listed}", advice)


def child(code: str, arguments: Sequence[str], limit: float) -> tuple[dict[str, Any] | None, str]:
    """Runs Python code that prints a JSON object on its last line; (object, '') or (None, why)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            # The whole group: what hangs may have started processes of its own.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None, f"did not answer within {limit:g} s"
        out.seek(0)
        err.seek(0)
        lines = out.read().decode("utf-8", "replace").strip().splitlines()
        told = err.read().decode("utf-8", "replace").strip().splitlines()
    if status == 0 and lines:
        try:
            found = json.loads(lines[-1])
        except ValueError:
            return None, f"answered something else than expected: {lines[-1][:80]}"
        return (found, "") if isinstance(found, dict) else (None, "answered nothing")
    if status < 0:
        return None, f"crashed with signal {-status}"
    said = told[-1].removeprefix("heimdall_core.errors.PluginError: ")[:300] if told else ""
    return None, said or f"ended with status {status}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "unknown distribution"


def _origin(entry: EntryPoint) -> str:
    return f"{_distribution(entry)} {entry.dist.version if entry.dist else ''}".strip()


def _builtin(entry: EntryPoint) -> bool:
    return _distribution(entry) == "heimdall-slm"
