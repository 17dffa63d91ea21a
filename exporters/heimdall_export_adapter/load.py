"""The exporter's function, behind a check that the packages it needs are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from heimdall_core.errors import missing_extra
from heimdall_core.types import Artefact, ExportContext
from heimdall_export_adapter.options import AdapterOptions

_NEEDED = {"gguf": "gguf", "numpy": "numpy"}


def ready(options: AdapterOptions) -> None:
    """Raises the error that names the missing extra, before anything is trained or exported."""
    for module, package in _NEEDED.items():
        if find_spec(module) is None:
            raise missing_extra(package, "gguf", "the exporter 'adapter'")


def export(context: ExportContext, options: AdapterOptions | None = None) -> Sequence[Artefact]:
    """See `heimdall_export_adapter.export`."""
    options = options or AdapterOptions()
    ready(options)
    from heimdall_export_adapter.export import export

    return export(context, options)
