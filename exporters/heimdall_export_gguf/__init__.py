"""heimdall_export_gguf."""
