"""Cypher fundamentals: questions over typed graph schemas, each with its one right query."""
