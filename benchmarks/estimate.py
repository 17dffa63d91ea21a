"""`heimdall estimate` beside what a training really took: peak memory on the CPU.

    python benchmarks/estimate.py [--cases 6 7]

Each configuration is trained for three steps in a process of its own, on rows that are all of one
length; the forecast is made in a fresh process as well. The target is 15 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from heimdall_core.prompt import SPECIAL_TOKENS

TARGET = 0.15

#: hidden size, layers, vocabulary, rows at once, tokens to a row, more settings
CASES = (
    (256, 8, 16384, 16, 200, {}),
    (256, 8, 16384, 16, 400, {}),
    (256, 8, 16384, 64, 200, {"target_modules": ["all-linear"]}),
    (384, 12, 32768, 16, 200, {}),
    (384, 12, 32768, 32, 300, {"lora_dropout": 0.0}),
    (384, 12, 32768, 32, 300, {"gradient_checkpointing": True}),
    (512, 8, 32768, 16, 300, {"use_dora": True}),
    (256, 8, 16384, 32, 400, {"gradient_checkpointing": True}),
    (256, 6, 16384, 48, 200, {"use_dora": True}),
)

CHILD = """
import json, sys
from pathlib import Path
from heimdall_core.config import TrainingConfig
settings = json.loads(sys.argv[2])
if "target_modules" in settings:
    settings["target_modules"] = tuple(settings["target_modules"])
config = TrainingConfig(**settings)
folder = Path(sys.argv[1])
if sys.argv[3] == "estimate":
    from heimdall_train_lora.train import estimate
    found = estimate(config, 96, float(sys.argv[4]))
    print(json.dumps([found.bytes]))
else:
    from heimdall_core.types import TrainContext
    from heimdall_train_lora.train import train
    made = train(TrainContext(folder / "rows.jsonl", folder / "few.jsonl", folder / "out",
                              folder / "work", 1), config)
    print(json.dumps([made.metrics["peak_memory_bytes"]]))
"""


def base(folder: Path, hidden: int, layers: int, vocabulary: int) -> None:
    """A random-weight Qwen2 with a token for each byte, so that lengths are known."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*SPECIAL_TOKENS, *letters]
    rust = Tokenizer(models.BPE(vocab={n: i for i, n in enumerate(names)}, merges=[]))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = decoders.ByteLevel()
    rust.add_special_tokens(list(SPECIAL_TOKENS))
    PreTrainedTokenizerFast(tokenizer_object=rust, eos_token=SPECIAL_TOKENS[2]).save_pretrained(
        folder
    )
    torch.manual_seed(1)
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=vocabulary,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=8,
            num_key_value_heads=2,
            intermediate_size=3 * hidden,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=2,
        )
    ).save_pretrained(folder)


def rows(folder: Path, length: int) -> None:
    """Rows of exactly `length` tokens, a third of them the answer."""
    chance = np.random.default_rng(1)
    marks = len("user\nassistant\n") + 1 + 3 + 1  # letters and markers around prompt and answer
    answer = length // 3 - 1
    prompt = length - marks - answer - 1
    with (folder / "rows.jsonl").open("w") as file:
        lines = [
            json.dumps(
                {
                    "instruction": "".join(chance.choice(list("abcdef"), prompt)),
                    "output": "".join(chance.choice(list("abcdef"), answer)),
                }
            )
            for _ in range(192)
        ]
        file.write("\n".join(lines) + "\n")
    (folder / "few.jsonl").write_text("\n".join(lines[:2]) + "\n")


def child(folder: Path, settings: dict[str, object], what: str, length: int) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(folder), json.dumps(settings), what,
         str(length)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, nargs="+", help="their numbers, from 1; else all")
    chosen = parser.parse_args().cases or range(1, len(CASES) + 1)
    print("| model | rows × tokens | settings | estimate | measured | error |")
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for hidden, layers, vocabulary, batch, length, more in (CASES[n - 1] for n in chosen):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            base(folder / "base", hidden, layers, vocabulary)
            rows(folder, length)
            settings: dict[str, object] = {
                "base_model": str(folder / "base"),
                "per_device_train_batch_size": batch,
                "gradient_accumulation_steps": 1,
                "max_steps": 3,
                "eval_steps": 3,
                "max_seq_length": 512,
                "lora_r": 16,
                **more,
            }
            found = child(folder, settings, "estimate", length)[0]
            took = child(folder, settings, "train", length)[0]
            error = found / took - 1
            worst = max(worst, abs(error))
            shown = ", ".join(f"{k} = {v}" for k, v in more.items()) or "LoRA on q, k, v, o"
            print(
                f"| {hidden} wide, {layers} blocks, vocabulary {vocabulary:,} | {batch} × {length} "
                f"| {shown} | {found / 1e6:,.0f} MB | {took / 1e6:,.0f} MB | {error:+.1%} |",
                flush=True,
            )
    print(f"\nworst {worst:.1%}, target {TARGET:.0%}")


if __name__ == "__main__":
    main()
