"""heimdall_eval_cypher."""
