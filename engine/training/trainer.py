"""Trains the runs of one group side by side along the run axis, and tells what happens as events.

One loop is Algorithms 1 and 2 with the interleaved schedule: on each block a propensity step (where
it is learned), a weight step, a prediction step. The trainer knows nothing of processes, stores or
browsers: whoever drives it reads `events()` and may call `stop` or `state` between two events.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.events import BlockDone, EpochDone, Event, GroupEpoch, RunDone, RunState
from engine.methods import METHODS
from engine.methods.propensity import estimate_propensity
from engine.models import MatrixFactorization
from engine.training.balancer import Balancer
from engine.training.blocks import Block, BlockSampler, EpochPlan
from engine.training.constraint import GlobalPass, global_pass
from engine.training.evaluation import Best, Judge, Subject, subject_of
from engine.training.lanes import Lanes
from engine.training.learned_propensity import LearnedPropensity
from engine.training.optim import StackedOptimizer

FINISHED: tuple[RunState, str | None] = ("finished", None)


class Trainer:
    """One group of runs, from initialisation (or a restored state) to the end of the last run.

    Args:
        runs: run id to config; all configs of one group key.
        ratings: the data set they all train on.
        device: "auto" takes a GPU where there is one.

    Raises:
        ConfigError: the configs are not of one group, or do not fit the data.
        DataError: the data cannot be split as a config asks.
    """

    def __init__(
        self, runs: Mapping[str, RunConfig], ratings: Ratings, *, device: str = "auto"
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
        self._build_models([config.seed for config in configs])
        self._sampler = BlockSampler(
            ratings.biased.user,
            ratings.biased.item,
            self._shape,
            (self.config.block_users, self.config.block_items),
            self.config.block_seed,
        )
        self._best: dict[str, Best] = {}
        self._stopping: set[str] = set()
        self.epoch, self._block, self._elapsed = 0, 0, 0.0

    def _build_models(self, seeds: list[int]) -> None:
        c, where = self.config, (self._dtype, self._device)
        self._theta = MatrixFactorization(self._shape, c.d, seeds, *where, intercept=c.intercept)
        self._theta_step = StackedOptimizer(self._theta, c.optimizer, c.lr, c.weight_decay)
        self._balancer = Balancer(c, self._shape, self._ratings.density, seeds, *where)
        self._propensity = (
            LearnedPropensity(c, self._shape, seeds, self._lanes.inverse_propensity)
            if c.propensity == "bilevel"
            else None
        )

    def events(self) -> Iterator[Event]:
        """Train until all runs ended: BlockDone after every block, GroupEpoch after every epoch."""
        while self._subjects:
            plan = self._sampler.epoch(self.epoch + 1)
            seconds = {"weights": 0.0, "prediction": 0.0}
            begun = time.perf_counter()
            view = self._view(plan)
            if self._balancer.anchor is None and self._lanes.balanced.any():
                self._observe(self._global_pass())
            for block in plan.blocks[self._block :]:
                self._train_block(block, view, seconds)
                self._block += 1
                yield BlockDone(self.epoch + 1, self._block, len(plan.blocks))
                if self._stopping:
                    yield self._end_stopped()
                    if not self._subjects:
                        return
                    view = self._view(plan)  # fewer lanes from here on
            yield self._end_epoch(seconds, begun)

    def stop(self, run: str) -> None:
        """End a run as "stopped" at the next block boundary; its best epoch is kept.

        Without effect on a run that has ended.
        """
        if run in {subject.run for subject in self._subjects}:
            self._stopping.add(run)

    def _view(self, plan: EpochPlan) -> tuple[Tensor, ...]:
        """user, item [n], label, inverse propensity [., n] and position [n] in the plan's order."""
        order = torch.as_tensor(plan.order, device=self._device)
        lanes = self._lanes
        user, item = lanes.user[order], lanes.item[order]
        return user, item, lanes.label[:, order], lanes.inverse_propensity[:, order], order

    def _train_block(
        self, block: Block, view: tuple[Tensor, ...], seconds: dict[str, float]
    ) -> None:
        """One block: propensity step, weight step, prediction step with these weights."""
        begun = time.perf_counter()
        user, item, label, inverse, position = (a[..., block.start : block.stop] for a in view)
        if self._propensity is not None:
            inverse = self._propensity.step(self._theta, self._lanes, (user, item, label, position))
        prediction = self._theta.score(user, item)
        (term,) = METHODS[self.config.method].terms(prediction, label, inverse)
        slope = term.slope
        between = time.perf_counter()
        if self._balancer.anchor is not None:
            pairs = (user, item, label, position)
            slope = slope * self._balancer.step(self._theta, self._lanes, pairs, block.mass, term)
        after = time.perf_counter()
        if self.config.loss_scale == "mean":
            slope = slope / block.n_all
        self._theta.accumulate(user, item, slope)
        self._theta_step.step()
        seconds["weights"] += after - between
        seconds["prediction"] += time.perf_counter() - after + between - begun

    def _global_pass(self) -> GlobalPass:
        if self._propensity is not None:
            self._lanes.inverse_propensity = self._propensity.over_all(self._lanes)
        score = partial(self._balancer.score, self._lanes)
        return global_pass(self._theta, score, self._lanes, self.config, self._shape)

    def _observe(self, result: GlobalPass) -> GlobalPass:
        configs = [subject.config for subject in self._subjects]
        return self._balancer.observe(result, self._lanes, configs, self.epoch)

    def _end_epoch(self, seconds: dict[str, float], begun: float) -> GroupEpoch:
        trained = time.perf_counter()
        self.epoch, self._block = self.epoch + 1, 0
        result = self._global_pass()
        broken = self._end_broken(result)
        if broken:
            if not self._subjects:
                return GroupEpoch(self.epoch, (), broken)
            result = self._global_pass()
        if self._lanes.balanced.any():
            result = self._observe(result)
        validation = self._judge.validation(self._subjects, self._theta)
        truths = self._judge.true_losses(self._theta)
        seconds = {**seconds, "evaluation": time.perf_counter() - trained}
        told = tuple(
            self._judge.epoch(s, lane, self.epoch, result, validation[lane], truths[lane], seconds)
            for lane, s in enumerate(self._subjects)
        )
        self._elapsed += time.perf_counter() - begun
        ends = {lane: FINISHED for lane, row in enumerate(told) if self._is_over(lane, row)}
        return GroupEpoch(self.epoch, told, broken + self._end(ends))

    def _end_broken(self, result: GlobalPass) -> tuple[RunDone, ...]:
        """End the runs whose numbers are none; their best epoch so far is kept."""
        sound = torch.isfinite(result.loss) & torch.isfinite(result.left).all(1)
        sound &= torch.isfinite(result.target).all(1)
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

    def _is_over(self, lane: int, row: EpochDone) -> bool:
        """Whether a run ends with this epoch; keeps its best state on the way."""
        config = self._subjects[lane].config
        auc, best = row.validation["auc"], self._best.get(row.run)
        if auc is not None and (best is None or auc > best.auc):
            best = Best(row.epoch, auc, row.validation, self._copy(lane))
            self._best[row.run] = best
        waited = row.epoch - (best.epoch if best else 0)
        return row.epoch >= config.epochs or (0 < config.patience <= waited)

    def _copy(self, lane: int) -> dict[str, Tensor]:
        """A copy of one run's parameters, each [1, ...], by model and name: "theta.P"."""
        held = {f"theta.{k}": v for k, v in self._theta.parameters().items()}
        if self._propensity is not None:
            held |= {f"phi.{k}": v for k, v in self._propensity.phi.parameters().items()}
        if self._subjects[lane].config.balanced:
            held |= {f"xi.{k}": v for k, v in self._balancer.parameters().items()}
        return {name: value[lane : lane + 1].clone() for name, value in held.items()}

    def _end_stopped(self) -> GroupEpoch:
        ends: dict[int, tuple[RunState, str | None]] = {
            lane: ("stopped", None)
            for lane, subject in enumerate(self._subjects)
            if subject.run in self._stopping
        }
        self._stopping.clear()
        return GroupEpoch(self.epoch + 1, (), self._end(ends))

    def _end(self, ends: Mapping[int, tuple[RunState, str | None]]) -> tuple[RunDone, ...]:
        """End these lanes and drop them, so that the others train on alone."""
        each = self._elapsed / self.epoch / len(self._subjects) if self.epoch else None
        done = tuple(
            self._judge.ended(
                self._subjects[lane],
                state,
                self.epoch,
                each,
                self._best.pop(self._subjects[lane].run, None),
                error,
            )
            for lane, (state, error) in ends.items()
        )
        if ends:
            self._keep([lane for lane in range(len(self._subjects)) if lane not in ends])
        return done

    def _keep(self, lanes: list[int]) -> None:
        self._subjects = [self._subjects[lane] for lane in lanes]
        index = torch.tensor(lanes, dtype=torch.int64, device=self._device)
        for part in (self._lanes, self._theta, self._theta_step):
            part.keep(index)
        if self._propensity is not None:
            self._propensity.keep(index)
        self._balancer.keep(index, balanced=bool(self._lanes.balanced.any()))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on bit for bit: tensors by name, and what is not a tensor."""
        parts = {
            "theta": self._theta.parameters(),
            "theta_step": self._theta_step.state(),
            **self._balancer.state(),
            **(self._propensity.state() if self._propensity else {}),
        }
        parts |= {f"best.{run}": best.tensors for run, best in self._best.items()}
        tensors = {
            f"{part}/{k}": v.clone() for part, held in parts.items() for k, v in held.items()
        }
        meta = {
            "epoch": self.epoch,
            "block": self._block,
            "elapsed": self._elapsed,
            "runs": [subject.run for subject in self._subjects],
            "best": {
                run: {"epoch": best.epoch, "auc": best.auc, "validation": best.validation}
                for run, best in self._best.items()
            },
        }
        return tensors, meta

    def restore(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        """Take a state of the same group; runs that had ended by then are dropped."""

        def part(name: str) -> dict[str, Tensor]:
            prefix = f"{name}/"
            found = {k: v for k, v in tensors.items() if k.startswith(prefix)}
            return {k[len(prefix) :]: v.to(self._device, copy=True) for k, v in found.items()}

        lane_of = {subject.run: lane for lane, subject in enumerate(self._subjects)}
        self._keep([lane_of[run] for run in meta["runs"]])
        for name, value in part("theta").items():
            self._theta.parameters()[name].copy_(value)
        self._theta_step.restore(part("theta_step"))
        if self._propensity is not None:
            self._propensity.restore({name: part(name) for name in ("phi", "phi_step")})
        self._balancer.restore({name: part(name) for name in ("xi", "xi_step", "anchor", "warmth")})
        self.epoch, self._block, self._elapsed = meta["epoch"], meta["block"], meta["elapsed"]
        self._best = {
            run: Best(tensors=part(f"best.{run}"), **about) for run, about in meta["best"].items()
        }
