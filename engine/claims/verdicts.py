"""The five verdicts on a claim "a is better than b", and the sentence that goes with each.

Every verdict says where the simultaneous interval of the gain lies, and nothing else: so all the
verdicts of a family hold together at the family's level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal[
    "supported", "supported but negligible", "practically equal", "undecided", "contradicted"
]

# Differences that matter: each half a percent to two percent of the way from a constant prediction
# to a perfect one. AUC goes from 0.5 to 1, NDCG from a random scorer's 0.35-0.55 to 1 and, with
# p = 10-20 % positives, squared error from p (1 - p) = 0.09-0.16, log loss from 0.33-0.50, to 0.
# The last two agree with each other: near p, a log loss differs by mse / (2 p (1 - p)).
MARGINS = {"auc": 0.005, "ndcg5": 0.01, "ndcg10": 0.01, "mse": 0.001, "log_loss": 0.005}
LOWER_IS_BETTER = frozenset({"mse", "log_loss"})
METRIC_TITLES = {
    "auc": "AUC",
    "ndcg5": "NDCG@5",
    "ndcg10": "NDCG@10",
    "mse": "squared error (lower is better)",
    "log_loss": "log loss (lower is better)",
}
# With fewer, how much the seeds differ is itself too poorly known for any family of claims.
MIN_SEEDS = 5


def judge(low: float, high: float, margin: float) -> Verdict:
    """The verdict on a gain with simultaneous interval [low, high]; the first rule that holds.

    1. high < 0: contradicted (b is better, be it by little).
    2. 0 < low and high < margin: supported but negligible.
    3. 0 < low: supported. The gain may still be below the margin, unless low >= margin.
    4. -margin < low and high < margin: practically equal.
    5. Otherwise: undecided.

    A bound exactly at 0 or at the margin does not count as beyond it.
    """
    if high < 0:
        return "contradicted"
    if low > 0:
        return "supported but negligible" if high < margin else "supported"
    return "practically equal" if -margin < low and high < margin else "undecided"


@dataclass(frozen=True)
class Claim:
    """One claim "a is better than b", checked.

    gain: by how much a is better, mean over seeds: a - b, or b - a where lower is better.
    low, high: its interval, simultaneous over the family's `claims` claims that could be checked.
    value_a, value_b: the metric, mean over seeds. None where a number does not exist; `reason` then
    says why in words.
    """

    family: str
    claims: int
    data: str
    a: str
    b: str
    metric: str
    seeds: int
    users: int
    same_users: bool
    level: float
    value_a: float | None
    value_b: float | None
    gain: float | None
    low: float | None
    high: float | None
    reason: str = ""

    @property
    def margin(self) -> float:
        """The smallest gain that matters."""
        return MARGINS[self.metric]

    @property
    def verdict(self) -> Verdict:
        """Where the interval lies: see `judge`. Undecided without an interval."""
        if self.low is None or self.high is None:
            return "undecided"
        return judge(self.low, self.high, self.margin)

    @property
    def resolvable(self) -> float | None:
        """The smallest difference this design can resolve: half the interval's width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def sentence(self) -> str:
        """Verdict, numbers and scope, in plain words."""
        return f"{self._headline()}{self._numbers()}, {self._scope()}.{self._resolution()}"

    def _headline(self) -> str:
        a, b, margin = self.a, self.b, f"{self.margin:g}"
        title = METRIC_TITLES[self.metric]
        if self.low is None or self.high is None:
            return f"Undecided whether {a} is better than {b} in {title}: {self.reason}"
        match self.verdict:
            case "supported":
                small = f", though perhaps by less than the {margin} that matters"
                said = f"{a} is better than {b} in {title}{small if self.low < self.margin else ''}"
            case "supported but negligible":
                said = f"{a} is better than {b} in {title}, by less than the {margin} that matters"
            case "practically equal":
                said = f"{a} and {b} differ in {title} by less than the {margin} that matters"
            case "contradicted":
                small = f", by less than the {margin} that matters"
                said = (
                    f"{b} is better than {a} in {title}{small if self.low > -self.margin else ''}"
                )
            case _:
                said = f"whether {a} is better than {b} in {title} cannot be told"
        return f"{self.verdict.capitalize()}: {said}"

    def _numbers(self) -> str:
        if self.gain is None:
            return ""
        d = self._decimals()
        said = f"; {self.value_a:.{d}f} against {self.value_b:.{d}f}, a gain of {self.gain:+.{d}f}"
        if self.low is None or self.high is None:
            return said
        together = f" for all {self.claims} claims of {self.family}" if self.claims > 1 else ""
        bounds = f"{self.low:+.{d}f} to {self.high:+.{d}f}"
        return f"{said} ({100 * self.level:g} % interval {bounds}{together})"

    def _scope(self) -> str:
        if self.same_users:
            seeds = f"{self.seeds} seed{'' if self.seeds == 1 else 's'}"
            return f"over splits of this data set ({self.data}: {seeds}, {self.users} users)"
        return f"over draws of this data set ({self.data}: {self.seeds} draws)"

    def _resolution(self) -> str:
        if self.resolvable is None:
            return ""
        if not self.resolvable:
            return " The scores do not differ in anything this metric sees."
        return f" The smallest difference this design can resolve is {self.resolvable:.2g}."

    def _decimals(self) -> int:
        """Two digits of the half-width, and as many more as keep the verdict readable."""
        if self.low is None or self.high is None or not self.resolvable:
            return 4
        start = min(max(1 - math.floor(math.log10(self.resolvable)), 3), 6)
        for d in range(start, 6):
            if judge(round(self.low, d), round(self.high, d), self.margin) == self.verdict:
                return d
        return 6
