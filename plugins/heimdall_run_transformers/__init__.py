"""heimdall_run_transformers."""
