"""Methods that fail, each in its own way: what the harness makes of them is tested."""

import os
import time

import numpy as np

from tests.benchmarks.inputs import Missing
from tests.benchmarks.methods import Inputs, Run, once


def sleeps(inputs: Inputs) -> Run:
    """Never finishes, except in the small first run."""
    return once("", lambda: None if inputs.warm else time.sleep(600))


def swells(inputs: Inputs, megabytes: int) -> Run:
    """Asks for more memory than it may have."""
    return once("", lambda: None if inputs.warm else np.ones(megabytes * 2**17).sum())


def dies(inputs: Inputs) -> Run:
    """Ends without a word, as a library does whose C++ code fails."""
    return once("", lambda: None if inputs.warm else os.abort())


def repeats(inputs: Inputs) -> Run:
    """Picks one row again and again, which is no subset."""
    return once("", lambda: np.zeros(inputs.k, dtype=np.int64))


def absent(inputs: Inputs) -> Run:
    """Needs what is not installed."""
    raise Missing("nothing of that name is installed")
