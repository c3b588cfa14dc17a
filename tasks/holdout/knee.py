"""A choice among subsets, confirmed on held-out rows with as few questions as it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tasks.holdout.guard import SpentError

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Confirmed(Generic[Choice]):
    """The choice, whether it held up, the answers in the order asked (`None`: the reference)."""

    choice: Choice
    holds: bool
    answers: tuple[tuple[Choice | None, float], ...]
    words: str


def confirmed(
    ranked: Sequence[Choice],
    reference: Choice,
    ask: Callable[[Choice], float],
    max_fall: float,
) -> Confirmed[Choice]:
    """The first choice whose guarded score is not below the reference's by more than `max_fall`.

    `ranked` holds the wanted choice first (the knee of a front, say), then those to fall back on;
    `ask` gets a score through a `HoldoutGuard` (`tasks.proving.guarded`). Where none holds up, or
    no answer is left, the first one stays, and the words say so.
    """
    answers: list[tuple[Choice | None, float]] = []
    try:
        answers.append((None, least := ask(reference)))
        for choice in ranked:
            answers.append((choice, value := ask(choice)))
            if value >= least - max_fall:
                words = f"held-out score {value:.4f}, the reference's {least:.4f}"
                return Confirmed(choice, True, tuple(answers), words)
    except SpentError as error:
        words = f"not confirmed: {error.problem}; {error.remedy}"
        return Confirmed(ranked[0], False, tuple(answers), words)
    words = f"not confirmed: every one is more than {max_fall:g} below the reference's {least:.4f}"
    return Confirmed(ranked[0], False, tuple(answers), words)
