"""FSDP: the decoder's weights shared out among processes, gathered block by block as they are
needed. The embedding and the head, which is often the same matrix, stay whole in each of them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from heimdall_run_transformers.training.precision import Precision


def shard_model(model: PreTrainedModel, precision: Precision) -> None:
    """Shares out a model's decoder, in place. The weights must be in fp32; they are gathered in
    the run's number format."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy: Any = MixedPrecisionPolicy(
        param_dtype=None if precision.name == "fp32" else precision.dtype,
        reduce_dtype=torch.float32,
    )
    decoder: Any = model.base_model
    for layer in decoder.layers:
        fully_shard(layer, mp_policy=policy)
    kept = set(decoder.embed_tokens.parameters())
    fully_shard(decoder, mp_policy=policy, ignored_params=kept)
