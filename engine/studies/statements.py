"""The paper's statements and ours, each with the way it is judged, fixed before any result.

A statement about means is a family of comparisons (`families`) taken as a conjunction
(`conclusions`); feasibility is counted and training time is timed (`counted`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.claims import Claim
from engine.events import METRICS
from engine.studies.conclusions import NOT_MEASURED, Outcome, all_better, lower_at_equal_rank
from engine.studies.counted import APART, feasible, training_time
from engine.studies.families import RANKING, Place
from engine.studies.measured import Known
from engine.studies.named import PAPER_LAMS
from engine.studies.peak import peak_sentence

ERRORS = tuple(metric for metric in METRICS if metric not in RANKING)


@dataclass(frozen=True)
class Spec:
    """A statement, where it stands, and how it is judged. kind: of the study that measures it."""

    key: str
    statement: str
    where: str
    kind: str
    judge: Callable[[Known], Outcome]
    ours: bool = False
    command: str = "python -m engine study {kind} --dataset {dataset} --seeds {seeds}"


def _better(
    kind: str, key: str, keep: Callable[[Place, Place], bool] = lambda a, b: True
) -> Callable[[Known], Outcome]:
    """ "Every a is better than its b" over a family, in the paper's metrics."""

    def judge(known: Known) -> Outcome:
        claims, pairs, _ = known.claims(kind, key, keep)
        own = [claim for claim in claims if claim.metric in RANKING]
        return all_better(own, len(pairs) * len(RANKING))

    return judge


def _with(moments: str) -> Callable[[Place, Place], bool]:
    return lambda a, b: str(a[0]).endswith(f"/learned/{moments}/in_sample")


def _peak(known: Known) -> Outcome:
    outcome = _better("lambda", "peak")(known)
    if outcome.verdict == NOT_MEASURED:
        return outcome
    said = peak_sentence(known.study("lambda"))
    return Outcome(outcome.verdict, f"{outcome.evidence} {said}".strip(), outcome.claims)


def _calibrates(moments: str) -> Callable[[Known], Outcome]:
    def judge(known: Known) -> Outcome:
        claims, pairs, family = known.claims("table2", "gains", _with(moments))
        return lower_at_equal_rank(
            _of(claims, ERRORS), _of(claims, RANKING), len(pairs) * len(family.metrics)
        )

    return judge


def _moments(known: Known) -> Outcome:
    claims, pairs, _ = known.claims("table2", "moments")
    return all_better(_of(claims, ERRORS), len(pairs) * len(ERRORS))


def _of(claims: Sequence[Claim], metrics: Sequence[str]) -> list[Claim]:
    return [claim for claim in claims if claim.metric in metrics]


SPECS: tuple[Spec, ...] = (
    Spec(
        "gains",
        "Each of Bal-MF, Bal-IPS, Bal-DR and Bal-AutoDebias is better than its base method in AUC, "
        "NDCG@5 and NDCG@10.",
        "Section 4.2, Table 2",
        "table2",
        _better("table2", "gains", _with("e")),
    ),
    Spec(
        "best",
        "Bal-AutoDebias is better than every other method.",
        "Section 4.2, Table 2",
        "table2",
        _better("table2", "best"),
    ),
    Spec(
        "starts",
        "Gains are stable across initialisations: from a finished IPS, DR or AutoDebias, every "
        "Bal-method is better than what it started from.",
        "Section 4.3, Table 3",
        "table3",
        _better("table3", "gains"),
    ),
    Spec(
        "positive",
        "Every λ > 0 of the paper's grid (2⁻⁹, 2⁻⁶, 2⁻³, 1) is better than λ = 0.",
        "Section 4.4, Figure 2",
        "lambda",
        _better("lambda", "positive", lambda a, b: a[1] in PAPER_LAMS),
    ),
    Spec(
        "peak",
        "Metrics rise and then fall with λ, best near 2⁻⁶: λ = 2⁻⁶ is better than both ends of the "
        "paper's grid, 0 and 1.",
        "Section 4.4, Figure 2",
        "lambda",
        _peak,
    ),
    Spec(
        "models",
        "NCF for w₁ with MF for w₂ is better than the other three combinations.",
        "Section 4.5, Table 4",
        "table4",
        _better("table4", "best"),
    ),
    Spec(
        "sizes",
        "Bal-AutoDebias is better than MF, CausE, KD-Label and AutoDebias at each size of the "
        "uniform sample from 1 % to 10 %.",
        "Section 4.5, Figure 3",
        "uniform",
        _better("uniform", "best"),
    ),
    Spec(
        "cause",
        "With 1 % uniform ratings CausE falls below MF.",
        "Section 4.5, Figure 3",
        "uniform",
        _better("uniform", "cause"),
    ),
    Spec(
        "feasible",
        "The constraint can be met: there are positive weights of the right mass that satisfy it.",
        "Proposition 3",
        "table2",
        lambda known: feasible(known.store, known.study("table2")),
    ),
    Spec(
        "time",
        "Training takes at most about 1.5 times as long as AutoDebias.",
        "Section 3.3.4",
        "table2",
        lambda known: training_time(known.store, known.dataset),
        command=APART,
    ),
    Spec(
        "calibrates",
        "Balancing the error, {e}, lowers squared error and log loss on uniform ratings at equal "
        "ranking.",
        "Counterweight, METHOD 7",
        "table2",
        _calibrates("e"),
        ours=True,
    ),
    Spec(
        "calibrates-both",
        "Balancing the error and the label, {e, r}, lowers both at equal ranking.",
        "Counterweight, METHOD 7",
        "table2",
        _calibrates("e,r"),
        ours=True,
    ),
    Spec(
        "moments",
        "Balancing {e, r} is better than balancing {e}, in squared error and log loss.",
        "Counterweight, METHOD 5",
        "table2",
        _moments,
        ours=True,
    ),
)
