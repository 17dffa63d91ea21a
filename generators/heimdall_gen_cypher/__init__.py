"""heimdall_gen_cypher."""
