"""Is one method better than another, and by how much: intervals, verdicts, words (METHOD 6)."""

from engine.claims.check import check_claims
from engine.claims.intervals import mean_interval, paired_interval
from engine.claims.ratings import Contest, SeedTest
from engine.claims.verdicts import MARGINS, METRIC_TITLES, MIN_SEEDS, Claim, Verdict, judge

__all__ = [
    "MARGINS",
    "METRIC_TITLES",
    "MIN_SEEDS",
    "Claim",
    "Contest",
    "SeedTest",
    "Verdict",
    "check_claims",
    "judge",
    "mean_interval",
    "paired_interval",
]
