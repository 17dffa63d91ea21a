"""Exports a LoRA adapter as a GGUF of its own, which llama.cpp lays over its base model."""
