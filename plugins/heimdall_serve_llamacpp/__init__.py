"""Serves a GGUF over HTTP, in OpenAI's shape, with a chat page, a cache and a fallback."""
