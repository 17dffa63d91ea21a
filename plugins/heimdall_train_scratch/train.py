"""What the plugin's hook points at: cheap checks first, heavy imports after them."""

from __future__ import annotations

from heimdall_core.config import TrainingConfig
from heimdall_core.types import Estimate, TrainContext, TrainResult
from heimdall_run_transformers.packages import require_packages, share_cores
from heimdall_run_transformers.training.places import check_url
from heimdall_train_scratch.plan import check_config
from heimdall_train_scratch.shape import shape_of


def train(context: TrainContext, config: TrainingConfig) -> TrainResult:
    """Trains a tokenizer and a model from random weights; see the plugin's README.

    A checkpoint in `context.work` of the same data and settings is continued: with the same
    number of threads, the final weights are those of an uninterrupted run, bit for bit.
    """
    ready(config)
    from heimdall_train_scratch.training import train_model

    return train_model(context, config)


def estimate(config: TrainingConfig, rows: int, tokens_per_row: float) -> Estimate:
    """Forecast of parameters, memory and time, from a few steps timed on this machine."""
    ready(config)
    from heimdall_train_scratch.forecast import forecast

    return forecast(config, rows, tokens_per_row)


def ready(config: TrainingConfig) -> None:
    """Raises what would stop a training with these settings, before any data is read."""
    check_config(config)
    shape_of(config)
    require_packages("the trainer 'scratch'")
    check_url(config.checkpoints)
    share_cores()
