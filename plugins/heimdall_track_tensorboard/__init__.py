"""Metrics of a training for TensorBoard."""
