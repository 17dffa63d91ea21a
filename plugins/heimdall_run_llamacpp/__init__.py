"""heimdall_run_llamacpp."""
