"""Writes TensorBoard's event files, with TensorBoard's own writer: PyTorch is not needed."""

from __future__ import annotations

import json
import time
from typing import Any

from attrs import define
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

from heimdall_core.types import Event, Json


@define
class Writer:
    """One event file."""

    _file: Any

    @classmethod
    def open(cls, tracking: Json) -> Writer:
        """A new event file in the training's folder, its settings as text."""
        made = cls(EventFileWriter(str(tracking["folder"]), flush_secs=10))
        text = "```\n" + json.dumps(tracking.get("config", {}), indent=2, default=str) + "\n```"
        value = summary_pb2.Summary.Value(
            tag="settings",
            metadata=text_metadata.create_summary_metadata("settings", ""),
            tensor=tensor_util.make_tensor_proto([text.encode()], shape=[1]),
        )
        made._add(summary_pb2.Summary(value=[value]), 0)
        return made

    def record(self, event: Event) -> None:
        """Each figure of a report as a scalar at its step."""
        values = [
            summary_pb2.Summary.Value(tag=tag_of(name), simple_value=value)
            for name, value in event.values.items()
        ]
        self._add(summary_pb2.Summary(value=values), int(event.done))
        self._file.flush()

    def close(self) -> None:
        """Writes what is left."""
        self._file.close()

    def _add(self, summary: Any, step: int) -> None:
        self._file.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


def tag_of(name: str) -> str:
    """TensorBoard groups tags by what stands before the first slash."""
    if "/" in name:
        return name
    group = "validation" if name.startswith("validation") else "train"
    return f"{group}/{name}"
