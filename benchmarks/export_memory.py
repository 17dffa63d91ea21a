"""Peak memory of an export by size of the model: does it grow with the model?

    python benchmarks/export_memory.py [--sizes 0.5,1.5] [--kinds F16,Q4_K_M]

Models have the shapes of Qwen2.5 and random weights in bfloat16. `own` is the process's own memory
(anonymous pages); `mapped` are pages of the file that llama.cpp maps, which the kernel takes back
when it needs them. Limit: 2 GB of own memory for any size up to 7 B; the largest tensor of 7 B is
read in the same blocks as that of 0.5 B.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

#: Billions of parameters -> hidden, layers, inner, heads, key-value heads, tied.
SHAPES = {
    "0.5": (896, 24, 4864, 14, 2, True),
    "1.5": (1536, 28, 8960, 12, 2, True),
    "7": (3584, 28, 18944, 28, 4, False),
}
VOCABULARY = 151936


def build(folder: Path, size: str) -> int:
    """Writes a model directory without holding it in memory; returns its parameters."""
    from tiny_models import LESSONS, build_tokenizer
    from transformers import PreTrainedTokenizerFast

    from heimdall_core.prompt import CHAT_TEMPLATE, END_OF_TEXT, IM_END

    hidden, layers, inner, heads, groups, tied = SHAPES[size]
    keys = hidden // heads * groups
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCABULARY, hidden)}
    for n in range(layers):
        name = f"model.layers.{n}."
        shapes |= {
            f"{name}input_layernorm.weight": (hidden,),
            f"{name}post_attention_layernorm.weight": (hidden,),
            f"{name}self_attn.q_proj.weight": (hidden, hidden),
            f"{name}self_attn.q_proj.bias": (hidden,),
            f"{name}self_attn.k_proj.weight": (keys, hidden),
            f"{name}self_attn.k_proj.bias": (keys,),
            f"{name}self_attn.v_proj.weight": (keys, hidden),
            f"{name}self_attn.v_proj.bias": (keys,),
            f"{name}self_attn.o_proj.weight": (hidden, hidden),
            f"{name}mlp.gate_proj.weight": (inner, hidden),
            f"{name}mlp.up_proj.weight": (inner, hidden),
            f"{name}mlp.down_proj.weight": (hidden, inner),
        }
    shapes["model.norm.weight"] = (hidden,)
    if not tied:
        shapes["lm_head.weight"] = (VOCABULARY, hidden)
    folder.mkdir()
    entries, at = {}, 0
    for name, shape in shapes.items():
        end = at + 2 * int(np.prod(shape))
        entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    header = json.dumps(entries).encode()
    noise = np.random.default_rng(1).normal(0, 0.02, 1 << 22).astype(np.float32)
    block = (noise.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        left = at
        while left:
            file.write(block[: min(left, len(block))])
            left -= min(left, len(block))
    tokenizer = build_tokenizer([question for question, _ in LESSONS])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=IM_END, pad_token=END_OF_TEXT
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    config = {
        "model_type": "qwen2",
        "architectures": ["Qwen2ForCausalLM"],
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "vocab_size": VOCABULARY,
        "tie_word_embeddings": tied,
        "hidden_act": "silu",
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return at // 2


def watched(command: list[str]) -> tuple[float, float, float]:
    """Seconds, and the highest own and mapped memory in MB."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    own = mapped = 0.0
    while child.poll() is None:
        try:
            status = Path(f"/proc/{child.pid}/status").read_text()
        except OSError:
            break
        found = {
            line.split(":")[0]: int(line.split()[1]) / 1000
            for line in status.splitlines()
            if line.startswith(("RssAnon", "RssFile"))
        }
        own, mapped = max(own, found.get("RssAnon", 0)), max(mapped, found.get("RssFile", 0))
        time.sleep(0.02)
    _, said = child.communicate()
    if child.returncode:
        sys.exit(said.decode()[-2000:])
    return time.perf_counter() - started, own, mapped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="0.5,1.5")
    parser.add_argument("--kinds", default="F16,Q4_K_M")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| parameters | type | time | own memory | mapped |")
    print("|---|---|---|---|---|")
    for size in arguments.sizes.split(","):
        folder = Path(tempfile.mkdtemp(prefix="export-memory-"))
        try:
            parameters = build(folder / "model", size)
            for kind in arguments.kinds.split(","):
                command = [sys.executable, "-m", "heimdall_core.cli.main", "export"]
                command += ["--no-verify", "--model-dir", str(folder / "model")]
                command += ["--output", str(folder / f"{kind}.gguf"), "--quant-type", kind]
                seconds, own, mapped = watched(command)
                print(
                    f"| {parameters / 1e9:.2f} B | {kind} | {seconds:.0f} s | {own:,.0f} MB"
                    f" | {mapped:,.0f} MB |",
                    flush=True,
                )
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
