"""Inner loops compiled by numba; the tests compare each with a plain numpy twin.

They sort with np.sort alone, never with np.argsort: see tests/tasks/test_kernels_apart.py.
"""
