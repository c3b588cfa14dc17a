"""Five nights of `make growth`, two runs kept: the disk stops growing."""

import pytest

from tests.benchmarks.growth import simulate


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_five_nights_keep_to_the_bound_and_free_what_the_oldest_held(tmp_path):
    nights = list(simulate(tmp_path, nights=5, keep_runs=2))
    assert [night.night for night in nights] == [1, 2, 3, 4, 5]
    assert all(night.met for night in nights), nights
    assert all(night.freed_bytes > 0 for night in nights[2:])
    last, third = nights[-1], nights[2]
    assert last.cache_bytes < 1.3 * third.cache_bytes
    assert last.lancedb_bytes < 1.3 * third.lancedb_bytes
