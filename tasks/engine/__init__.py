"""What methods share: the pool, constraints, greedy search, draws, blocked matrix products."""
