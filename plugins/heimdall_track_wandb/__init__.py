"""Metrics of a training for Weights & Biases."""
