"""How a mean gain could have come out otherwise: users resampled, seeds multiplied.

Two things could have come out otherwise: which users there are, and which seeds were run. In every
replicate the same resampled users serve all seeds, methods and metrics:

    deviation = (mean over seeds on the resampled users - gain) * sqrt(G / (G - 1))
                + sum_s g_s (d_s - gain) / sqrt(S (S - 1)),

d_s the gain in seed s, S seeds, G users. The mean over seeds is linear in the seeds, so they get
Gaussian multipliers g_s in place of a second resampling, of which ten seeds make too little: its
variance is short by 1/S and its tails end at the largest seed. The parts are independent and their
variances are V_u and V_s. Their sum counts the users-by-seeds interaction twice where the truth
does once (resampling both counts it three times: Owen, Ann. Appl. Stat. 1, 2007): it errs on the
safe side. How the seeds of two claims correlate is told by S - 1 degrees of freedom only: their
multipliers share all but a part 1 / (S - 1) of their variance, which errs towards Bonferroni.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.claims.ratings import Contest
from engine.claims.resampling import resampled_metrics, user_weights
from engine.claims.verdicts import LOWER_IS_BETTER, METRIC_TITLES, MIN_SEEDS

FloatArray = NDArray[np.float64]

# Below, resampling the users understates how much they vary.
MIN_USERS = 20
# A metric that more resamplings than this share lack (no positive drawn) has too little to rest on.
UNDEFINED_MAX = 0.01


@dataclass(frozen=True, eq=False)
class Part:
    """One contest's claims (pairs by metrics, K): what is known before the family's critical value.

    value_a, value_b, gain: [K]. deviation: [R, K]. variance, freedom: [K]. reason: [K], empty where
    the claim can be checked.
    """

    contest: Contest
    users: int
    value_a: FloatArray
    value_b: FloatArray
    gain: FloatArray
    deviation: FloatArray
    variance: FloatArray
    freedom: FloatArray
    reason: list[str]


def part_of(contest: Contest, replicates: int, rng: np.random.Generator) -> Part:
    """Resample one contest; `replicates` deviations of every claim's gain."""
    every = np.unique(np.concatenate([test.user for test in contest.tests])).astype(np.int64)
    drawn = replicates if contest.same_users else 0
    weights = user_weights(len(every), drawn, rng)
    value = resampled_metrics(contest, weights, every)
    at = {method: i for i, method in enumerate(contest.methods)}
    better = np.array([-1.0 if metric in LOWER_IS_BETTER else 1.0 for metric in contest.metrics])
    a = np.concatenate([value[at[a]] for a, _ in contest.pairs])
    b = np.concatenate([value[at[b]] for _, b in contest.pairs])
    d = (a - b) * np.tile(better, len(contest.pairs))[:, None, None]
    by_seed = d[:, :, 0]
    gain = by_seed.mean(axis=1)
    user = np.zeros((replicates, len(d)))
    if contest.same_users:
        scale = np.sqrt(len(every) / max(len(every) - 1, 1))
        user = (d[:, :, 1:].mean(axis=1) - gain[:, None]).T * scale
    reason = [_reason(contest, k, len(every), by_seed[k], user[:, k]) for k in range(len(d))]
    variance, freedom = _spread(user, by_seed, len(every))
    return Part(
        contest,
        len(every),
        a[:, :, 0].mean(axis=1),
        b[:, :, 0].mean(axis=1),
        gain,
        user + _seed_deviation(by_seed, replicates, rng),
        variance,
        freedom,
        reason,
    )


def _seed_deviation(by_seed: FloatArray, replicates: int, rng: np.random.Generator) -> FloatArray:
    """The seeds' part of the deviation, [R, K], from the gains by seed [K, S]."""
    claims, seeds = by_seed.shape
    if seeds < MIN_SEEDS:
        return np.zeros((replicates, claims))
    share = 1 / (seeds - 1)
    common = rng.standard_normal((replicates, 1, seeds))
    own = rng.standard_normal((replicates, claims, seeds))
    multiplier = np.sqrt(1 - share) * common + np.sqrt(share) * own
    centred = (by_seed - by_seed.mean(axis=1, keepdims=True)) / np.sqrt(seeds * (seeds - 1))
    return np.asarray(np.einsum("rks,ks->rk", multiplier, centred), dtype=np.float64)


def _spread(user: FloatArray, by_seed: FloatArray, users: int) -> tuple[FloatArray, FloatArray]:
    """V_u + V_s of the mean gain, and Satterthwaite's degrees of freedom; both [K]."""
    claims, seeds = by_seed.shape
    if seeds < MIN_SEEDS:
        return np.full(claims, np.nan), np.full(claims, np.nan)
    of_users = np.asarray(np.ma.masked_invalid(user).var(axis=0).filled(0.0))
    of_seeds = by_seed.var(axis=1, ddof=1) / seeds
    total = of_users + of_seeds
    rough = of_users**2 / max(users - 1, 1) + of_seeds**2 / (seeds - 1)
    # Nothing varies: the interval is a point whatever the degrees of freedom.
    freedom = np.divide(total**2, rough, out=np.full(claims, np.inf), where=rough > 0)
    return total, freedom


def _reason(contest: Contest, claim: int, users: int, by_seed: FloatArray, user: FloatArray) -> str:
    """Why a claim cannot be checked, in words; empty where it can. by_seed: [S]; user: [R]."""
    title = METRIC_TITLES[contest.metrics[claim % len(contest.metrics)]]
    lacking = int(np.isnan(by_seed).sum())
    if lacking:
        return (
            f"in {lacking} of {len(by_seed)} seeds the test ratings are all positive or have "
            f"no positive, and {title} does not exist"
        )
    if len(by_seed) < MIN_SEEDS:
        count = f"{len(by_seed)} seed{' is' if len(by_seed) == 1 else 's are'}"
        return f"{count} too few for a claim, which needs {MIN_SEEDS}"
    if contest.same_users and users < MIN_USERS:
        return f"{users} users are too few for a claim, which needs {MIN_USERS}"
    if np.isnan(user).mean() > UNDEFINED_MAX:
        return f"so few users have a positive (or a negative) that {title} rests on chance"
    return ""
