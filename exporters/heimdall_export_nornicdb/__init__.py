"""Puts an exported model where NornicDB looks for it, configures it, and asks a running server."""
