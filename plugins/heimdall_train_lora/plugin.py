"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Trainer, hookimpl, lazy
from heimdall_train_lora.settings import DEFAULTS, READS


@hookimpl
def heimdall_trainers() -> Iterator[Trainer]:
    yield Trainer(
        name="lora",
        summary="LoRA, QLoRA, rsLoRA, DoRA, LoRA+, PiSSA and EVA on a base model, through PEFT.",
        train=lazy("heimdall_train_lora.train:train"),
        reads=READS,
        ready=lazy("heimdall_train_lora.train:ready"),
        estimate=lazy("heimdall_train_lora.train:estimate"),
        defaults=DEFAULTS,
    )
