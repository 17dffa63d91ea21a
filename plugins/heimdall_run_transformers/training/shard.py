"""FSDP: the decoder's weights shared out among processes, gathered block by block as they are
needed. The embedding and the head, which is often the same matrix, stay whole in each of them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError
from heimdall_run_transformers.training.precision import Precision


def check_sharding(config: TrainingConfig, count: int, precision: Precision) -> None:
    """Raises `RecipeError` where weights cannot be shared out."""
    what = hint = ""
    if count == 1:
        what = "shares out the weights among several processes, and this is a single one"
        hint = "start with torchrun --nproc-per-node N, or leave it out"
    elif precision.name == "fp16":
        what = "does not go with fp16, whose loss scaling must see all gradients at once"
        hint = "set precision = 'bf16' or 'fp32'"
    elif precision.device.type == "mps":
        what = "needs several processes with a device each, and this machine has one"
        hint = "leave it out"
    if what:
        raise RecipeError(f"shard = true {what}", where="train.shard", hint=hint)


def shard_model(model: PreTrainedModel, device: torch.device, count: int) -> None:
    """Shares out a model's decoder among `count` processes, in place, and brings this process's
    part to `device`, a block at a time. Every weight keeps its number format; gradients are summed
    in fp32."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy: Any = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    mesh = init_device_mesh(device.type, (count,))
    decoder: Any = model.base_model
    for layer in decoder.layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    kept = set(decoder.embed_tokens.parameters())
    fully_shard(decoder, mesh=mesh, mp_policy=policy, ignored_params=kept)
    for tensor in (*model.parameters(), *model.buffers()):
        if not hasattr(tensor, "full_tensor"):
            tensor.data = tensor.data.to(device)
