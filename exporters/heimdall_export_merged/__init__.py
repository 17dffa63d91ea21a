"""Exports a model, or an adapter merged into its base, as safetensors."""
