"""What the plugin's hook points at: cheap checks first, heavy imports after them."""

from __future__ import annotations

from importlib.util import find_spec

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import missing_extra
from heimdall_core.types import Estimate, TrainContext, TrainResult
from heimdall_run_transformers.packages import require_packages, share_cores
from heimdall_run_transformers.training.places import check_url
from heimdall_train_lora.going_on import check_adapter
from heimdall_train_lora.settings import check_config, check_device


def train(context: TrainContext, config: TrainingConfig) -> TrainResult:
    """Trains an adapter on a base model; see the plugin's README.

    A checkpoint in `context.work` of the same data and settings is continued: on the CPU, with the
    same number of threads, the final weights are those of an uninterrupted run, bit for bit.
    """
    ready(config)
    from heimdall_train_lora.training import train_model

    return train_model(context, config)


def estimate(config: TrainingConfig, rows: int, tokens_per_row: float) -> Estimate:
    """Forecast of parameters, memory by part and time; nothing is loaded or downloaded."""
    check_config(config)
    require_packages("a forecast of the trainer 'lora'")
    from heimdall_train_lora.forecast import forecast

    return forecast(config, rows, tokens_per_row)


def ready(config: TrainingConfig) -> None:
    """Raises what would stop a training with these settings, before any data is read."""
    check_config(config)
    check_device(config)
    check_adapter(config)
    require_packages("the trainer 'lora'")
    if find_spec("peft") is None:
        raise missing_extra("peft", "train", "the trainer 'lora'")
    if config.use_qlora and find_spec("bitsandbytes") is None:
        raise missing_extra("bitsandbytes", "train", "use_qlora")
    check_url(config.checkpoints)
    share_cores()
