"""The options of the executor."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators


@frozen(kw_only=True)
class RayOptions:
    """Which cluster, and how much of it."""

    address: str = ""
    """Cluster to work on: `auto` (the one that this machine is part of), `HOST:PORT` of its head,
    or `ray://HOST:10001` from outside of it. Empty starts one on this machine and stops it."""
    workers: int = field(default=0, validator=validators.ge(0))
    """Tasks that run at once; 0 for one per CPU of the cluster. Changes no row and no figure."""
    train_workers: int = field(default=0, validator=validators.ge(0))
    """Processes of a training; 0 for one per GPU of the cluster, or one per machine without any."""
    answers: Literal["auto", "here", "workers"] = "auto"
    """Where a model under evaluation answers: in the process that was called (`here`), or on each
    machine that has its files, one process for each GPU or machine (`workers`). `auto` takes the
    workers where the cluster has more than one machine."""
    retries: int = field(default=10, validator=validators.ge(0))
    """How often a piece of work, or a training, is begun again whose worker or node was lost."""
    dashboard: bool = False
    """Whether a cluster that is started here serves Ray's dashboard (needs `ray[default]`)."""
