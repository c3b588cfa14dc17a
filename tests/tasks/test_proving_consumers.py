"""Consumers learn, answer the same when asked again, and take the test rows from the task alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tasks.proving.answers import answer
from tasks.proving.consumers import CONSUMERS, RowConsumer
from tests.tasks.proofs import small_task

OF_LABELS = [name for name, kind in CONSUMERS.items() if kind.needs == "labels"]


@pytest.mark.parametrize("name", OF_LABELS)
def test_a_consumer_learns_what_the_labels_are_and_more_rows_help(name):
    task, consumer = small_task(noise=0.9), CONSUMERS[name]()
    few, all_rows = [task.train[:8]] * 20, [task.train] * 20
    assert consumer(task, all_rows, 0) > 0.75  # chance: 0.25
    assert consumer(task, all_rows, 0) > consumer(task, few, 0)


@pytest.mark.parametrize("name", OF_LABELS)
def test_equal_questions_have_equal_answers_and_blocks_leave_rows_out(name):
    task, consumer = small_task(noise=0.9), CONSUMERS[name]()
    schedule = [task.train[:40]] * 5
    first, again = (answer(consumer, task, schedule, 3) for _ in range(2))
    assert first == again
    assert isinstance(consumer, RowConsumer)
    assert len(first.without_block) > 10
    assert len(set(first.without_block)) > 1
    assert np.mean(first.without_block) == pytest.approx(first.score, abs=0.02)


def test_the_linear_probe_does_as_well_as_a_converged_logistic_regression():
    task = small_task(rows=800, classes=6, noise=1.2)
    labels, rows = task.labels, task.train
    peer = LogisticRegression(C=10).fit(task.vectors[rows], labels[rows])
    expected = peer.score(task.vectors[task.test], labels[task.test])
    found = CONSUMERS["linear_probe"]()(task, [rows] * 20, 0)
    assert found == pytest.approx(expected, abs=0.03)
