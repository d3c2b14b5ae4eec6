"""The paper's claims as a list, each with a verdict from what this store has measured.

Where nothing was measured the list says so and names the study that would measure it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.claims import Claim
from engine.store.database import Store
from engine.studies.conclusions import NOT_MEASURED, Told
from engine.studies.measured import Known
from engine.studies.plan import Plan
from engine.studies.running import Study
from engine.studies.statements import SPECS, Spec
from engine.studies.tables import SOURCES


@dataclass(frozen=True)
class PaperClaim:
    """One statement and what is known of it. ours: not the paper's but this program's.

    where: the paper's place that says it. seeds: that its comparisons rest on. source: "measured",
    "computed earlier", "partly earlier" or "". plan, command: the study that measures it.
    """

    key: str
    statement: str
    where: str
    ours: bool
    verdict: Told
    evidence: str
    seeds: int
    source: str
    plan: Plan
    claims: tuple[Claim, ...]
    command: str


def paper_claims(store: Store, dataset: str, **changes: Any) -> list[PaperClaim]:
    """Every claim of the paper, then ours, about one data set.

    Args:
        changes: settings of the runs that differ from the presets', such as confounding, epochs.

    Raises:
        ConfigError: no data set of that name, or changes that make no run.
    """
    known = Known(store, dataset, changes)
    return [_told(known, spec) for spec in SPECS]


def _told(known: Known, spec: Spec) -> PaperClaim:
    plan = known.plan(spec.kind)
    study, outcome = known.study(spec.kind), spec.judge(known)
    verdict, evidence = outcome.verdict, outcome.evidence
    if verdict == NOT_MEASURED and not evidence:
        verdict, evidence = _without(study, plan)
    sources = set(study.frame["source"]) - {""} if verdict != NOT_MEASURED else set()
    found = SOURCES[sources.pop() if len(sources) == 1 else "mixed"] if sources else ""
    seeds = min((claim.seeds for claim in outcome.claims), default=len(study.plan.seeds))
    return PaperClaim(
        *(spec.key, spec.statement, spec.where, spec.ours, verdict, evidence),
        seeds=(seeds if verdict != NOT_MEASURED else 0) if outcome.seeds is None else outcome.seeds,
        source=found if outcome.source is None else outcome.source,
        plan=plan,
        claims=outcome.claims,
        command=_command(spec, plan, known.changes),
    )


def _command(spec: Spec, plan: Plan, changes: Mapping[str, Any]) -> str:
    more = "".join(f" --{name} {value}" for name, value in changes.items())
    said = spec.command.format(kind=plan.kind, dataset=plan.dataset, seeds=len(plan.seeds))
    return said.replace(f"--dataset {plan.dataset}", f"--dataset {plan.dataset}{more}")


def _without(study: Study, plan: Plan) -> tuple[Told, str]:
    """What to say where no comparison could be checked."""
    results, all_of_it = int((study.frame["source"] != "").sum()), len(study.frame)
    if not results:
        return NOT_MEASURED, f"Nothing of {plan.title} was measured yet: {len(plan)} runs."
    if results < all_of_it:
        said = f"{results} of {all_of_it} runs of {plan.title} have a result so far."
        return NOT_MEASURED, said
    return "undecided", (
        f"All {results} runs of {plan.title} have a result, but their ratings or prediction models "
        "are not here, so no comparison can be checked."
    )
