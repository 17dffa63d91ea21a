"""LoRA training beside transformers' Trainer and TRL: useful tokens a second, in one run.

    python benchmarks/training.py [--steps 12] [--repeats 3]

One random-weight Qwen2 on the CPU, one set of Cypher rows from the generator, one adapter, the same
rows to an optimiser step, fp32, AdamW's fused kernel everywhere. Useful tokens are those that are
no padding; each method's clock runs from the end of its second optimiser step to the end of its
last. The methods take turns in one process, with the same number of threads that wait for each
other in the same way; the figure is the median of the repeats. Needs `trl`, which the project does
not.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
import trl
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

from heimdall_core import Registry
from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.prompt import END_OF_TEXT, IM_END, render_example
from heimdall_core.types import Event, TrainContext
from heimdall_run_transformers.device import available_cores
from heimdall_run_transformers.encode import read_rendered
from heimdall_run_transformers.packages import share_cores
from heimdall_run_transformers.training import loop
from heimdall_train_lora.train import train
from heimdall_train_scratch.tokenizer import train_tokenizer

ROWS, VOCABULARY, MAX_LENGTH = 3000, 16384, 512
BATCH, ACCUMULATION, WARM_UP = 8, 2, 2
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]
RANK, ALPHA, RATE = 32, 64, 3e-4


class Clock(TrainerCallback):
    """When each optimiser step ended, and how many real tokens were collated before it."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.seen: list[int] = []
        self.tokens = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.tick()

    def tick(self) -> None:
        """An optimiser step has ended."""
        self.ends.append(time.perf_counter())
        self.seen.append(self.tokens)

    def rate(self) -> float:
        """Useful tokens a second after the warm-up."""
        tokens = self.seen[-1] - self.seen[WARM_UP - 1]
        return tokens / (self.ends[-1] - self.ends[WARM_UP - 1])


class Counting:
    """A collator that counts real tokens."""

    def __init__(self, collate: Callable[[Any], Any], pad: int, clock: Clock) -> None:
        self.collate, self.pad, self.clock = collate, pad, clock

    def __call__(self, rows: Any) -> Any:
        batch = self.collate(rows)
        self.clock.tokens += int((batch["input_ids"] != self.pad).sum())
        return batch


class Bench:
    """Model, rows and tokenizer, made once."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps = folder, steps
        registry = Registry(third_party=False)
        generator = registry.generator("cypher")
        generate_dataset(
            registry,
            (Source(generator, generator.options(), 1.0),),
            total=ROWS,
            seed=1,
            output=folder / "train.jsonl",
            check=False,
            dialect="",
            max_rejected=1.0,
        )
        # Rows that tell a schema at length would be cut by the peers, and are refused by ours.
        rows = [
            row
            for row in read_examples(folder / "train.jsonl")
            if len(row.instruction) + len(row.input) + len(row.output) < 2 * MAX_LENGTH
        ]
        write_examples(folder / "train.jsonl", rows)
        write_examples(folder / "validation.jsonl", rows[:8])
        self.texts = [render_example(r.instruction, r.input, r.output, r.system) for r in rows]
        self.tokenizer: PreTrainedTokenizerFast = train_tokenizer(
            read_rendered(folder / "train.jsonl"), VOCABULARY, 2048
        )
        self.pad = self.tokenizer.convert_tokens_to_ids(END_OF_TEXT)
        torch.manual_seed(1)
        config = Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=256,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=2,
            intermediate_size=1024,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            pad_token_id=self.pad,
            bos_token_id=None,
            eos_token_id=self.tokenizer.convert_tokens_to_ids(IM_END),
        )
        model = Qwen2ForCausalLM(config)
        self.parameters = model.num_parameters()
        model.save_pretrained(folder / "base")
        self.tokenizer.save_pretrained(folder / "base")
        self.encoded = []
        for text in self.texts:
            prompt = self.tokenizer(text.prompt, add_special_tokens=False)["input_ids"]
            answer = self.tokenizer(text.answer, add_special_tokens=False)["input_ids"]
            self.encoded.append(
                {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}
            )
        lengths = [len(row["input_ids"]) for row in self.encoded]
        trained = sum(sum(label != -100 for label in row["labels"]) for row in self.encoded)
        self.shape = (
            f"{statistics.mean(lengths):.0f} tokens to a row ({min(lengths)} to {max(lengths)}), "
            f"{trained / sum(lengths):.0%} of them trained"
        )

    def adapted(self) -> Any:
        """The base with a fresh adapter, as PEFT makes it."""
        base = AutoModelForCausalLM.from_pretrained(self.folder / "base", dtype=torch.float32)
        return get_peft_model(base, self.lora())

    def lora(self) -> LoraConfig:
        """The adapter of all methods."""
        return LoraConfig(
            task_type="CAUSAL_LM",
            r=RANK,
            lora_alpha=ALPHA,
            lora_dropout=0.05,
            target_modules=TARGETS,
        )

    def arguments(self, kind: type[Any], **more: Any) -> Any:
        """Training arguments of transformers and TRL."""
        settings: dict[str, Any] = {
            "output_dir": str(self.folder / "peer"),
            "max_steps": self.steps,
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": ACCUMULATION,
            "learning_rate": RATE,
            "report_to": "none",
            "save_strategy": "no",
            "logging_strategy": "no",
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 1,
            "gradient_checkpointing": False,
            "optim": "adamw_torch_fused",
            "bf16": False,
        }
        return kind(**{**settings, **more})

    def trainer(self, width: int | None) -> float:
        """transformers' Trainer, padded to the longest row of a batch or to `width`."""
        clock = Clock()

        def collate(rows: Any) -> Any:
            longest = width or max(len(row["input_ids"]) for row in rows)
            batch: dict[str, list[Any]] = {"input_ids": [], "labels": [], "attention_mask": []}
            for row in rows:
                room = longest - len(row["input_ids"])
                batch["input_ids"].append(row["input_ids"] + [self.pad] * room)
                batch["labels"].append(row["labels"] + [-100] * room)
                batch["attention_mask"].append([1] * len(row["input_ids"]) + [0] * room)
            return {name: torch.tensor(values) for name, values in batch.items()}

        trainer = Trainer(
            model=self.adapted(),
            args=self.arguments(TrainingArguments, remove_unused_columns=False),
            train_dataset=Dataset.from_list(self.encoded),
            data_collator=Counting(collate, self.pad, clock),
            callbacks=[clock],
        )
        trainer.train()
        return clock.rate()

    def trl(self, packing: bool) -> float:
        """TRL's SFTTrainer with its defaults; packed rows of `MAX_LENGTH`, so that a step has about
        as many tokens."""
        clock = Clock()
        more: dict[str, Any] = {"max_length": MAX_LENGTH, "packing": packing}
        if packing:
            more |= {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2}
        rows = [{"prompt": t.prompt, "completion": t.answer} for t in self.texts]
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(self.folder / "base", dtype=torch.float32),
            args=self.arguments(SFTConfig, **more),
            train_dataset=Dataset.from_list(rows),
            processing_class=self.tokenizer,
            peft_config=self.lora(),
            callbacks=[clock],
        )
        trainer.data_collator = Counting(trainer.data_collator, self.pad, clock)
        trainer.train()
        return clock.rate()

    def ours(self, number: int, **more: Any) -> float:
        """The trainer `lora`, under the clock of the others."""
        clock, plain = Clock(), loop.answer_loss

        def counting(model: Any, batch: Any) -> torch.Tensor:
            clock.tokens += batch.real_tokens
            return plain(model, batch)

        def note(event: Event) -> None:
            if event.kind == "progress":
                clock.tick()

        place = self.folder / f"ours-{number}"
        settings: dict[str, Any] = {
            "base_model": str(self.folder / "base"),
            "max_steps": self.steps,
            "num_train_epochs": 1,
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": ACCUMULATION,
            "learning_rate": RATE,
            "lora_r": RANK,
            "lora_alpha": ALPHA,
            "lora_dropout": 0.05,
            "max_seq_length": MAX_LENGTH,
            "eval_steps": self.steps,
        }
        loop.answer_loss = counting
        train(
            TrainContext(
                train=self.folder / "train.jsonl",
                validation=self.folder / "validation.jsonl",
                output=place / "model",
                work=place / "work",
                seed=1,
                emit=note,
                cache=self.folder / "tokens",
            ),
            TrainingConfig(**{**settings, **more}),
        )
        loop.answer_loss = plain
        return clock.rate()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ):
        share_cores()  # OpenMP reads it when PyTorch is loaded: once more from the start
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this script itself
    warnings.simplefilter("ignore")
    torch.set_num_threads(available_cores())
    number = itertools.count()
    spin = os.environ.get("GOMP_SPINCOUNT")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), asked.steps)
        methods: dict[str, Callable[[], float]] = {
            "(a) Trainer, padded to the longest": lambda: bench.trainer(None),
            f"(b) Trainer, padded to max_length = {MAX_LENGTH}": lambda: bench.trainer(MAX_LENGTH),
            "(c) TRL SFTTrainer": lambda: bench.trl(False),
            f"(d) TRL SFTTrainer, packing to {MAX_LENGTH}": lambda: bench.trl(True),
            "Heimdall, padded by length": lambda: bench.ours(next(number), layout="padded"),
            "Heimdall, packed": lambda: bench.ours(next(number)),
            "Heimdall, packed, pack_tokens = 2048": lambda: bench.ours(
                next(number), pack_tokens=2048
            ),
        }
        rates: dict[str, list[float]] = {method: [] for method in methods}
        for _ in range(asked.repeats):
            for method, run in methods.items():
                rates[method].append(run())
                print(f"  {method}: {rates[method][-1]:,.0f}", file=sys.stderr, flush=True)
        found = {method: statistics.median(values) for method, values in rates.items()}
        ours = max(v for m, v in found.items() if m.startswith("Heimdall"))
        print(
            f"{bench.parameters / 1e6:.1f} M parameters (vocabulary {VOCABULARY:,}), LoRA r = "
            f"{RANK} on q, k, v, o; {BATCH} × {ACCUMULATION} rows to a step; {bench.shape}; "
            f"{torch.get_num_threads()} threads, GOMP_SPINCOUNT {spin}; "
            f"{asked.steps} steps; torch {torch.__version__}, transformers "
            f"{transformers.__version__}, TRL {trl.__version__}, PEFT {peft.__version__}\n"
        )
        print("| method | useful tokens/s (median) | all repeats | best Heimdall is faster by |")
        print("|---|---|---|---|")
        for method, rate in found.items():
            repeats = ", ".join(f"{value:,.0f}" for value in rates[method])
            print(f"| {method} | {rate:,.0f} | {repeats} | {ours / rate:.2f} |")


if __name__ == "__main__":
    main()
