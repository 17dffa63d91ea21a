"""A training on a Ray cluster, by Ray Train: as many processes as there are GPUs, or machines; a
worker that dies is replaced, and training goes on from the last checkpoint.

The trainer runs as it does under `torchrun`: Ray Train starts its processes, joins them and starts
them again. Machines that do not share this one's disk are sent the rows, and send the model back;
their checkpoints then need a place that all of them reach (`checkpoints`).
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Event, TrainContext, TrainResult
from heimdall_core.versions import versions
from heimdall_exec_ray.connect import connected
from heimdall_exec_ray.mailbox import Mailbox, unpack
from heimdall_exec_ray.options import RayOptions
from heimdall_exec_ray.train_worker import MARK, Task, run_worker
from heimdall_exec_ray.worker import Shipped

Train = Callable[[TrainContext, TrainingConfig], TrainResult]

#: Seconds between two looks into the mailbox.
_LOOK: Final = 0.1


def ray_train(
    train: Train, context: TrainContext, config: TrainingConfig, options: RayOptions
) -> TrainResult:
    """`train(context, config)` on the cluster that the options name. The model lies in
    `context.output` in the end.

    Raises what the trainer raises, and `HeimdallError` where workers are lost again and again, or
    have no place for checkpoints that others would find.
    """
    context = _absolute(context)
    with connected(options) as ray:
        mark = secrets.token_hex(8)
        context.work.mkdir(parents=True, exist_ok=True)
        (context.work / MARK).write_text(mark, encoding="utf-8")
        shared = all(_share(ray, context.work, mark))
        if not shared and config.checkpoints is None:
            raise HeimdallError(
                "the cluster's machines do not see this machine's disk, so none would find the "
                "checkpoints of another",
                where="train.checkpoints",
                hint="name a folder or a URL (s3://…) that all of them reach",
            )
        size = _size(ray, config, options)
        context.emit(Event("note", "train", f"Ray: {size.described}"))
        here = ray.get_runtime_context().get_node_id()
        mailbox = (
            ray.remote(Mailbox)
            .options(
                num_cpus=0,
                scheduling_strategy=ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
                    here, soft=True
                ),
            )
            .remote()
        )
        task = Task(
            train=_shipped(ray, train),
            config=config,
            context=context.train,
            validation=context.validation,
            output=context.output,
            work=context.work,
            cache=context.cache,
            seed=context.seed,
            threads=context.threads,
            cwd=Path.cwd(),
            mark=mark if shared else "",
            rows=None if shared else ray.put(_rows(context)),
            mailbox=mailbox,
        )
        return _run(ray, task, size, context, options)


def _absolute(context: TrainContext) -> TrainContext:
    """Paths as any process of the same disk finds them."""
    return evolve(
        context,
        train=context.train.absolute(),
        validation=context.validation.absolute(),
        output=context.output.absolute(),
        work=context.work.absolute(),
        cache=context.cache.absolute() if context.cache else None,
    )


@frozen
class _Size:
    workers: int
    cpus: int
    """CPUs of each worker."""
    gpu: bool
    nodes: int

    @property
    def described(self) -> str:
        each = "a GPU" if self.gpu else f"{self.cpus} CPU{'s' * (self.cpus != 1)}"
        nodes = f"{self.nodes} machine{'s' * (self.nodes != 1)}"
        return f"training in {self.workers} process{'es' * (self.workers != 1)} on {nodes}, " + (
            f"{each} each"
        )


def _size(ray: Any, config: TrainingConfig, options: RayOptions) -> _Size:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes = [node for node in nodes if node.get("CPU", 0) >= 1]
    gpus = int(sum(node.get("GPU", 0) for node in nodes))
    gpu = gpus > 0 and config.device in ("auto", "cuda")
    workers = options.train_workers or (gpus if gpu else len(nodes))
    if not nodes or (gpu and workers > gpus):
        raise HeimdallError(
            f"{workers} processes were asked for, and the cluster has "
            + (f"{gpus} GPUs" if nodes else "no free CPU"),
            where="Ray: train_workers",
            hint="ask for fewer, or set device = 'cpu'",
        )
    beside = -(-workers // len(nodes))  # processes of one machine
    cpus = int(min(node["CPU"] for node in nodes)) // beside
    total = int(sum(node["CPU"] for node in nodes))
    if cpus < 1:
        raise HeimdallError(
            f"{workers} processes need a CPU each, and the cluster has {total}",
            where="Ray: train_workers",
            hint="ask for fewer",
        )
    return _Size(workers, cpus, gpu, len(nodes))


def _share(ray: Any, work: Path, mark: str) -> list[bool]:
    """Whether each machine of the cluster sees this one's disk."""
    look = ray.remote(_sees)
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    return list(
        ray.get(
            [
                look.options(
                    num_cpus=0, scheduling_strategy=strategy(node["NodeID"], soft=False)
                ).remote(str(work / MARK), mark)
                for node in ray.nodes()
                if node["Alive"]
            ]
        )
    )


def _sees(path: str, mark: str) -> bool:
    try:
        return Path(path).read_text(encoding="utf-8") == mark
    except OSError:
        return False


def _shipped(ray: Any, train: Train) -> Shipped:
    import sys

    found = versions(["heimdall-slm"]).get("heimdall-slm", "")
    return Shipped("train", ray.cloudpickle.dumps(train), found, tuple(sys.path))


def _rows(context: TrainContext) -> tuple[bytes, bytes]:
    return context.train.read_bytes(), context.validation.read_bytes()


def _run(
    ray: Any, task: Task, size: _Size, context: TrainContext, options: RayOptions
) -> TrainResult:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    for name in ("ray.train", "ray.tune", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    own = context.work / "ray"
    trainer = TorchTrainer(
        run_worker,
        train_loop_config={"task": task},
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if size.gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=size.workers,
            use_gpu=size.gpu,
            resources_per_worker={"CPU": size.cpus, **({"GPU": 1} if size.gpu else {})},
            placement_strategy="SPREAD",
        ),
        run_config=RunConfig(
            name="train",
            storage_path=str(own),
            failure_config=FailureConfig(max_failures=options.retries),
        ),
    )
    failures: list[BaseException] = []
    results: list[TrainResult] = []

    def fit() -> None:
        try:
            trainer.fit()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failures.append(error)

    def read() -> None:
        for kind, value in ray.get(task.mailbox.take.remote()):
            if kind == "event":
                context.emit(value)
            elif kind == "file":
                unpack(context.output, value)
            else:
                results.append(value)

    with _settled():
        thread = threading.Thread(target=fit, name="ray-train", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK)
            read()
        read()
    shutil.rmtree(own, ignore_errors=True)
    told = ray.get(task.mailbox.failed.remote())
    if told is not None:
        raise told
    if failures:
        if not isinstance(failures[0], TrainingFailedError):
            raise failures[0]
        raise HeimdallError(
            f"the training's workers were lost {options.retries + 1} times: {_why(failures[0])}",
            where="Ray",
            hint="the last checkpoint is kept: start again to go on from it",
        ) from failures[0]
    if not results:
        raise HeimdallError("the training ended without a result", where="Ray")
    return results[-1]


@contextmanager
def _settled() -> Iterator[None]:
    """What Ray Train reads of the environment while it starts: its workers stay in their folder,
    and its metrics need no dashboard."""
    wanted = {"RAY_CHDIR_TO_TRIAL_DIR": "0", "RAY_TRAIN_METRICS_ENABLED": "0"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _why(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][-200:] if lines else type(error).__name__
