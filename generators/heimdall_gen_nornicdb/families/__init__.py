"""Families of the generator nornicdb: one module each."""
