"""Inner loops compiled by numba; the tests compare each with a plain numpy twin."""
