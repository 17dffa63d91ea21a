"""Cypher as a Heimdall language: parser, semantic and schema checks, normal form, engines."""
