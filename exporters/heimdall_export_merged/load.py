"""The exporter's function, behind a check that the packages it needs are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from heimdall_core.errors import missing_extra
from heimdall_core.types import Artefact, ExportContext
from heimdall_export_merged.options import MergedOptions

_NEEDED = {"numpy": "numpy"}


def ready(options: MergedOptions) -> None:
    """Raises the error that names the missing extra, before anything is trained or exported."""
    for module, package in _NEEDED.items():
        if find_spec(module) is None:
            raise missing_extra(package, "gguf", "the exporter 'merged'")


def export(context: ExportContext, options: MergedOptions | None = None) -> Sequence[Artefact]:
    """See `heimdall_export_merged.export`."""
    options = options or MergedOptions()
    ready(options)
    from heimdall_export_merged.export import export

    return export(context, options)
