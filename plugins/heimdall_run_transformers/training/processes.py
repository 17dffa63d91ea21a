"""Several processes, started by `torchrun`, `accelerate launch` or a cluster: who we are among
them, and what they tell each other.

The processes share out the micro-batches of each optimiser step, so the global batch, the number
of steps and the losses are those of a single process. Gradients of trained parameters (a LoRA's
are a few megabytes) are summed in one flat buffer; that is DDP without its hooks.

Nothing is assumed of the machines but that they reach each other: files of one need not be seen by
the others, and what all must have alike (weights to start from, a checkpoint) is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from attrs import frozen
from torch import distributed

from heimdall_core.errors import HeimdallError, ModelError, WorkerLost

T = TypeVar("T")

#: Bytes of a file that are sent at a time.
_CHUNK: Final = 1 << 26


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
        return self._reduced(values, "SUM")

    def most(self, value: float) -> float:
        """The largest of the processes' values."""
        return self._reduced((value,), "MAX")[0]

    def gather(self, value: float) -> list[float]:
        """The value of every process, by rank."""
        return self.sum(*(value if rank == self.rank else 0.0 for rank in range(self.count)))

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
        with self.talking():
            distributed.all_reduce(flat)
        start = 0
        for grad in grads:
            grad.copy_(flat[start : start + grad.numel()].view_as(grad))
            start += grad.numel()

    def send(self, tensors: Iterable[torch.Tensor]) -> None:
        """Puts the first process's values into the others' tensors, in place."""
        if self.count == 1:
            return
        with self.talking(), torch.no_grad():
            for tensor in tensors:
                data = tensor.detach()
                sent = data.to(_device()).contiguous()
                distributed.broadcast(sent, 0)
                if not self.first:
                    data.copy_(sent)

    def say(self, text: str | None, source: int = 0) -> str:
        """The text of process `source`, in all of them; the others' own is not looked at."""
        if self.count == 1:
            return text or ""
        data = (text or "").encode() if self.rank == source else b""
        size = int(self.sum(len(data))[0])
        return self._bytes(data, size, source).decode()

    def send_file(self, path: Path, source: int, *, needed: bool) -> None:
        """Copies a file of process `source` to `path` of each process that needs it."""
        sends = self.rank == source
        size = int(self.sum(path.stat().st_size if sends else 0)[0])
        with ExitStack() as stack:
            file = (
                stack.enter_context(path.open("rb" if sends else "wb")) if sends or needed else None
            )
            for start in range(0, size, _CHUNK):
                length = min(_CHUNK, size - start)
                data = file.read(length) if file and sends else b""
                received = self._bytes(data, length, source)
                if file and not sends:
                    file.write(received)

    def in_turn(self, work: Callable[[], T]) -> T:
        """What `work` gives; the first process does it before the others, who find its files where
        they share a disk. What stops the first process stops the others with the same words."""
        if self.count == 1:
            return work()
        if not self.first:
            stopped = self.say(None)
            if stopped:
                raise HeimdallError(f"the first process stopped: {stopped}", where=self.name)
            return work()
        try:
            found = work()
        except Exception as error:
            self.say(str(error) or type(error).__name__)
            raise
        self.say("")
        return found

    def agree(self, mark: str, what: str) -> None:
        """Raises `ModelError` in a process whose `mark` differs from the first one's."""
        expected = self.say(mark)
        differ = [rank for rank, other in enumerate(self.gather(expected != mark)) if other]
        if differ:
            raise ModelError(
                f"process {', '.join(map(str, differ))} of {self.count} has other {what} than the "
                f"first one (this is {self.name})",
                where="train",
                hint="every machine needs the same dataset, base model, recipe and versions",
            )

    @property
    def name(self) -> str:
        """Rank and machine, for messages."""
        return f"process {self.rank} on {socket.gethostname()}"

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            with self.talking():
                distributed.barrier()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """What is said to other processes. Raises `WorkerLost` where one of them is gone."""
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or not _lost(error):
                raise
            raise WorkerLost(
                f"the connection to the other processes is gone ({_short(error)})",
                where=self.name,
                hint="the last checkpoint is kept: start again to go on from it, or let "
                "`torchrun --max-restarts` do it",
            ) from error

    def _reduced(self, values: Iterable[float], how: str) -> list[float]:
        if self.count == 1:
            return list(values)
        tensor = torch.tensor(list(values), dtype=torch.float64, device=_device())
        with self.talking():
            distributed.all_reduce(tensor, getattr(distributed.ReduceOp, how))
            found: list[float] = tensor.tolist()
        return found

    def _bytes(self, data: bytes, size: int, source: int) -> bytes:
        if not size:
            return b""
        tensor: Any = torch.zeros(size, dtype=torch.uint8)
        if self.rank == source:
            tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        tensor = tensor.to(_device())
        with self.talking():
            distributed.broadcast(tensor, source)
        return bytes(tensor.cpu().numpy().tobytes())


def _device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"


def _lost(error: RuntimeError) -> bool:
    if isinstance(error, distributed.DistError):
        return True
    text = str(error).lower()
    return any(
        sign in text
        for sign in ("connection closed", "connection reset", "broken pipe", "timed out", "gloo")
    )


def _short(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][-160:] if str(error).strip() else "no reason given"


@contextmanager
def joined(device: str = "auto") -> Iterator[Processes]:
    """The processes that a launcher started, joined; alone where none did.

    At a good end all of them wait for the last one. Where one of them raises it leaves at once,
    and the others learn of it in their next word to it.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or not distributed.is_available():
        yield Processes()
        return
    processes = Processes(int(os.environ["RANK"]), count, int(os.environ.get("LOCAL_RANK", "0")))
    cuda = torch.cuda.is_available() and device in ("auto", "cuda")
    if cuda:
        torch.cuda.set_device(processes.local_rank)
    own = not distributed.is_initialized()  # a cluster's worker has joined before
    if own:
        _join(processes, "nccl" if cuda else "gloo")
    try:
        yield processes
        processes.wait()
    except BaseException:
        # NCCL waits for what is under way before it lets go; the end of the process does not.
        if distributed.is_initialized() and distributed.get_backend() == "gloo":
            distributed.destroy_process_group()
        raise
    if own:
        distributed.destroy_process_group()


def _join(processes: Processes, backend: str) -> None:
    try:
        distributed.init_process_group(backend, timeout=timedelta(minutes=30))
    except (RuntimeError, ValueError) as error:
        raise WorkerLost(
            f"the {processes.count} processes cannot be joined with {backend}: {_short(error)}",
            where=processes.name,
            hint="MASTER_ADDR and MASTER_PORT must name the first machine, and every machine must "
            "reach it; GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME names the network to use",
        ) from error
