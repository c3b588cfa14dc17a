"""What `prove` would write of a small, made-up experiment: for the page alone."""

from typing import Any

CONSUMERS = {"linear_probe": ("accuracy", "higher"), "ngram_perplexity": ("bits per byte", "lower")}
METHODS = ("default", "uniform", "rs2", "stratified", "top_quality", "full")
BUDGETS = (0.05, 0.3)
VERDICTS = {"default": "better", "top_quality": "worse", "uniform": "reference",
            "full": "reference"}  # fmt: skip


def proof_data(name: str = "a <b>&") -> dict[str, Any]:
    """A proof of two consumers, two budgets and six methods, with plane and quality bins."""
    return {
        "name": name,
        "facts": {
            "train": 900, "test": 100, "copies_removed_from_test": 3, "seeds": 4, "first_seed": 0,
            "uniform_draws": [5, 2],
            "passes": 20, "replicate_share": 0.9, "comparisons": 16, "budget_unit": "rows",
            "embedder": "a <model>",
            "methods": {each: {"name": each.title(), "version": "1.0.0", "settings": {}}
                        for each in METHODS},
            "consumers": {each: {"version": "1.0.0", "unit": unit, "better": better}
                          for each, (unit, better) in CONSUMERS.items()},
        },
        "summaries": [_summary(*cell) for cell in _cells()],
        "plane": [
            {"budget": budget, "method": method, "rows": 45, "mean_quality": 0.5 + 0.01 * place,
             "coverage_mean": 0.6 - 0.01 * place}
            for budget in BUDGETS for place, method in enumerate(METHODS[:-1])
        ],
        "quantiles": {"bins": 3, "curves": [
            {"consumer": each, "unit": unit, "better": better, "quality": [0.1, 0.5, 0.9],
             "score": [0.5, 0.8, 0.6], "low": [0.4, 0.7, 0.5], "high": [0.6, 0.9, 0.7],
             "uniform": 0.7, "best": 1, "gain": 0.2, "gain_low": 0.1, "gain_high": 0.3,
             "p_adjusted": 0.001, "trap": better == "higher"}
            for each, (unit, better) in CONSUMERS.items()
        ]},
    }  # fmt: skip


def _cells():
    return [(c, b, m) for c in CONSUMERS for b in BUDGETS for m in METHODS]


def _summary(consumer: str, budget: float, method: str) -> dict[str, Any]:
    unit, better = CONSUMERS[consumer]
    verdict = VERDICTS.get(method, "not told apart")
    sign = {"better": 1, "worse": -1}.get(verdict, 0) * (1 if better == "higher" else -1)
    delta = 0.0 if method == "uniform" else 0.021 * sign
    return {
        "dataset": "small", "budget": budget, "method": method, "consumer": consumer,
        "unit": unit, "better": better, "seeds": 4, "score": 0.5 + budget / 4 + delta,
        "delta": delta, "low": delta - 0.008, "high": delta + 0.008, "p": 0.001,
        "p_adjusted": 0.01, "comparisons": 16, "verdict": verdict,
        "rows": 900 * budget, "tokens": 9000 * budget,
    }  # fmt: skip
