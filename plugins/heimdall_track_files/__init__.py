"""Metrics of a training as plain files: JSONL, and CSV for spreadsheets."""
