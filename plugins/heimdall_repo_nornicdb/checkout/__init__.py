"""Reads a NornicDB checkout: text files, Go source, and what generators learn from them."""
