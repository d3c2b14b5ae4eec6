"""From many checked comparisons to one verdict on a statement about all of them.

"Each is better than its base" is a conjunction: the first of these that holds.

    contradicted              some comparison is contradicted;
    undecided                 some comparison is still missing;
    supported                 all are supported;
    supported but negligible  all gains are above 0, some of them below what matters;
    practically equal         every gain lies within the margins;
    undecided                 otherwise.

The comparisons of a family hold together, so its verdict holds at the family's level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.claims import METRIC_TITLES, Claim, Verdict

NOT_MEASURED: Literal["not measured yet"] = "not measured yet"
Told = Verdict | Literal["not measured yet"]
ORDER: tuple[Verdict, ...] = (
    *("supported", "supported but negligible", "practically equal"),
    *("undecided", "contradicted"),
)
EQUAL = ("practically equal", "supported but negligible")


@dataclass(frozen=True)
class Outcome:
    """A verdict, what it rests on in a sentence or two, and the comparisons behind it.

    source, seeds: None where they are those of the comparisons and their study.
    """

    verdict: Told
    evidence: str
    claims: tuple[Claim, ...] = ()
    source: str | None = None
    seeds: int | None = None


def all_better(claims: Sequence[Claim], expected: int) -> Outcome:
    """The verdict on "every a is better than its b", out of so many comparisons expected."""
    if not claims:
        return Outcome(NOT_MEASURED, "")
    verdicts = [claim.verdict for claim in claims]
    return Outcome(_together(verdicts, expected), _counted(claims, expected), tuple(claims))


def _together(verdicts: Sequence[Verdict], expected: int) -> Verdict:
    said = set(verdicts)
    if "contradicted" in said:
        return "contradicted"
    if len(verdicts) < expected:
        return "undecided"
    if said == {"supported"}:
        return "supported"
    if said <= {"supported", "supported but negligible"}:
        return "supported but negligible"
    return "practically equal" if said <= set(EQUAL) else "undecided"


def lower_at_equal_rank(errors: Sequence[Claim], ranks: Sequence[Claim], expected: int) -> Outcome:
    """The verdict on "errors fall and ranking does not suffer", as a conjunction too.

    A ranking suffers where its gain lies below minus the margin for sure, and does not where it
    lies above it for sure; whatever else, it cannot be told.
    """
    if not errors or not ranks:
        return Outcome(NOT_MEASURED, "")
    lowered = _together([claim.verdict for claim in errors], 0)
    suffers = any(c.high is not None and c.high < -c.margin for c in ranks)
    kept = all(c.low is not None and c.low > -c.margin for c in ranks)
    complete = len(errors) + len(ranks) >= expected
    verdict: Verdict = lowered
    if suffers:
        verdict = "contradicted"
    elif lowered != "contradicted" and not (kept and complete):
        verdict = "undecided"
    worse = sum(c.high is not None and c.high < -c.margin for c in ranks)
    equal = sum(c.low is not None and c.low > -c.margin for c in ranks)
    said = (
        f"Errors: {_counted(errors, len(errors))} Ranking: {equal} of {len(ranks)} comparisons "
        f"lose less than the margin, {worse} lose more, the rest cannot be told."
    )
    return Outcome(verdict, said, (*errors, *ranks))


def _counted(claims: Sequence[Claim], expected: int) -> str:
    counts = Counter(claim.verdict for claim in claims)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])
    total = max(expected, len(claims))
    which = f"{total} comparisons" if total > 1 else "1 comparison"
    short = f", {len(claims)} measured so far" if len(claims) < total else ""
    reasons = {claim.reason for claim in claims if claim.reason}
    why = f" {reasons.pop().capitalize()}." if len(reasons) == 1 else ""
    return f"Of {which}{short}: {told}.{_ranges(claims)}{why}"


def _ranges(claims: Sequence[Claim]) -> str:
    """Smallest and largest gain a metric, and the widest interval."""
    said = []
    for metric in dict.fromkeys(claim.metric for claim in claims):
        own = [c for c in claims if c.metric == metric and c.gain is not None]
        gains = sorted(float(c.gain) for c in own if c.gain is not None)
        if not gains:
            continue
        places = 4 if metric == "mse" else 3
        low, high = (_signed(gain, places) for gain in (gains[0], gains[-1]))
        text = low if low == high else f"{low} to {high}"
        widths = [c.resolvable for c in own if c.resolvable is not None]
        wide = f" (± up to {max(widths):.{places}f})" if widths else ""
        said.append(f"{METRIC_TITLES[metric].split(' (')[0]} {text}{wide}")
    return f" Gains: {'; '.join(said)}." if said else ""


def _signed(value: float, places: int) -> str:
    text = f"{value:+.{places}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")
