"""The runtime on GGUF files through llama.cpp. A foundation plugin: other plugins may import it."""
