"""Which run is promoted: gates decide whether, one rename decides when, the history says who."""
