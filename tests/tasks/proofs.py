"""Small proving tasks with known structure."""

import numpy as np

from tasks.proving.task import Task

WORDS = 12  # per class


def small_task(rows=240, classes=4, noise=0.5, seed=0, width=16) -> Task:
    """Classes are clusters of vectors, and of words of their own: both consumers can learn them."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    centres = random.standard_normal((classes, width))
    vectors = centres[labels] + noise * random.standard_normal((rows, width))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = tuple(
        " ".join(
            f"w{label if own else random.integers(classes)}x{word}"
            for word, own in zip(random.integers(0, WORDS, 5), random.random(5) < 0.6, strict=True)
        )
        for label in labels
    )
    test = np.arange(rows) % 4 == 0
    return Task(
        name="small",
        ids=tuple(f"{row:05d}" for row in range(rows)),
        texts=texts,
        vectors=vectors.astype(np.float32),
        tokens=random.integers(3, 9, rows),
        labels=labels,
        ratings=None,
        train=np.flatnonzero(~test),
        test=np.flatnonzero(test),
    )
