"""Scorers: what one row is worth."""
