"""What a run must hold to before it may be promoted: shares, survival and drift, as functions."""
