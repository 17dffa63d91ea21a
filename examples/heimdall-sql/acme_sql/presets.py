"""nano's way for SQL, and the same shrunken to two minutes."""

from __future__ import annotations

NANO = {
    "name": "sql_nano",
    "description": "A tiny SQL model from scratch, on the CPU, in minutes",
    "author": "Acme",
    "licence": "MIT",
    "generate": {"num_examples": 12000, "mix": {"sql": {}}},
    "validate": {"max_category_ratio": 100},
    "split": {"validation": 0.02, "test": 0.04},
    "train": {
        "trainer": "scratch",
        "train_from_scratch": True,
        "hidden_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 768,
        "vocab_size": 1024,
        "max_position_embeddings": 1024,
        "max_seq_length": 256,
        "optimizer": "muon",
        "matrix_learning_rate": 0.008,
        "learning_rate": 0.002,
        "copy_drill_steps": 130,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 32,
        "gradient_accumulation_steps": 1,
        "weight_decay": 0.05,
        "adam_beta2": 0.98,
    },
    "export": {"options": {"gguf": {"quant_types": ["F16", "Q4_K_M"]}}},
    "evaluate": {
        "artefacts": ["Q4_K_M"],
        "metrics": ["exact_match", "sql_rows"],
        "max_rows": 400,
        "max_new_tokens": 96,
        "targets": {"exact_match": 0.8, "sql_rows": 0.8},
    },
}

QUICK = {
    "description": "The SQL run, shrunken: every stage, no quality",
    "extends": "sql_nano",
    "generate": {"num_examples": 1200},
    "train": {
        "num_hidden_layers": 2,
        "intermediate_size": 512,
        "max_steps": 40,
        "copy_drill_steps": 10,
        "num_train_epochs": 1,
    },
    "verify": {"answers": 10},
    "evaluate": {"max_rows": 20, "targets": {"exact_match": 0.0, "sql_rows": 0.0}},
}
