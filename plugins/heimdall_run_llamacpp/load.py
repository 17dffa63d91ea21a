"""Loads a GGUF. The heavy imports happen inside, after a check that they can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heimdall_core.errors import ModelError
from heimdall_run_llamacpp.gguf_file import check_language_model, read_gguf
from heimdall_run_llamacpp.options import LlamaCppOptions
from heimdall_run_llamacpp.packages import require_packages

if TYPE_CHECKING:
    from heimdall_run_llamacpp.model import LlamaCppModel


def load(path: Path, options: LlamaCppOptions | None = None) -> LlamaCppModel:
    """The model in the file `path`, ready to answer.

    Raises `ModelError` where the file is missing, no GGUF, cut short, broken, or of an
    architecture that llama.cpp does not know.
    """
    if not path.is_file():
        what = "is not a file" if path.exists() else "there is no such file"
        raise ModelError(what, where=str(path), hint="a GGUF file is expected")
    header = read_gguf(path)
    check_language_model(header)
    require_packages("the runtime 'llamacpp'")
    from heimdall_run_llamacpp.model import LlamaCppModel

    return LlamaCppModel(header, options or LlamaCppOptions())
