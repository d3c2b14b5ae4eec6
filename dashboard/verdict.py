"""What a finished launch shows, in three sentences that are never mixed up.

Constraint: did the weights balance what they were asked to? Predictor: is it better for it than its
twin? Weights: do they resemble the oracle's? Meeting the constraint says nothing about the other
two. Pure functions on numbers; no test rating takes part in a choice made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from dashboard.charts.theme import decimals_for, number
from dashboard.settings import is_simulated, lam_counts
from dashboard.text.lab import TRY
from engine import api

Word = Literal["better", "worse", "no better", "undecided"]
LEVEL = 0.95
ALIKE, CLOSE = 0.2, 0.6  # correlations with the oracle's log weights, for "partly" and "close"
FEW = 0.2  # share of ESS under which an estimate rests on few ratings
COLLAPSED = "resting on few ratings"
STEP = 16  # of λ, up or down


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
class Advice:
    """What to try next: a button's name, why, and the settings that differ."""

    name: str
    why: str
    changes: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """The three parts, and what is worth trying next, if anything."""

    parts: tuple[Sentence, ...]
    next: Advice | None = None

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
        ess, ess_estimate: effective sample sizes over n, of w and of w/p.
        in_sample: violations by the model's own errors, where `violation` is by errors on ratings
            it has not seen.
        config: the runs' settings, those of the first.
        reach: whether the constraint could be met at all while they trained.
    """

    violation: Sequence[float]
    violation_uniform: Sequence[float]
    target_se: Sequence[float]
    differences: Mapping[str, Sequence[float]]
    correlation: Sequence[float] = ()
    ess: Sequence[float] = ()
    ess_estimate: Sequence[float] = ()
    in_sample: Sequence[float] = ()
    config: Any = None
    reach: api.Reach | None = None
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
    half = stdtrit(len(kept) - 1, (1 + LEVEL) / 2) * kept.std(ddof=1) / np.sqrt(len(kept))
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
    return Verdict(parts, advice(outcome))


def _constraint(outcome: Outcome) -> Sentence:
    before, after, se = _sizes(outcome)
    shown = (float(np.mean(outcome.violation_uniform)), float(np.mean(outcome.violation)))
    numbers = f"violation {number(shown[0], 3)} → {number(shown[1], 3)}"
    if len(outcome.in_sample):
        inside = number(float(np.mean(outcome.in_sample)), 3)
        numbers += f" on ratings unseen ({inside} in-sample)"
    numbers += f", target ± {number(se, 3)}"
    if before <= se:
        return Sentence("Constraint", "nothing to balance", f"{numbers}: within its noise before")
    if after <= se:
        return Sentence("Constraint", "met", numbers + _limits(outcome), True)
    if outcome.reach is not None and outcome.reach.out:
        left = f"out of reach in {outcome.reach.counted(outcome.reach.out)}"
        return Sentence("Constraint", left, f"{numbers}; {outcome.reach.why}", False)
    left = f"not met, {100 * after / before:.0f} % left"
    return Sentence("Constraint", left, numbers + _limits(outcome), False)


def _limits(outcome: Outcome) -> str:
    """What kept weights from the constraint in some epochs, behind the numbers; "" for nothing."""
    reach = outcome.reach
    if reach is None:
        return ""
    said = f"; out of reach in {reach.counted(reach.out)}" if reach.out else ""
    return f"{said}; {reach.floor_said}" if reach.bound else said


def _sizes(outcome: Outcome) -> tuple[float, float, float]:
    """Mean size of the violation with uniform weights and with these, and the target's error."""
    before = float(np.mean(np.abs(outcome.violation_uniform)))
    after = float(np.mean(np.abs(outcome.violation)))
    return before, after, float(np.mean(outcome.target_se))


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
    """Against the oracle where it is known; what the estimate rests on, bad only when low."""
    known = [r for r in outcome.correlation if r is not None and np.isfinite(r)]
    rest = _finite_mean(outcome.ess_estimate)
    size = "" if rest is None else f"ESS {100 * rest:.0f} % of w/p"
    few = rest is not None and rest < FEW
    if not known:
        if rest is None:
            return None
        return Sentence(
            "Weights", COLLAPSED if few else "no oracle to compare with", size, _bad(few)
        )
    r = float(np.mean(known))
    finding = (
        "unlike the oracle's"
        if r < ALIKE
        else "partly the oracle's"
        if r < CLOSE
        else "close to the oracle's"
    )
    detail = ", ".join(filter(None, (f"correlation r = {number(r, 2)}", size)))
    if few:
        return Sentence("Weights", f"{COLLAPSED}, {finding}", detail, False)
    return Sentence("Weights", finding, detail, True if r >= CLOSE else None)


def _bad(few: bool) -> bool | None:
    return False if few else None


def _finite_mean(values: Sequence[float]) -> float | None:
    kept = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(kept)) if kept else None


def advice(outcome: Outcome) -> Advice | None:
    """The next thing worth trying, the most telling first; None where nothing comes to mind."""
    config = outcome.config
    if config is None:
        return None
    before, after, se = _sizes(outcome)
    rest = _finite_mean(outcome.ess_estimate)
    if config.entropy_sign == "minimise":
        return Advice(*TRY["entropy"], {"entropy_sign": "maximise"})
    if rest is not None and rest < FEW and config.lam > 0 and lam_counts(config):
        return Advice(*TRY["less"], {"lam": f"{max(config.lam / STEP, 2**-9):g}"})
    if _beyond(outcome) and config.balance == "exact" and not lam_counts(config):
        return Advice(*TRY["reach"], {"constraint": "penalised"})
    if before <= se:
        if config.confounding == "none" and is_simulated(config):
            return Advice(*TRY["confound"], {"confounding": "strong"})
    elif config.moments == ("e",):
        return Advice(*TRY["label"], {"moments": "e,r"})
    elif after > se and lam_counts(config) and not _beyond(outcome):
        return Advice(*TRY["more"], {"lam": f"{min(config.lam * STEP, api.LAM_MAX):g}"})
    if config.residuals == "in_sample" and config.balanced:
        return Advice(*TRY["unseen"], {"residuals": "cross_fitted"})
    return None


def _beyond(outcome: Outcome) -> bool:
    return outcome.reach is not None and outcome.reach.out > 0


def outcome_of(
    runs: pd.DataFrame,
    epochs: pd.DataFrame,
    twins: Mapping[str, str],
    config: Any = None,
    reach: api.Reach | None = None,
) -> Outcome:
    """Collect an Outcome from the store's frames.

    Args:
        runs: a row a run, indexed by id: best_epoch, true_loss, test_clean_mse, test_clean_auc.
        epochs: a row a run and epoch.
        twins: run id -> id of its twin.
        config: the runs' settings, those of the first.
        reach: of these runs.
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
        correlation=_column(at_best, "oracle_correlation"),
        ess=_column(at_best, "ess"),
        ess_estimate=_column(at_best, "ess_estimate"),
        in_sample=_column(at_best, "violation_in_sample"),
        config=config,
        reach=reach,
    )


def _column(frame: pd.DataFrame, name: str) -> list[float]:
    """A column's values, [] where no run has any."""
    return list(frame[name]) if name in frame and frame[name].notna().any() else []


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
