"""Exports a model directory to GGUF with pip-installed packages alone, and proves the result."""
