"""Settings of a training from scratch that takes a second or two."""

from __future__ import annotations

from typing import Any

TINY: dict[str, Any] = {
    "trainer": "scratch",
    "train_from_scratch": True,
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 400,
    "max_seq_length": 64,
    "max_position_embeddings": 64,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "learning_rate": 3e-3,
    "max_steps": 6,
    "num_train_epochs": 50,
    "threads": 2,
    "logging_steps": 2,
    "eval_steps": 2,
}
