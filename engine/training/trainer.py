"""Trains the runs of one group side by side along the run axis, and tells what happens as events.

One loop is Algorithms 1 and 2. Interleaved schedule: on each block a step of phi (where it is
learned), a weight step, a prediction step. Sequential: an epoch passes over all blocks for phi
first, at the theta it began with, and then for weights and predictions. The trainer knows nothing
of processes, stores or browsers: whoever drives it reads `events()` and may call `stop` or `state`
between two events.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine.balancing import dot
from engine.config import RunConfig, with_lam
from engine.datasets.ratings import FloatArray, Ratings
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.events import BlockDone, EpochDone, Event, GroupEpoch, RunDone, RunState
from engine.half_steps import HalfStep
from engine.methods import METHODS
from engine.methods.propensity import estimate_propensity
from engine.training.audit import Audit
from engine.training.batch import Batch
from engine.training.best import Best
from engine.training.constraint import GlobalPass
from engine.training.evaluation import Judge, Subject, subject_of
from engine.training.frontier import places
from engine.training.initial import initial_state
from engine.training.lanes import Lanes
from engine.training.learners import Learners
from engine.training.moments import Moments
from engine.training.parts import joined, part_of
from engine.training.reference import Posed
from engine.training.sampling import Piece, Plan, Sampling
from engine.training.seen import changes
from engine.training.telling import facts_of, weight_blocks

FINISHED: tuple[RunState, str | None] = ("finished", None)
TOLD_LANES = 5  # runs that a half-step tells of
Position = tuple[int, int, int]


class Trainer:
    """One group of runs, from initialisation (or a restored state) to the end of the last run.

    Args:
        runs: run id to config; all configs of one group key.
        ratings: the data set they all train on.
        initial: of runs that start from a finished one, its parameters by name ("theta.P").
        device: "auto" takes a GPU where there is one.

    Raises:
        ConfigError: the configs are not of one group, or do not fit the data.
        DataError: the data cannot be split as a config asks.
    """

    def __init__(
        self,
        runs: Mapping[str, RunConfig],
        ratings: Ratings,
        *,
        initial: Mapping[str, Mapping[str, FloatArray]] | None = None,
        device: str = "auto",
    ) -> None:
        configs = list(runs.values())
        if len({config.group_key() for config in configs}) != 1:
            raise ConfigError("runs", len(configs), "one or more runs of one group")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.config, self._ratings, self._device = configs[0], ratings, torch.device(device)
        self._dtype: torch.dtype = getattr(torch, self.config.dtype)
        self._shape = (ratings.n_users, ratings.n_items)
        splits = [make_split(ratings, c.split_seed, c.uniform_fraction, c.split) for c in configs]
        estimates = [
            estimate_propensity(config, ratings, split)
            for config, split in zip(configs, splits, strict=True)
        ]
        self._subjects: list[Subject] = [
            subject_of(run, config, ratings, split, p)
            for (run, config), split, p in zip(runs.items(), splits, estimates, strict=True)
        ]
        self._lanes = Lanes.build(configs, ratings, splits, estimates, self._device)
        self._judge = Judge(self._subjects, ratings, self._dtype, self._device)
        seeds = [config.seed for config in configs]
        moments = Moments(self.config, ratings, self._dtype, self._device)
        self._learners = Learners(self.config, self._shape, seeds, self._lanes, moments)
        self._learners.start_from(
            {
                lane: initial_state(config, initial[run], self._learners.theta)
                for lane, (run, config) in enumerate(runs.items())
                if initial and run in initial
            }
        )
        method = METHODS[self.config.method]
        estimates_ideal = not (method.on_uniform or method.teacher)
        self._audit = (
            Audit(ratings, self._dtype, self._device)
            if estimates_ideal and Audit.possible(ratings)
            else None
        )
        self._sampling = Sampling(self.config, ratings, self._lanes, method.on_all)
        self._best: dict[str, Best] = {}
        self._stopping: set[str] = set()
        self._edited: set[str] = set()
        self._by_halves = False
        self.epoch, self._block, self._half, self._elapsed = 0, 0, 0, 0.0

    @property
    def position(self) -> Position:
        """Whole epochs done, blocks done of the next one, half-steps done of the next block."""
        return self.epoch, self._block, self._half

    def events(self) -> Iterator[Event]:
        """Train until all runs ended: BlockDone after every block, GroupEpoch after every epoch."""
        while self._subjects:
            seconds = {"phi": 0.0, "weights": 0.0, "prediction": 0.0}
            yield from self._blocks(seconds)
            if self._subjects:
                yield self._end_epoch(seconds)

    def _blocks(self, seconds: dict[str, float]) -> Iterator[Event]:
        """What is left of an epoch's blocks; its plan is gone when all ratings are looked at."""
        plan = self._sampling.epoch(self.epoch + 1)
        begun = time.perf_counter()
        view = self._sampling.view(plan, self._lanes)
        steps = self._steps(plan)
        if not self._learners.anchored and self._lanes.balanced.any():
            result = self._learners.global_pass(self._lanes)
            self._learners.anchor(result, self._lanes, self._configs(), self.epoch)
            del result  # arrays of all ratings
        share = 1 / len(plan.blocks)
        for kinds, block in steps[self._block :]:
            batch = view.batch(block)
            if self._half or self._by_halves:
                yield from self._halves(kinds, batch, share, len(steps))
                begun = time.perf_counter()  # whoever reads took its time in between
            else:
                scores = self._learners.scores(batch, self._lanes, seconds)
                if "phi" in kinds:
                    self._learners.learn_phi(batch, self._lanes, scores, seconds)
                if "theta" in kinds:
                    self._learners.train(batch, self._lanes, scores, seconds, share)
                self._block += 1
            self._elapsed += time.perf_counter() - begun
            yield BlockDone(self.epoch + 1, self._block, len(steps))
            if self._stopping:
                yield self._end_stopped()
                if not self._subjects:
                    return
                view = self._sampling.view(plan, self._lanes)  # fewer lanes from here on
            begun = time.perf_counter()

    def by_halves(self, on: bool) -> None:
        """Whether to take phi, w and theta one by one, and to yield a HalfStep after each.

        The numbers are those of whole blocks, to the bit. It holds from the next half-step on.
        """
        self._by_halves = on

    def tell_every_block(self, on: bool) -> None:
        """Without effect: every block is told."""

    def _halves(
        self, kinds: tuple[str, ...], batch: Batch, share: float, n_blocks: int
    ) -> Iterator[HalfStep]:
        """What is left of a block, half by half; `_half` counts those done."""
        learners, block = self._learners, self._block + 1
        halves = learners.halves(kinds, batch, self._lanes, share)
        told = self._told_by_halves()
        runs = [subject.run for subject in self._subjects]
        for what, step in halves[self._half :]:
            before = learners.seen(batch, self._lanes) if self._by_halves else None
            step()
            self._half += 1
            if self._half == len(halves):
                self._block, self._half = block, 0
            if before is not None:
                found = changes(what, before, learners.seen(batch, self._lanes), batch, runs, told)
                yield HalfStep(what, self.epoch + 1, block, n_blocks, found)
        self._block, self._half = block, 0  # a block may have nothing to learn

    def _told_by_halves(self) -> list[int]:
        """The lanes that half-steps tell of: the first few, balanced ones before others."""
        lanes = range(len(self._subjects))
        return sorted(lanes, key=lambda k: not self._subjects[k].config.balanced)[:TOLD_LANES]

    def stop(self, run: str) -> None:
        """End a run as "stopped" at the next block boundary; its best epoch is kept.

        Without effect on a run that has ended.
        """
        if run in {subject.run for subject in self._subjects}:
            self._stopping.add(run)

    def set_lam(self, run: str, lam: float) -> None:
        """Change a run's lam from the next half-step on; without effect on one that has ended.

        Raises:
            ConfigError: lam is out of range, or the run was made without weights.
        """
        for lane, subject in enumerate(self._subjects):
            if subject.run == run:
                moved = with_lam(subject.config, lam, bool(self._lanes.balanced[lane]))
                self._settle([lane])  # its best epoch so far was one of the lam it had
                self._subjects[lane] = replace(subject, config=moved)
                self._lanes.lam[lane] = lam
                self._edited.add(run)

    def _steps(self, plan: Plan) -> list[tuple[tuple[str, ...], Piece]]:
        """What is learned on which block, in the order of the schedule."""
        warm = self.epoch >= self.config.phi_warmup
        phi: tuple[str, ...] = ("phi",) if warm and METHODS[self.config.method].learns else ()
        if self.config.schedule == "sequential" and phi:
            return [(phi, b) for b in plan.blocks] + [(("theta",), b) for b in plan.blocks]
        return [((*phi, "theta"), block) for block in plan.blocks]

    def _configs(self) -> list[RunConfig]:
        return [subject.config for subject in self._subjects]

    def _end_epoch(self, seconds: dict[str, float]) -> GroupEpoch:
        begun = time.perf_counter()
        self.epoch, self._block = self.epoch + 1, 0
        result = self._learners.global_pass(self._lanes)
        broken = self._end_broken(result)
        if broken:
            if not self._subjects:
                return GroupEpoch(self.epoch, (), broken)
            result = self._learners.global_pass(self._lanes)
        if self._lanes.balanced.any():
            result = self._learners.observe(result, self._lanes, self._configs(), self.epoch)
        validation = self._judge.validation(self._subjects, self._learners.predictor)
        truths = self._judge.true_losses(self._learners.predictor)
        seconds = {**seconds, "evaluation": time.perf_counter() - begun}
        blocks = weight_blocks(result)
        plane = places(result, self._configs(), self.epoch)
        told = tuple(
            self._judge.epoch(
                *(s, lane, self.epoch, result, blocks[lane]),
                *(plane[lane], validation[lane], truths[lane], seconds, s.run in self._edited),
            )
            for lane, s in enumerate(self._subjects)
        )
        better = [lane for lane, row in enumerate(told) if self._is_better(lane, row)]
        self._keep_best(better, told, result)
        self._elapsed += time.perf_counter() - begun
        ends = {lane: FINISHED for lane, row in enumerate(told) if self._is_over(lane, row)}
        return GroupEpoch(self.epoch, told, broken + self._end(ends, result))

    def _end_broken(self, result: GlobalPass) -> tuple[RunDone, ...]:
        """End the runs whose numbers are none; their best epoch so far is kept."""
        sound = torch.isfinite(result.loss) & torch.isfinite(result.left).all(1)
        sound &= torch.isfinite(result.target).all(1)
        square = torch.stack([dot(x, x) for x in result.x.unbind(2)], dim=1)
        sound &= torch.isfinite(square).all(1)  # weights take a variance of them
        ends: dict[int, tuple[RunState, str | None]] = {}
        for lane in (~sound).nonzero().flatten().tolist():
            config = self._subjects[lane].config
            ends[lane] = (
                "failed",
                (
                    f"The loss of epoch {self.epoch} is not a number: the run has diverged; "
                    f"lower lr (now {config.lr:g}) or lam (now {config.lam:g})."
                ),
            )
        return self._end(ends)

    def _is_better(self, lane: int, row: EpochDone) -> bool:
        """Whether this is the run's best epoch so far, strictly, by validation AUC."""
        auc, best = row.validation["auc"], self._best.get(row.run)
        if auc is None or row.epoch <= self._subjects[lane].config.best_after:
            return False
        return best is None or auc > best.auc

    def _keep_best(self, lanes: list[int], told: Sequence[EpochDone], result: GlobalPass) -> None:
        """Copy the parameters of runs at their best epoch, and ask what the truth tells of them."""
        if not lanes:
            return
        told_by_truth: list[dict[str, float]] = [{}] * len(lanes)
        if self._audit is not None:
            told_by_truth = self._learners.audit(self._audit, self._lanes, result, lanes)
        for lane, truth in zip(lanes, told_by_truth, strict=True):
            row, posed = told[lane], self._subjects[lane].config.balanced
            has_weights = bool(self._lanes.balanced[lane])  # also at a lam that was moved to 0
            auc = row.validation["auc"]
            assert auc is not None
            self._best[row.run] = Best(
                row.epoch,
                auc,
                row.validation,
                self._learners.copy(lane, result if has_weights else None),
                facts_of(row) | truth,
                Posed.of(result, lane) if posed and row.exact_kl is None else None,
            )

    def _is_over(self, lane: int, row: EpochDone) -> bool:
        """Whether a run ends with this epoch."""
        config, best = self._subjects[lane].config, self._best.get(row.run)
        waited = row.epoch - max(best.epoch if best else 0, config.best_after)
        return row.epoch >= config.epochs or (0 < config.patience <= waited)

    def _end_stopped(self) -> GroupEpoch:
        ends: dict[int, tuple[RunState, str | None]] = {
            lane: ("stopped", None)
            for lane, subject in enumerate(self._subjects)
            if subject.run in self._stopping
        }
        self._stopping.clear()
        return GroupEpoch(self.epoch + 1, (), self._end(ends))

    def _end(
        self, ends: Mapping[int, tuple[RunState, str | None]], result: GlobalPass | None = None
    ) -> tuple[RunDone, ...]:
        """End these lanes and drop them, so that the others train on alone.

        result: the pass at their last epoch's end, of those that end with one.
        """
        each = self._elapsed / self.epoch / len(self._subjects) if self.epoch else None
        self._settle(list(ends))
        done = tuple(
            self._judge.ended(
                self._subjects[lane],
                state,
                self.epoch,
                each,
                self._best.get(self._subjects[lane].run),
                error,
                self._last(lane, result),
            )
            for lane, (state, error) in ends.items()
        )
        for lane in ends:
            self._best.pop(self._subjects[lane].run, None)
        if ends:
            self._keep([lane for lane in range(len(self._subjects)) if lane not in ends])
        return done

    def _last(self, lane: int, result: GlobalPass | None) -> dict[str, Tensor]:
        """What is kept of a balanced run's last epoch beside its best: empty where it is that."""
        subject = self._subjects[lane]
        best = self._best.get(subject.run)
        if result is None or not subject.config.balanced or best is None:
            return {}
        return {} if best.epoch == self.epoch else self._learners.copy(lane, result)

    def _settle(self, lanes: Sequence[int]) -> None:
        """Work out what was put off about these runs' best epochs."""
        for subject in (self._subjects[lane] for lane in lanes):
            if subject.run in self._best:
                self._best[subject.run].settle(subject.config)

    def _keep(self, lanes: list[int]) -> None:
        self._subjects = [self._subjects[lane] for lane in lanes]
        index = torch.tensor(lanes, dtype=torch.int64, device=self._device)
        self._lanes.keep(index)
        self._learners.keep(index, balanced=bool(self._lanes.balanced.any()))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on bit for bit: tensors by name, and what is not a tensor."""
        self._settle(range(len(self._subjects)))
        parts = self._learners.state() | {
            f"best.{run}": best.tensors for run, best in self._best.items()
        }
        tensors = {name: value.clone() for name, value in joined(parts, "/").items()}
        meta = {
            "epoch": self.epoch,
            "block": self._block,
            "half": self._half,
            "lam": {s.run: s.config.lam for s in self._subjects if s.run in self._edited},
            "elapsed": self._elapsed,
            "runs": [subject.run for subject in self._subjects],
            "best": {
                run: {name: getattr(best, name) for name in Best.PLAIN}
                for run, best in self._best.items()
            },
        }
        return tensors, meta

    def restore(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        """Take a state of the same group; runs that had ended by then are dropped."""

        def part(name: str) -> dict[str, Tensor]:
            found = part_of(tensors, name, "/")
            return {k: v.to(self._device, copy=True) for k, v in found.items()}

        lane_of = {subject.run: lane for lane, subject in enumerate(self._subjects)}
        self._keep([lane_of[run] for run in meta["runs"]])
        self._learners.restore(part)
        self.epoch, self._block, self._elapsed = meta["epoch"], meta["block"], meta["elapsed"]
        self._half = meta.get("half", 0)
        for run, lam in meta.get("lam", {}).items():
            self.set_lam(run, lam)
        self._best = {
            run: Best(tensors=part(f"best.{run}"), **about) for run, about in meta["best"].items()
        }
