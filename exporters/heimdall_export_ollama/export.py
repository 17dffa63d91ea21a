"""A GGUF and its Modelfile in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from heimdall_core.dataset import atomic_text
from heimdall_core.errors import ModelError
from heimdall_core.types import Artefact, ExportContext
from heimdall_export_gguf.export import export as export_gguf
from heimdall_export_gguf.options import GGUFOptions
from heimdall_export_ollama.modelfile import modelfile
from heimdall_export_ollama.options import OllamaOptions
from heimdall_run_llamacpp.gguf_file import read_gguf

_LONGEST: Final = 8192


def export(context: ExportContext, options: OllamaOptions) -> list[Artefact]:
    """Writes both into the folder `context.output`."""
    if context.output.suffix == ".gguf":
        raise ModelError(
            "must be a folder: a Modelfile lies beside the GGUF", where=str(context.output)
        )
    target = context.output / "Modelfile"
    if target.exists():
        raise ModelError("exists already", where=str(target), hint="name another folder")
    gguf_options = GGUFOptions(quant_types=(options.quant_type,), base=options.base)
    [file] = export_gguf(context, gguf_options)
    metadata = read_gguf(file.path).metadata
    own = int(metadata[f"{metadata['general.architecture']}.context_length"])
    context_size = options.num_ctx or min(own, _LONGEST)
    try:
        if context_size > own:
            raise ModelError(f"num_ctx is {context_size}; the model was made for {own} tokens")
        text = modelfile(
            file.path.name,
            num_ctx=context_size,
            num_predict=options.num_predict,
            temperature=options.temperature,
            system=options.system,
            licence=_licence(context.model) or str(context.metadata.get("licence") or ""),
        )
        with atomic_text(target) as opened:
            opened.write(text)
    except ModelError:
        file.path.unlink()
        raise
    kind = file.kind.replace("gguf:", "ollama:")
    return [attrs.evolve(file, kind=kind), Artefact(target, "ollama:Modelfile")]


def _licence(model: Path) -> str:
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"):
        if (model / name).is_file():
            text = (model / name).read_text("utf-8", "replace").strip()
            return text if '"""' not in text and not text.endswith('"') else ""
    return ""
