"""heimdall_eval_exact_match."""
