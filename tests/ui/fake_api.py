"""A stand-in for engine.api: launches that "train" by a clock a test can set, with smooth curves.

The dashboard is tested against it without workers, torch or files; tests/browser uses the real one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from engine.config import LAM_GRID, RunConfig, changed, make_config, options
from engine.errors import ConfigError, CounterweightError, DataError, FieldError, StoreError
from engine.events import EPOCH_COLUMNS, HISTOGRAM_EDGES, METRICS
from engine.half_steps import Change, HalfStep, Moved
from engine.methods import METHODS, MethodInfo
from engine.presets import preset
from engine.reach import Reach
from engine.store.playing import steps_of


@dataclass(frozen=True)
class Launch:
    id: str
    runs: tuple[str, ...]
    twins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    state: str
    epoch: int
    epochs: int
    seconds_per_epoch: float | None = 0.05
    eta_seconds: float | None = None
    ahead: int = 0
    workers: int = 2
    asked: str | None = None
    speed: float | None = None


@dataclass(frozen=True)
class DatasetInfo:
    name: str
    title: str
    simulated: bool
    installed: bool
    how_to_get: str = "python -m engine datasets get coat"


@dataclass(frozen=True)
class Snapshot:
    run: str
    epoch: int
    histogram: Any
    decile_map: Any


@dataclass(frozen=True)
class Forecast:
    lam_half: float = 0.5
    violation: float = 0.04
    target: float = 0.157
    target_se: float = 0.013

    def left(self, lam: float) -> float:
        return 1 / (1 + lam / self.lam_half)


@dataclass(frozen=True)
class RunRecord:
    run: str
    config: RunConfig
    state: str
    error: str | None = None
    launch: str = ""
    branched_from: str | None = None
    branched_epoch: int | None = None
    facts: dict[str, float] = field(default_factory=dict)


class FakeEngine:
    """All the state of the stand-in; `module()` is what is put in engine.api's place."""

    def __init__(self, seconds_per_epoch: float | None = None) -> None:
        self.launches: dict[str, Launch] = {}
        self.configs: dict[str, RunConfig] = {}
        self.started: dict[str, float] = {}
        self.forced: dict[str, str] = {}
        self.by_token: dict[str, Launch] = {}
        self.epoch = 0
        self.seconds_per_epoch = seconds_per_epoch
        self.workers_alive = 2
        self.error: str | None = None
        self.asked: list[tuple[Any, ...]] = []
        self.speeds: dict[str, float | None] = {}
        self.moves: list[dict[str, Any]] = []
        self.halves: tuple[HalfStep, ...] = ()
        self.sources: dict[str, str] = {}
        self.stepping = False
        self.facts: dict[str, float] = {}  # of every run

    def module(self) -> ModuleType:
        module = ModuleType("engine.api")
        for thing in (
            RunConfig,
            ConfigError,
            CounterweightError,
            DataError,
            FieldError,
            StoreError,
        ):
            setattr(module, thing.__name__, thing)
        for function in (changed, make_config, options, preset):
            setattr(module, function.__name__, function)
        module.LAM_GRID, module.EPOCH_COLUMNS = LAM_GRID, EPOCH_COLUMNS
        module.HISTOGRAM_EDGES, module.METRICS = HISTOGRAM_EDGES, METRICS
        module.reach = lambda runs: Reach(0, 0, 0, self.configs[runs[0]])
        for thing in (Launch, Progress, DatasetInfo, MethodInfo, Snapshot, Forecast):
            setattr(module, thing.__name__, thing)
        names = "datasets methods check launch find_launch pause resume stop runs run epochs"
        names += " step half_step set_speed set_lam interventions branch frontier frontier_epochs"
        module.steps = steps_of
        for name in (*names.split(), "snapshot", "progress", "ensure_workers", "forecast"):
            setattr(module, name, getattr(self, name))
        return module

    def datasets(self) -> list[DatasetInfo]:
        return [
            DatasetInfo("simulated-small", "Simulated, small", True, True),
            DatasetInfo("simulated-coat", "Simulated, Coat's size", True, True),
            DatasetInfo("coat", "Coat", False, True),
            DatasetInfo("music", "Music (Yahoo! R3)", False, False),
        ]

    def methods(self) -> list[MethodInfo]:
        return [method.info for method in METHODS.values()]

    def check(self, config: RunConfig) -> None:
        info = METHODS[config.method].info
        for name in ("propensity", "balance"):
            offered = info.propensities if name == "propensity" else info.balances
            if getattr(config, name) not in offered:
                raise ConfigError(name, getattr(config, name), ", ".join(offered))
        if config.uniform_fraction < 0.001:
            raise DataError("uniform_fraction", config.uniform_fraction, "more", "raise it")

    def forecast(self, config: RunConfig) -> Forecast:
        return Forecast()

    def launch(
        self,
        configs: list[RunConfig],
        *,
        twins: bool = True,
        priority: str = "lab",
        token: str | None = None,
        paused: bool = False,
        speed: float | None = None,
    ) -> Launch:
        if token in self.by_token:
            return self.by_token[token]
        name = f"L{len(self.launches)}"
        runs = tuple(f"{name}-{k}" for k in range(len(configs)))
        pairs = {r: f"{r}t" for r, c in zip(runs, configs, strict=True) if twins and c.balanced}
        launch = Launch(name, runs, pairs)
        for run, config in zip(runs, configs, strict=True):
            self.configs[run] = config
            if run in pairs:
                self.configs[pairs[run]] = config.twin()
        self.launches[name] = launch
        self.started[name] = time.monotonic()
        self.speeds[name] = speed
        if paused:
            self.forced[name] = "paused"
        if token:
            self.by_token[token] = launch
        return launch

    def find_launch(self, name: str) -> Launch:
        if name not in self.launches:
            raise StoreError(f"There is no launch {name} in this store.")
        return self.launches[name]

    def pause(self, name: str) -> None:
        self.forced[name] = "paused"

    def resume(self, name: str) -> None:
        self.forced.pop(name, None)

    def stop(self, name: str) -> None:
        self.epoch = self._epoch(name)
        self.forced[name] = "stopped"

    def step(self, name: str, to: str) -> None:
        if self.forced.get(name) == "stopped":
            raise StoreError(f"Launch {name} has ended: start it again.")
        self.asked.append(("step", name, to))
        self.forced[name] = "paused"
        if to == "epoch":
            self.epoch += 1
        else:
            moved = (Moved(12, 40, 1.0, 1.21), Moved(3, 4, 1.0, 0.9))
            numbers = {"entropy": (0.98, 0.95), "violation": (0.031, 0.028), "loss": (0.2, 0.19)}
            change = Change(self.launches[name].runs[0], numbers, "weight", moved)
            done = tuple(s for s in self.halves if s.epoch == self.epoch + 1)
            self.halves = (*done, HalfStep(to, self.epoch + 1, 5, 16, (change,)))

    def half_step(self, name: str) -> tuple[HalfStep, ...]:
        return self.halves

    def set_speed(self, name: str, speed: float | None) -> None:
        self.speeds[name] = speed

    def set_lam(self, name: str, lam: float, run: str | None = None) -> None:
        if lam == 256.0:
            raise ConfigError("lam", lam, "less")
        for each in self.launches[name].runs if run is None else (run,):
            place = {"epoch": self.epoch, "block": 0, "half": 0, "time": 0.0}
            self.moves.append({"run": each, "old": self.configs[each].lam, "new": lam, **place})

    def interventions(self, name: str) -> pd.DataFrame:
        columns = ["run", "time", "epoch", "block", "half", "old", "new"]
        return pd.DataFrame([m for m in self.moves if m["run"].startswith(name)], columns=columns)

    def branch(self, name: str, token: str | None = None) -> Launch:
        source = self.launches[name]
        made = self.launch([self.configs[run] for run in source.runs], token=token)
        self.sources |= dict(zip(made.runs, source.runs, strict=True))
        return made

    def ensure_workers(self, n: int | None = None) -> list[int]:
        return [1, 2]

    def _epoch(self, name: str) -> int:
        last = self.configs[self.launches[name].runs[0]].epochs
        if self.seconds_per_epoch and self.forced.get(name) is None:
            self.epoch = int((time.monotonic() - self.started[name]) / self.seconds_per_epoch)
        return min(self.epoch, last)

    def progress(self, name: str) -> Progress:
        epoch = self._epoch(name)
        last = self.configs[self.launches[name].runs[0]].epochs
        state = "finished" if epoch >= last else "running" if epoch else "queued"
        state = self.forced.get(name, "failed" if self.error else state)
        left = (last - epoch) * 0.06
        if state in ("finished", "stopped", "failed"):
            last = epoch
        asked = "step" if self.stepping else None
        about = (self.workers_alive, asked, self.speeds.get(name))
        return Progress(state, epoch, last, 0.06, left, 0, *about)

    def run(self, run: str) -> RunRecord:
        if run not in self.configs:
            raise StoreError(f"There is no run {run} in this store.")
        source = self.sources.get(run)
        about = (run.split("-")[0], source, 10 if source else None)
        return RunRecord(run, self.configs[run], "running", self.error, *about, self.facts)

    def runs(self, launch: str | None = None, limit: int = 1000) -> pd.DataFrame:
        found = self.find_launch(launch)
        state = self.progress(launch).state
        best = max(1, int(self._epoch(launch) * 0.8))
        rows = []
        for run in (*found.runs, *found.twins.values()):
            frame = self._curves(run, best)
            at = frame.iloc[-1]
            row = {"run": run, "launch": launch, "state": state, "best_epoch": best}
            row |= {"error": self.error, "epochs_done": self._epoch(launch)}
            row["edited"] = any(move["run"] == run for move in self.moves)
            row |= {"epoch_seconds": 0.01, "true_loss": at["true_loss"]}
            for part in ("validation", "test", "test_clean"):
                row |= {f"{part}_{m}": at[f"validation_{m}"] for m in METRICS}
            rows.append(row | self.configs[run].model_dump())
        return pd.DataFrame(rows)

    def _curves(self, run: str, upto: int) -> pd.DataFrame:
        config = self.configs[run]
        rng = np.random.default_rng(config.seed * 7 + config.balanced)
        n = np.arange(1, upto + 1)
        fall = np.exp(-n / 30)
        noise = lambda scale: rng.normal(0, scale, upto).cumsum() * 0.2 + rng.normal(0, scale)  # noqa: E731
        frame = pd.DataFrame({"run": run, "epoch": n, "lam": config.lam})
        frame["target"], frame["target_se"] = 0.157, 0.013
        frame["violation_uniform"] = -0.045 + 0.03 * fall + noise(0.001)
        frame["loss"] = 0.05 + 0.2 * fall + noise(0.001)
        frame["validation_auc"] = 0.74 - 0.2 * fall + noise(0.003)
        frame["validation_ndcg5"] = 0.55 - 0.2 * fall + noise(0.004)
        frame["validation_ndcg10"] = 0.65 - 0.2 * fall + noise(0.004)
        frame["validation_mse"] = 0.15 + 0.1 * fall + noise(0.001)
        frame["validation_log_loss"] = 0.48 + 0.2 * fall + noise(0.002)
        frame["true_loss"] = 0.16 + 0.08 * fall + noise(0.0008)
        for column in ("violation", "entropy", "ess", "oracle_correlation"):
            frame[column] = np.nan
        frame["left_observed"] = frame["target"] + frame["violation_uniform"]
        for phase in ("phi", "weights", "prediction", "evaluation"):
            frame[f"seconds_{phase}"] = 0.01
        if config.balanced:
            frame["violation"] = frame["violation_uniform"] * (0.15 + 0.85 * fall)
            frame["entropy"] = 1 - 0.012 * (1 - fall) + noise(0.0002)
            frame["ess"] = 1 - 0.09 * (1 - fall) + noise(0.001)
            frame["oracle_correlation"] = 0.05 + noise(0.003)
            frame["ess_estimate"] = frame["ess"] - 0.1
            frame["left_observed"] = frame["target"] + frame["violation"]
            frame["constraint_entropy"] = frame["entropy"].clip(upper=1)
            frame["constraint_violation"] = frame["violation"].abs()
            if "all" in METHODS[config.method].info.supports:
                frame["left_all"], frame["left_observed"] = 0.1, frame["left_observed"] - 0.1
                frame["entropy_all"], frame["ess_all"] = 1 - 0.002 * n / upto, 1 - 0.01 * n / upto
            if config.residuals != "in_sample":
                frame["violation_in_sample"] = frame["violation"] - 0.01
        return frame

    def epochs(
        self, runs: list[str], columns: list[str] | None = None, after: Any = None
    ) -> pd.DataFrame:
        name = runs[0].split("-")[0]
        upto = self._epoch(name)
        if not upto:
            return pd.DataFrame(columns=["run", "epoch", *(columns or EPOCH_COLUMNS)])
        frame = pd.concat([self._curves(run, upto) for run in runs], ignore_index=True)
        if after:
            frame = frame[frame["epoch"] > frame["run"].map(after).fillna(0)]
        return frame[["run", "epoch", *(c for c in columns or EPOCH_COLUMNS if c in frame)]]

    def frontier_epochs(self, run: str) -> list[int]:
        upto = self._epoch(run.split("-")[0])
        return [n for n in range(1, upto + 1) if n == 1 or n % 10 == 0]

    def frontier(self, run: str, epoch: int) -> pd.DataFrame:
        lam = np.concatenate([[0.0], 2.0 ** np.arange(-3, 9)])
        left = 1 / (1 + lam)
        return pd.DataFrame(
            {"lam": lam, "entropy": 1 - 0.01 * (1 - left) ** 2, "violation": 0.05 * left}
        )

    def snapshot(self, run: str, epoch: int | None = None) -> Snapshot:
        upto = self._epoch(run.split("-")[0])
        if not upto or not self.configs[run].balanced:
            raise StoreError(f"Run {run} has no weights yet.")
        rng = np.random.default_rng(self.configs[run].seed)
        spread = 0.45 * (1 - np.exp(-upto / 30))
        log2 = rng.normal(0, spread + 1e-3, 4000)
        counts = np.histogram(log2, (-np.inf, *HISTOGRAM_EDGES, np.inf))[0].astype(np.int32)
        slope = np.linspace(-1, 1, 12)
        cells = 2 ** (
            spread * (slope[:, None] * 0.6 - slope[None, :]) + rng.normal(0, 0.08, (12, 12))
        )
        return Snapshot(run, upto, counts, cells.astype(np.float32))
