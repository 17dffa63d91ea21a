"""Teacher `anthropic`: Anthropic's models."""
