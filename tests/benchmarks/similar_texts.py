"""All pairs of documents of Jaccard similarity at least 0.7, exactly: what recall is counted on.

Prefix filtering (Bayardo, Ma, Srikant, 2007): two sets of similarity t share at least one of the
|x| - ceil(t |x|) + 1 rarest members of each, so only those are joined.
"""

from collections import Counter
from itertools import combinations
from math import ceil

import numpy as np

from tests.benchmarks.methods.texts import THRESHOLD, shingles


def true_pairs(texts: list[str], threshold: float = THRESHOLD) -> np.ndarray:
    """(m, 2) rows i < j, sorted, by plain Python sets."""
    sets = [shingles(text) for text in texts]
    count = Counter(shingle for own in sets for shingle in own)
    holders: dict[str, list[int]] = {}
    for row, own in enumerate(sets):
        rarest = sorted(own, key=lambda shingle: (count[shingle], shingle))
        prefix = len(own) - ceil(threshold * len(own)) + 1
        for shingle in rarest[: prefix if own else 0]:
            if count[shingle] > 1:
                holders.setdefault(shingle, []).append(row)
    candidates = {pair for rows in holders.values() for pair in combinations(rows, 2)}
    close = sorted(
        (one, other)
        for one, other in candidates
        if (shared := len(sets[one] & sets[other]))
        >= threshold * (len(sets[one]) + len(sets[other]) - shared)
    )
    return np.array(close, dtype=np.int64).reshape(-1, 2)
