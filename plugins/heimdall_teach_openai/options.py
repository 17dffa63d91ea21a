"""What a recipe may set for this teacher."""

from __future__ import annotations

from attrs import field, frozen, validators

from heimdall_core.secrets import plain_address, variable_name


@frozen
class OpenAIOptions:
    """Which model is asked, and where. The key comes from the environment alone."""

    model: str = field(default="gpt-4o-mini", validator=validators.min_len(1))
    """Name of the model."""
    base_url: str = field(default="", validator=plain_address)
    """Address of another server that speaks the interface (vLLM, Ollama, llama.cpp), up to
    `/v1`; empty for OpenAI."""
    key_variable: str = field(default="OPENAI_API_KEY", validator=variable_name)
    """Environment variable that holds the key. A server on this machine needs none."""
    timeout: float = field(default=60.0, validator=validators.gt(0))
    """Seconds that one request may take in all, however slowly the answer drips."""
    structured: bool = True
    """Hold the model to a JSON schema; off for servers that cannot."""
    max_tokens_field: str = field(
        default="max_completion_tokens",
        validator=validators.in_(("max_completion_tokens", "max_tokens")),
    )
    """Name of the limit of an answer's tokens; older servers call it `max_tokens`."""
    send_temperature: bool = True
    """Off for models that take no temperature."""
