"""Proof by training: light consumers learn from subsets and answer for held-out rows."""
