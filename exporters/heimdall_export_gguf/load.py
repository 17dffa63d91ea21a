"""The exporter's two functions, behind a check that the packages they need are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from heimdall_core.errors import missing_extra
from heimdall_core.types import Artefact, Check, ExportContext, VerifyContext
from heimdall_export_gguf.options import GGUFOptions


def ready(options: GGUFOptions) -> None:
    """Raises the error that names the missing extra, before anything is trained or exported."""
    _require({"gguf": "gguf", "llama_cpp": "llama-cpp-python", "numpy": "numpy"}, "gguf")


def export(context: ExportContext, options: GGUFOptions | None = None) -> Sequence[Artefact]:
    """Writes a model directory as GGUF: see `heimdall_export_gguf.export`."""
    options = options or GGUFOptions()
    ready(options)
    from heimdall_export_gguf.export import export

    return export(context, options)


def verify(context: VerifyContext) -> Sequence[Check]:
    """Proves a GGUF against its model directory: see `heimdall_export_gguf.verify`."""
    _require({"llama_cpp": "llama-cpp-python", "numpy": "numpy"}, "gguf")
    _require({"torch": "torch", "transformers": "transformers", "jinja2": "jinja2"}, "train")
    from heimdall_export_gguf.verify import verify

    return verify(context)


def _require(packages: dict[str, str], extra: str) -> None:
    """`packages`: import name -> name on the package index."""
    for module, package in packages.items():
        if find_spec(module) is None:
            raise missing_extra(package, extra, "the exporter 'gguf'")
