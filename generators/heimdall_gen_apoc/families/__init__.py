"""Families of the generator apoc: one module each."""
