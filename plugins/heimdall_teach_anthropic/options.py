"""What a recipe may set for this teacher."""

from __future__ import annotations

from attrs import field, frozen, validators

from heimdall_core.secrets import plain_address, variable_name


@frozen
class AnthropicOptions:
    """Which model is asked, and where. The key comes from the environment alone."""

    model: str = field(default="claude-haiku-4-5", validator=validators.min_len(1))
    """Name of the model."""
    base_url: str = field(default="", validator=plain_address)
    """Address of another server that speaks the interface; empty for Anthropic."""
    key_variable: str = field(default="ANTHROPIC_API_KEY", validator=variable_name)
    """Environment variable that holds the key. A server on this machine needs none."""
    timeout: float = field(default=60.0, validator=validators.gt(0))
    """Seconds that one request may take in all, however slowly the answer drips."""
    structured: bool = True
    """Hold the model to a JSON schema, as the arguments of a tool."""
    send_temperature: bool = True
    """Off for models that take no temperature."""
