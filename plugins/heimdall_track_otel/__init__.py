"""Figures of a run for OpenTelemetry: a Prometheus scrape endpoint, or OTLP."""
