"""Objectives: what a subset is worth, one family per file, as parts that can be mixed."""
