"""heimdall_eval_perplexity."""
