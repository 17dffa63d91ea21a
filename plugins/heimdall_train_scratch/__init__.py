"""Trains a small Qwen2-architecture model and its tokenizer from random weights."""
