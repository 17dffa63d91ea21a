"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Trainer, hookimpl, lazy
from heimdall_train_scratch.plan import DEFAULTS, READS


@hookimpl
def heimdall_trainers() -> Iterator[Trainer]:
    yield Trainer(
        name="scratch",
        summary="A small Qwen2-architecture model and its own tokenizer, from random weights.",
        train=lazy("heimdall_train_scratch.train:train"),
        reads=READS,
        ready=lazy("heimdall_train_scratch.train:ready"),
        estimate=lazy("heimdall_train_scratch.train:estimate"),
        defaults=DEFAULTS,
    )
