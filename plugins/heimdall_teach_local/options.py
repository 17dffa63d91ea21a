"""What a recipe may set for this teacher."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen
class LocalOptions:
    """Which model answers."""

    model: str = ""
    """GGUF file or model directory."""
    runtime: str = ""
    """Runtime that loads it; empty for the first that can."""
    threads: int = field(default=0, validator=validators.ge(0))
    """CPU threads; 0 lets the runtime choose."""
    batch: int = field(default=16, validator=validators.ge(1))
    """Prompts that are answered together."""
    structured: bool = True
    """Hold answers to a JSON schema, where the runtime can."""
    grammar: str = ""
    """Variant of Cypher's grammar that a bare answer (`plain`) is held to: `any`, `read`, `data`;
    empty for none."""
