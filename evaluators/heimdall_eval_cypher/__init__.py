"""Evaluators that judge Cypher answers without running them: syntax, semantics, performance."""
