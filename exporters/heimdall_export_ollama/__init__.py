"""Exports a GGUF together with a Modelfile for Ollama."""
