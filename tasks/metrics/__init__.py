"""Metrics: what a subset is like."""
