"""Several processes, started by `torchrun` or `accelerate launch`: who we are among them, and sums
over all of them.

The processes share out the micro-batches of each optimiser step, so the global batch, the number
of steps and the losses are those of a single process. Gradients of trained parameters (a LoRA's
are a few megabytes) are summed in one flat buffer; that is DDP without its hooks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta

import torch
from attrs import frozen
from torch import distributed


@frozen
class Processes:
    """This process among all."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the one that saves, logs and reports."""
        return self.rank == 0

    def sum(self, *values: float) -> list[float]:
        """Each value, summed over all processes."""
        if self.count == 1:
            return list(values)
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(tensor)
        found: list[float] = tensor.tolist()
        return found

    def sum_gradients(self, parameters: Iterable[torch.Tensor]) -> None:
        """Sums gradients over all processes, in place. A parameter without one counts as 0."""
        if self.count == 1:
            return
        own = list(parameters)
        for parameter in own:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        grads = [p.grad for p in own if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in grads])
        distributed.all_reduce(flat)
        start = 0
        for grad in grads:
            grad.copy_(flat[start : start + grad.numel()].view_as(grad))
            start += grad.numel()

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()


def join_processes(device: str = "auto") -> Processes:
    """Joins the processes that a launcher started; alone where none did."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or not distributed.is_available():
        return Processes()
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available() and device in ("auto", "cuda")
    if cuda:
        torch.cuda.set_device(local)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(minutes=30))
    return Processes(rank, count, local)


def leave_processes(processes: Processes) -> None:
    """The end of `join_processes`."""
    if processes.count > 1 and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()
