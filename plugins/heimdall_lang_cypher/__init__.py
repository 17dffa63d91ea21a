"""heimdall_lang_cypher."""
