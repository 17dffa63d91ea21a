"""Families of the generator troubleshooting: one module each."""
