"""The recipe that goes with `toy_plugins`."""

from __future__ import annotations

from typing import Any

RECIPE: dict[str, Any] = {
    "name": "toy",
    "seed": 3,
    "generate": {"num_examples": 400, "mix": {"toy": {}}},
    "split": {"validation": 0.1, "test": 0.1},
    "train": {"trainer": "toy", "learning_rate": 0.1},
    "export": {"exporters": ["toy"]},
    "evaluate": {"artefacts": ["T1"], "metrics": ["same"], "max_rows": 20},
}
