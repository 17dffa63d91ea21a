"""The text of a Modelfile (https://docs.ollama.com/modelfile)."""

from __future__ import annotations

from typing import Final

from heimdall_core.errors import ModelError
from heimdall_core.prompt import IM_END, IM_START, STOP

#: Heimdall's prompt as a Go template; a test renders it beside `heimdall_core.prompt`.
TEMPLATE: Final = (
    "{{ range .Messages }}"
    f"{IM_START}{{{{ .Role }}}}\n{{{{ .Content }}}}{IM_END}\n"
    "{{ end }}"
    f"{IM_START}assistant\n"
)


def modelfile(
    gguf: str,
    *,
    num_ctx: int,
    num_predict: int,
    temperature: float,
    system: str = "",
    licence: str = "",
) -> str:
    """What `ollama create NAME -f Modelfile` reads. Raises `ModelError` for a text that cannot be
    quoted."""
    lines = [f"FROM ./{gguf}", f"TEMPLATE {_quoted(TEMPLATE)}"]
    if system:
        lines.append(f"SYSTEM {_quoted(system)}")
    lines += [f'PARAMETER stop "{stop}"' for stop in STOP]
    lines += [
        f"PARAMETER num_ctx {num_ctx}",
        f"PARAMETER num_predict {num_predict}",
        f"PARAMETER temperature {temperature:g}",
        "PARAMETER repeat_penalty 1",
    ]
    if licence:
        lines.append(f"LICENSE {_quoted(licence)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    if '"""' in text or text.endswith('"'):
        raise ModelError("a text with three quotes in it cannot stand in a Modelfile")
    return f'"""{text}"""'
