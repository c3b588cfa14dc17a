"""Inner loop of the from-text consumer: softmax regression on sparse rows, one row at a time."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def learn(
    rows: tuple[np.ndarray, np.ndarray],
    labels: np.ndarray,
    order: np.ndarray,
    weights: np.ndarray,
    rates: tuple[float, float],
) -> None:
    """Go once through the rows of `order`, updating `weights` in place.

    `rows` holds offsets and feature numbers; a row of m features has the value 1 / sqrt(m) in each.
    The rate goes in equal steps from the first of `rates` to the second. Plain steps, since steps
    scaled weight by weight push every wrong class as hard as the right one.
    """
    offsets, features = rows
    step = np.float32((rates[1] - rates[0]) / max(len(order), 1))
    rate = np.float32(rates[0])
    classes = weights.shape[1]
    logits = np.empty(classes, np.float32)
    for row in order:
        rate += step
        start, stop = offsets[row], offsets[row + 1]
        if stop == start:
            continue
        value = np.float32(1.0) / np.sqrt(np.float32(stop - start))
        logits[:] = 0
        for place in range(start, stop):
            logits += weights[features[place]] * value
        logits -= logits.max()
        total = np.float32(0.0)
        for one in range(classes):
            logits[one] = np.exp(logits[one])
            total += logits[one]
        for one in range(classes):
            logits[one] = logits[one] / total * value
        logits[labels[row]] -= value
        for place in range(start, stop):
            weight = weights[features[place]]
            for one in range(classes):
                weight[one] -= rate * logits[one]


@njit(cache=True, nogil=True)
def predict(offsets: np.ndarray, features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Class of largest weight per row, the lower on ties; features below 0 are unknown."""
    found = np.zeros(len(offsets) - 1, np.int64)
    logits = np.empty(weights.shape[1], np.float32)
    for row in range(len(found)):
        logits[:] = 0
        for place in range(offsets[row], offsets[row + 1]):
            if features[place] >= 0:
                logits += weights[features[place]]
        found[row] = logits.argmax()
    return found
