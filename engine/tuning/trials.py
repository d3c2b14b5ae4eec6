"""The trials of one plan, kept by optuna in a SQLite file beside the store.

Ask and tell: `ask` gives a batch of trials, each a complete config; whoever trains them says what
came out by `tell`. A batch is SETTINGS_AT_ONCE settings that TPE chooses (constant liar: a trial
under way counts as a bad one, so the settings of a batch differ). Runs that differ in lam alone
train as one group, so where lam is searched each setting is asked for LAMS_A_SETTING times: at
TPE's lam, and at others spread evenly over the grid. Each of these is a trial and counts as one.

The sampler's seed is made of the plan's seed and the number of trials told, so the same calls give
the same trials, and an interruption changes nothing.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from engine.config import RunConfig
from engine.errors import CounterweightError, StoreError
from engine.store.processes import Process
from engine.tuning.plan import METRIC_DIRECTIONS, Plan
from engine.tuning.space import config_of, start_of, strengths, suggest

if TYPE_CHECKING:
    from optuna.samplers import TPESampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

FILE = "tuning.sqlite3"
SETTINGS_AT_ONCE = 2  # the fewer, the more each next one knows; workers train them side by side
LAMS_A_SETTING = 4
RANDOM_SETTINGS = 4  # before TPE has enough to go by
MISSING = "Tuning needs optuna, which is missing here; run pip install '.[tune]' in this folder."


class _Connection(sqlite3.Connection):
    """Like the store's: a trial takes some twenty commits, and each need not reach the disk."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")


@dataclass(frozen=True)
class Asked:
    """A trial to be trained. run: of an earlier call that was interrupted, else None."""

    number: int
    config: RunConfig
    run: str | None = None


@dataclass(frozen=True)
class TrialTold:
    """A trial that has ended. value: None where it failed. settings: what it chose, by field."""

    number: int
    run: str
    value: float | None
    settings: Mapping[str, Any]


class Trials:
    """A context: the study of `plan` in the folder `home`, held by this process alone meanwhile.

    Raises:
        CounterweightError: optuna is missing. StoreError: the file cannot be used, or another
            living process tunes this very plan.
    """

    def __init__(self, home: Path, plan: Plan) -> None:
        self._plan, self._path = plan, home / FILE
        self._asked: dict[int, Trial] = {}
        self._study: Study

    def __enter__(self) -> Trials:
        optuna = _optuna()
        with self.in_words():
            self._storage = optuna.storages.RDBStorage(
                f"sqlite:///{self._path}", engine_kwargs={"connect_args": {"factory": _Connection}}
            )
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=self._plan.name,
                direction=METRIC_DIRECTIONS[self._plan.metric],
                load_if_exists=True,
            )
            self._take_hold()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with self.in_words():
            self._study.set_user_attr("holder", None)
            self._storage.remove_session()
            self._storage.engine.dispose()

    def _take_hold(self) -> None:
        held, me = self._study.user_attrs.get("holder"), Process.here()
        holder = None if held is None else Process.parse(held)
        if holder is not None and holder != me and holder.alive():
            raise StoreError(
                f"Process {holder.pid} is tuning this already ({self._plan.name}); wait for it, "
                "or run python -m engine worker beside it to help."
            )
        self._study.set_user_attr("holder", str(me))

    def told(self) -> list[TrialTold]:
        """Every trial that has ended, of all calls, in order."""
        return [self._told(trial) for trial in self._ended()]

    def interrupted(self) -> list[Asked]:
        """Trials that an earlier call began and could not tell the end of.

        Those that had no run yet are dropped: they never were trials.
        """
        optuna = _optuna()
        found = []
        with self.in_words():
            running = (optuna.trial.TrialState.RUNNING,)
            for trial in self._study.get_trials(deepcopy=False, states=running):
                if "run" in trial.user_attrs:
                    found.append(Asked(trial.number, self._config(trial), trial.user_attrs["run"]))
                else:
                    self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        return found

    def ask(self, n: int) -> list[Asked]:
        """The next batch, at most n trials; the plan's centre comes first of all."""
        asked: list[Asked] = []
        with self.in_words():
            ended = self._ended()
            self._study.sampler = self._sampler(len(ended))
            if not ended:
                self._study.enqueue_trial(start_of(self._plan.centre, self._plan.fields))
            for _ in range(SETTINGS_AT_ONCE):
                asked += self._setting(n - len(asked))
        return asked

    def _setting(self, most: int) -> list[Asked]:
        """One setting: a trial, or several that differ in lam alone."""
        if most < 1:
            return []
        asked = [self._next()]
        kept = dict(self._asked[asked[0].number].params)
        if "lam" in kept:
            size = len(self._plan.fields["lam"].values)
            for at in strengths(kept["lam"], size, LAMS_A_SETTING)[1:most]:
                self._study.enqueue_trial({**kept, "lam": at})
                asked.append(self._next())
        return asked

    def _next(self) -> Asked:
        trial = self._study.ask()
        suggest(trial, self._plan.fields, self._plan.centre.propensity)
        self._asked[trial.number] = trial
        return Asked(trial.number, self._config(trial))

    def begun(self, number: int, run: str) -> None:
        """Say which run a trial that was just asked for is."""
        if number in self._asked:
            with self.in_words():
                self._asked[number].set_user_attr("run", run)

    def tell(self, number: int, value: float | None) -> None:
        """Say what came out; None where it failed, which optuna then leaves out of account."""
        optuna = _optuna()
        with self.in_words():
            if value is None:
                self._study.tell(number, state=optuna.trial.TrialState.FAIL)
            else:
                self._study.tell(number, value)

    def _ended(self) -> list[FrozenTrial]:
        with self.in_words():
            trials = self._study.get_trials(deepcopy=False)
        return [t for t in trials if t.state.is_finished() and "run" in t.user_attrs]

    def _told(self, trial: FrozenTrial) -> TrialTold:
        fields = self._plan.fields
        settings = {name: fields[name].decoded(kept) for name, kept in trial.params.items()}
        return TrialTold(trial.number, trial.user_attrs["run"], trial.value, settings)

    def _config(self, trial: Trial | FrozenTrial) -> RunConfig:
        return config_of(self._plan.centre, self._plan.fields, trial.params)

    def _sampler(self, ended: int) -> TPESampler:
        each = LAMS_A_SETTING if "lam" in self._plan.fields else 1
        sampler: TPESampler = _optuna().samplers.TPESampler(
            n_startup_trials=RANDOM_SETTINGS * each,
            constant_liar=True,
            seed=(self._plan.seed * 1_000_003 + ended) % 2**32,
        )
        return sampler

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Turn what optuna's storage raises into a StoreError; keep optuna from printing."""
        import sqlalchemy.exc

        optuna = _optuna()
        said = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                yield
        except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
            reason = str(error).splitlines()[0]
            raise StoreError(
                f"The trials in {self._path} cannot be used: {reason}; if another program wrote "
                "the file, move it away."
            ) from error
        finally:
            optuna.logging.set_verbosity(said)


def _optuna() -> Any:
    """The package, imported when it is needed."""
    try:
        import optuna
    except ImportError:
        raise CounterweightError(MISSING) from None
    return optuna
