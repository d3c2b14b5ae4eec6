"""A family of claims, checked together: one critical value by max-t over the replicates.

c is the smallest number with max over claims of |deviation| / sd <= c in a share `level` of the
replicates (at least the normal quantile of one claim). A few seeds tell their variance poorly, so
every claim then takes the critical value of Student's t at the same tail as c, with its own
degrees of freedom; the interval is gain -+ that value times sqrt(V_u + V_s): see `crossing`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit  # scipy.stats takes half a second to load

from engine.claims.crossing import Part, part_of
from engine.claims.intervals import check_level
from engine.claims.ratings import Contest
from engine.claims.verdicts import Claim
from engine.errors import ConfigError

MIN_REPLICATES = 200


def check_claims(
    family: str,
    contests: Sequence[Contest],
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> tuple[Claim, ...]:
    """Check every claim of a family at once, so that all intervals hold together at `level`.

    Args:
        family: its name, said in every sentence; fixed before the results are looked at.
        contests: one a data set; what two contests compare is taken as independent.
        level: confidence that every interval of the family holds.
        replicates: resamplings of the users.
        seed: the same seed gives the same claims.

    Returns:
        One claim for every pair and metric, contest by contest, pair by pair, metric by metric.

    Raises:
        ConfigError: no contest, a level outside (0, 1), too few replicates.
    """
    check_level(level)
    if not contests:
        raise ConfigError("contests", "none", "at least one")
    if replicates < MIN_REPLICATES:
        raise ConfigError("replicates", replicates, f"{MIN_REPLICATES} or more")
    parts = [
        part_of(contest, replicates, np.random.default_rng([seed, i]))
        for i, contest in enumerate(contests)
    ]
    critical = _critical(parts, level)
    claims = sum(not reason for part in parts for reason in part.reason)
    return tuple(
        claim for part in parts for claim in _claims(part, family, claims, level, critical)
    )


def _critical(parts: Sequence[Part], level: float) -> float:
    """The critical value c of the claims that can be checked."""
    single = float(ndtri((1 + level) / 2))
    checked = [
        part.deviation[:, k]
        for part in parts
        for k, reason in enumerate(part.reason)
        if not reason and part.variance[k] > 0
    ]
    if not checked:
        return single
    deviation = np.stack(checked, axis=1)
    deviation = deviation[np.isfinite(deviation).all(axis=1)]
    largest = np.max(np.abs(deviation) / deviation.std(axis=0), axis=1)
    return max(float(np.quantile(largest, level, method="higher")), single)


def _claims(part: Part, family: str, claims: int, level: float, critical: float) -> list[Claim]:
    contest = part.contest
    tail = ndtr(-critical)
    names = [(a, b, metric) for a, b in contest.pairs for metric in contest.metrics]
    out = []
    for k, (a, b, metric) in enumerate(names):
        gain = float(part.gain[k])
        half = float(abs(stdtrit(part.freedom[k], tail)) * np.sqrt(part.variance[k]))
        known, checked = not np.isnan(gain), not part.reason[k]
        out.append(
            Claim(
                family=family,
                claims=claims,
                data=contest.data,
                a=a,
                b=b,
                metric=metric,
                seeds=len(contest.tests),
                users=part.users,
                same_users=contest.same_users,
                level=level,
                value_a=float(part.value_a[k]) if known else None,
                value_b=float(part.value_b[k]) if known else None,
                gain=gain if known else None,
                low=gain - half if checked else None,
                high=gain + half if checked else None,
                reason=part.reason[k],
            )
        )
    return out
