"""Options of the exporter. Imports nothing heavy."""

from __future__ import annotations

from attrs import field, frozen, validators

from heimdall_export_gguf.quant_types import canonical_type


@frozen(kw_only=True)
class OllamaOptions:
    """What Ollama is given. The string below each field is its help text."""

    quant_type: str = "Q4_K_M"
    """Type of the GGUF."""
    base: str = ""
    """Folder of an adapter's base model; empty takes the one that the adapter names."""
    num_ctx: int = field(default=0, validator=validators.ge(0))
    """Context in tokens; 0 takes the model's own, at most 8192."""
    num_predict: int = field(default=1024, validator=validators.ge(1))
    """Longest answer in tokens."""
    temperature: float = field(default=0.1, validator=validators.ge(0))
    """Sampling temperature; NornicDB's default is 0.1."""
    system: str = ""
    """System message where a request has none."""


def kinds(options: OllamaOptions) -> tuple[str, ...]:
    """The kinds of the artefacts that an export with these options writes."""
    return (f"ollama:{canonical_type(options.quant_type)}", "ollama:Modelfile")
