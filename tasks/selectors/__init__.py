"""Selectors: which rows together."""
