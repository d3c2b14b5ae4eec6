"""Tuning: trials until there are as many as wanted, and the best of them as settings.

A trial's value is a metric on its seed's validation ratings, at the run's best epoch. Its test
ratings are read by nobody here. The preset is the first trial, so nothing worse comes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from engine.config import changed
from engine.datasets.catalogue import OWN_PREFIX
from engine.errors import ConfigError, TrainingError
from engine.presets.files import Tuned
from engine.store.database import Store
from engine.store.records import RunRecord
from engine.tuning.plan import METRIC_DIRECTIONS, Plan
from engine.tuning.space import start_of
from engine.tuning.training import follow, runs_for
from engine.tuning.trials import Asked, Trials, TrialTold


@dataclass(frozen=True)
class Progress:
    """How far tuning is: trials told, of earlier calls too, and, in trials, what is under way.

    failed: of those told. best, preset: values so far, None where there is none.
    """

    told: int
    wanted: int
    failed: int
    under_way: float
    best: float | None
    preset: float | None


def tune(
    store: Store,
    plan: Plan,
    trials: int,
    on_progress: Callable[[Progress], object] = lambda progress: None,
    on_trial: Callable[[TrialTold], object] = lambda trial: None,
) -> Tuned:
    """Have `trials` trials of the plan in all, earlier calls included; the best one's settings.

    Ctrl-C keeps every trial told; the same call goes on from there.

    Args:
        on_progress: called after every epoch. on_trial: called with every trial that ends.

    Raises:
        ConfigError: no trials. TrainingError: every trial failed. StoreError: as `Trials`.
    """
    if trials < 1:
        raise ConfigError("trials", trials, "a whole number from 1")
    with Trials(store.home, plan) as study:
        tuning = _Tuning(store, plan, trials, study, on_progress, on_trial)
        tuning.train(study.interrupted())
        while tuning.missing:
            tuning.train(study.ask(tuning.missing))
        return tuning.result()


class _Tuning:
    def __init__(
        self,
        store: Store,
        plan: Plan,
        wanted: int,
        study: Trials,
        on_progress: Callable[[Progress], object],
        on_trial: Callable[[TrialTold], object],
    ) -> None:
        self._store, self._plan, self._wanted, self._study = store, plan, wanted, study
        self._on_progress, self._on_trial = on_progress, on_trial
        self._told = study.told()
        self._errors: list[str] = []

    @property
    def missing(self) -> int:
        return max(0, self._wanted - len(self._told))

    def train(self, asked: Sequence[Asked]) -> None:
        """Have these trials trained and told."""
        if not asked:
            return
        configs = {trial.number: trial.config for trial in asked}
        known = {trial.number: trial.run for trial in asked if trial.run is not None}
        # The name of an own file does not settle its content, so only trials' own runs serve.
        reuse = not self._plan.centre.dataset.startswith(OWN_PREFIX)
        runs = runs_for(self._store, configs, known, reuse)
        numbers: dict[str, list[int]] = {}
        for number, run in runs.items():
            self._study.begun(number, run)
            numbers.setdefault(run, []).append(number)
        follow(self._store, list(numbers), lambda end: self._tell(end, numbers), self._tell_far)

    def _tell(self, end: RunRecord, numbers: dict[str, list[int]]) -> None:
        value = end.validation.get(self._plan.metric) if end.state == "finished" else None
        if value is None:
            self._errors.append(end.error or f"run {end.run} was {end.state}")
        for number in numbers[end.run]:
            self._study.tell(number, value)
        known = {trial.number for trial in self._told}
        self._told = self._study.told()
        for trial in self._told:
            if trial.number not in known:
                self._on_trial(trial)

    def _tell_far(self, under_way: float) -> None:
        best = self._best()
        self._on_progress(
            Progress(
                told=len(self._told),
                wanted=max(self._wanted, len(self._told)),
                failed=sum(trial.value is None for trial in self._told),
                under_way=under_way,
                best=None if best is None else best.value,
                preset=self._preset_value(),
            )
        )

    def _best(self) -> TrialTold | None:
        """The best trial; of equal ones the first."""
        sign = 1 if METRIC_DIRECTIONS[self._plan.metric] == "maximize" else -1
        valued = [(sign * t.value, -t.number, t) for t in self._told if t.value is not None]
        return max(valued, default=(0, 0, None), key=lambda found: found[:2])[2]

    def _preset_value(self) -> float | None:
        fields = self._plan.fields
        start = start_of(self._plan.centre, fields)
        at = {name: fields[name].decoded(kept) for name, kept in start.items()}
        return next((trial.value for trial in self._told if trial.settings == at), None)

    def result(self) -> Tuned:
        """The best trial as settings.

        Raises:
            TrainingError: there is none.
        """
        best = self._best()
        if best is None or best.value is None:
            why = f" The last said: {self._errors[-1]}" if self._errors else ""
            raise TrainingError(f"All {len(self._told)} trials failed.{why}")
        labels, positive = self._plan.validation_labels()
        auc = self._plan.metric == "auc"
        return Tuned(
            config=changed(self._plan.centre, **best.settings),
            seed=self._plan.seed,
            metric=self._plan.metric,
            value=best.value,
            preset_value=self._preset_value(),
            trials=len(self._told),
            failed=sum(trial.value is None for trial in self._told),
            validation_ratings=labels,
            standard_error=auc_error(best.value, positive, labels - positive) if auc else None,
            engine=_engine_version(),
        )


def auc_error(auc: float, positive: int, negative: int) -> float:
    """Standard error of an AUC over that many ratings (Hanley and McNeil 1982, equation 1).

    It takes ratings as independent: those of one user are not quite.
    """
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positive - 1) * (q1 - auc**2) + (negative - 1) * (q2 - auc**2)
    return math.sqrt(max(spread, 0.0) / (positive * negative))


def _engine_version() -> str | None:
    try:
        return version("counterweight")
    except PackageNotFoundError:
        return None
