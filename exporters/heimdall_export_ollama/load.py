"""The exporter's function, behind a check that the packages it needs are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from heimdall_core.errors import missing_extra
from heimdall_core.types import Artefact, Check, ExportContext, VerifyContext
from heimdall_export_ollama.options import OllamaOptions

_NEEDED = {"gguf": "gguf", "llama_cpp": "llama-cpp-python", "numpy": "numpy"}


def ready(options: OllamaOptions) -> None:
    """Raises the error that names the missing extra, before anything is trained or exported."""
    for module, package in _NEEDED.items():
        if find_spec(module) is None:
            raise missing_extra(package, "gguf", "the exporter 'ollama'")


def export(context: ExportContext, options: OllamaOptions | None = None) -> Sequence[Artefact]:
    """See `heimdall_export_ollama.export`."""
    options = options or OllamaOptions()
    ready(options)
    from heimdall_export_ollama.export import export

    return export(context, options)


def verify(context: VerifyContext) -> Sequence[Check]:
    """The GGUF is proved as any other; of the Modelfile, that it holds the prompt's template and
    stops and names a file that is there."""
    if context.artefact.name != "Modelfile":
        from heimdall_export_gguf.load import verify as verify_gguf

        return verify_gguf(context)
    from heimdall_core.prompt import STOP
    from heimdall_export_ollama.modelfile import TEMPLATE

    text = context.artefact.read_text("utf-8")
    named = text.partition("\n")[0].removeprefix("FROM ")
    return [
        Check("file", (context.artefact.parent / named).is_file(), f"FROM {named}"),
        Check("prompt", f'TEMPLATE """{TEMPLATE}"""' in text, "the template is the prompt's"),
        Check(
            "stops",
            all(f'PARAMETER stop "{stop}"' in text for stop in STOP),
            f"{', '.join(STOP)} end an answer",
        ),
    ]
