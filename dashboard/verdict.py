"""What a finished launch shows, in three sentences that are never mixed up.

Constraint: did the weights balance what they were asked to? Predictor: is it better for it than its
twin? Weights: do they resemble the oracle's? Meeting the constraint says nothing about the other
two. Pure functions on numbers; no test rating takes part in a choice made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from dashboard.charts.theme import decimals_for, number

Word = Literal["better", "worse", "no better", "undecided"]
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its half width at 95 %; `half` is None for a single seed."""

    mean: float
    half: float | None
    n: int

    def text(self, decimals: int | None = None, signed: bool = False) -> str:
        """ "0.742 ± 0.014", with two digits of the half width unless told otherwise."""
        places = decimals_for(self.half or 0.0) if decimals is None else decimals
        mean = number(self.mean, places, signed)
        return mean if self.half is None else f"{mean} ± {number(self.half, places)}"


@dataclass(frozen=True)
class Sentence:
    """One part of the verdict: what it is about, the finding in a few words, the numbers."""

    about: str
    finding: str
    detail: str
    good: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """The three parts, and whether balancing the label too is worth trying."""

    parts: tuple[Sentence, ...]
    try_label: bool = False

    def __str__(self) -> str:
        return " ".join(f"{p.about}: {p.finding} ({p.detail})." for p in self.parts)


@dataclass(frozen=True)
class Outcome:
    """What a launch came to, one number a seed, each at the run's own best epoch.

    Args:
        violation, violation_uniform: signed, with the weights and with uniform weights.
        target_se: standard error of the target.
        differences: by name ("true ideal loss", "MSE", "AUC"), balanced run minus its twin.
        correlation: of the log weights with the oracle's, simulated data only.
        lam_counts: whether a larger λ would leave less of the violation.
    """

    violation: Sequence[float]
    violation_uniform: Sequence[float]
    target_se: Sequence[float]
    differences: Mapping[str, Sequence[float]]
    correlation: Sequence[float] = ()
    moments: tuple[str, ...] = ("e",)
    lam_counts: bool = True
    lower_is_better: frozenset[str] = field(
        default=frozenset({"true ideal loss", "MSE", "log loss"})
    )


def interval(values: Sequence[float]) -> Interval:
    """Mean over seeds and the half width of its 95 % t-interval."""
    kept = np.array([v for v in values if v is not None and np.isfinite(v)], dtype=float)
    if not len(kept):
        return Interval(float("nan"), None, 0)
    if len(kept) == 1:
        return Interval(float(kept[0]), None, 1)
    half = stats.t.ppf((1 + LEVEL) / 2, len(kept) - 1) * kept.std(ddof=1) / np.sqrt(len(kept))
    return Interval(float(kept.mean()), float(half), len(kept))


def compare(difference: Interval, lower_is_better: bool) -> Word:
    """What a paired difference says: only an interval clear of nought says better or worse."""
    if difference.half is None or not np.isfinite(difference.mean):
        return "undecided"
    if abs(difference.mean) <= difference.half or difference.mean == 0:
        return "no better"
    return "better" if (difference.mean < 0) == lower_is_better else "worse"


def verdict(outcome: Outcome) -> Verdict:
    """The verdict on a launch that had balancing weights."""
    constraint = _constraint(outcome)
    predictor = _predictor(outcome)
    weights = _weights(outcome)
    parts = tuple(part for part in (constraint, predictor, weights) if part is not None)
    return Verdict(parts, try_label=outcome.moments == ("e",))


def _constraint(outcome: Outcome) -> Sentence:
    before = float(np.mean(np.abs(outcome.violation_uniform)))
    after = float(np.mean(np.abs(outcome.violation)))
    shown = (float(np.mean(outcome.violation_uniform)), float(np.mean(outcome.violation)))
    se = float(np.mean(outcome.target_se))
    numbers = f"violation {number(shown[0], 3)} → {number(shown[1], 3)}, target ± {number(se, 3)}"
    if before <= se:
        return Sentence("Constraint", "nothing to balance", f"{numbers}: within its noise before")
    if after <= se:
        return Sentence("Constraint", "met", numbers, True)
    left = 100 * after / before
    numbers += "; a larger λ" if outcome.lam_counts else ""
    return Sentence("Constraint", f"not met, {left:.0f} % left", numbers, False)


def _predictor(outcome: Outcome) -> Sentence | None:
    found: list[tuple[str, Word, Interval]] = []
    for name, values in outcome.differences.items():
        mean = interval(values)
        if mean.n:
            found.append((name, compare(mean, name in outcome.lower_is_better), mean))
    if not found:
        return None
    details = ", ".join(f"{name} {mean.text(signed=True)}" for name, _, mean in found)
    words = {word for _, word, _ in found}
    detail = f"{details} against the twin"
    if "undecided" in words:
        return Sentence("Predictor", "undecided", f"{details}: one seed has no interval")
    if words == {"better", "worse"} or (len(words) > 1 and "worse" in words and "better" in words):
        mixed = "; ".join(f"{name} {word}" for name, word, _ in found)
        return Sentence("Predictor", f"mixed: {mixed}", detail)
    if "better" in words:
        return Sentence("Predictor", _which(found, "better"), detail, True)
    if "worse" in words:
        return Sentence("Predictor", _which(found, "worse"), detail, False)
    return Sentence("Predictor", "no better", detail)


def _which(found: list[tuple[str, Word, Interval]], word: Word) -> str:
    names = [name for name, said, _ in found if said == word]
    return word if len(names) == len(found) else f"{word} in {', '.join(names)} only"


def _weights(outcome: Outcome) -> Sentence | None:
    known = [r for r in outcome.correlation if r is not None and np.isfinite(r)]
    if not known:
        return None
    r = float(np.mean(known))
    finding = (
        "unlike the oracle's"
        if r < 0.2
        else "partly the oracle's"
        if r < 0.6
        else "close to the oracle's"
    )
    return Sentence(
        "Weights", finding, f"correlation r = {number(r, 2)}", True if r >= 0.6 else None
    )


def outcome_of(
    runs: pd.DataFrame,
    epochs: pd.DataFrame,
    twins: Mapping[str, str],
    moments: tuple[str, ...],
    lam_counts: bool = True,
) -> Outcome:
    """Collect an Outcome from the store's frames.

    Args:
        runs: a row a run, indexed by id: best_epoch, true_loss, test_clean_mse, test_clean_auc.
        epochs: a row a run and epoch.
        twins: run id -> id of its twin.
    """
    at_best = _at_best(runs, epochs)
    ids = [run for run in twins if run in at_best.index and twins[run] in runs.index]
    at_best = at_best.loc[ids]
    differences = {}
    for name, column in _compared(runs):
        mine = runs.loc[ids, column].to_numpy(dtype=float)
        theirs = runs.loc[[twins[run] for run in ids], column].to_numpy(dtype=float)
        differences[name] = list(mine - theirs)
    return Outcome(
        violation=list(at_best["violation"]),
        violation_uniform=list(at_best["violation_uniform"]),
        target_se=list(at_best["target_se"]),
        differences=differences,
        correlation=list(at_best["oracle_correlation"]) if "oracle_correlation" in at_best else [],
        moments=moments,
        lam_counts=lam_counts,
    )


def _at_best(runs: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Each run's row at its own best epoch, indexed by run."""
    best = runs["best_epoch"].dropna().astype(int)
    keys = pd.MultiIndex.from_arrays([best.index, best])
    rows = epochs.set_index(["run", "epoch"])
    return rows.loc[rows.index.intersection(keys)].reset_index("epoch")


def _compared(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """What predictors are compared by: the truth where it is known, else clean test ratings."""
    if "true_loss" in runs and runs["true_loss"].notna().any():
        return [("true ideal loss", "true_loss")]
    return [("MSE", "test_clean_mse"), ("AUC", "test_clean_auc")]
