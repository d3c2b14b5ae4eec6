"""A trainer without learning: its numbers follow from its state, so that resuming can be checked.

`python fake_trainer.py HOME [PID:START]` is a worker process that trains with it.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from engine.errors import TrainingError
from engine.events import BlockDone, EpochDone, GroupEpoch, RunDone, WeightBlock
from engine.jobs.worker import in_words, serve
from engine.store.processes import Process

BLOCKS = 5
CRASHES, DIVERGES = 666, 667  # seeds of runs that go wrong in epoch 3


class FakeTrainer:
    def __init__(self, configs, block_seconds=0.0):
        self.configs, self.seconds = dict(configs), block_seconds
        self.runs = list(configs)
        self.x = torch.tensor([1.0 + c.seed + c.lam for c in configs.values()]).double()
        self.epoch = self.block = 0
        self.stopping = set()
        self.lams = {run: c.lam for run, c in configs.items()}
        self.edited = set()

    @property
    def position(self):
        return self.epoch, self.block, 0

    def set_lam(self, run, lam):
        if run in self.runs:
            self.lams[run] = lam
            self.edited.add(run)

    def by_halves(self, on):
        pass  # it has no halves

    def tell_every_block(self, on):
        pass  # it does

    def events(self):
        while self.runs:
            while self.block < BLOCKS:
                time.sleep(self.seconds)
                lam = torch.tensor([self.lams[run] for run in self.runs]).double()
                self.x = torch.sin(self.x * 3.7) + 1.5 + lam / 1000
                self.block += 1
                yield BlockDone(self.epoch + 1, self.block, BLOCKS)
                if self.stopping:
                    ended = [run for run in self.runs if run in self.stopping]
                    done = tuple(self._done(run, "stopped") for run in ended)
                    self._drop(ended)
                    yield GroupEpoch(self.epoch + 1, (), done)
                    if not self.runs:
                        return
            self.epoch, self.block = self.epoch + 1, 0
            self._go_wrong()
            rows = tuple(self._row(run, float(self.x[i])) for i, run in enumerate(self.runs))
            ended = [run for run in self.runs if self.epoch >= self.configs[run].epochs]
            ended += [r for r in self.runs if r not in ended and self._early(r)]
            done = tuple(self._done(run, "finished") for run in ended)
            self._drop(ended)
            yield GroupEpoch(self.epoch, rows, done)

    def _early(self, run):
        return self.epoch == self.configs[run].lam > 1

    def _go_wrong(self):
        seeds = {self.configs[run].seed for run in self.runs}
        if self.epoch == 3 and CRASHES in seeds:
            raise RuntimeError("the machine hiccuped")
        if self.epoch == 3 and DIVERGES in seeds:
            raise TrainingError("The loss is not a number: lower lr.")

    def _row(self, run, x):
        balanced = self.configs[run].balanced
        weights = {
            "blocks": {"observed": WeightBlock(x, 0.5, 0.4, 2.0, 0.1)},
            "histogram": np.arange(50, dtype=np.int32) + self.epoch,
            "decile_map": np.full((12, 12), x, dtype=np.float32),
            "violation": x - 1,
        }
        return EpochDone(
            run=run,
            epoch=self.epoch,
            lam=self.lams[run],
            edited=run in self.edited,
            target=0.1,
            target_se=0.01,
            violation_uniform=x,
            loss=x,
            validation={"auc": x / 3, "ndcg5": None, "ndcg10": None, "mse": 0.2, "log_loss": 0.3},
            seconds={"weights": 0.1, "prediction": 0.1, "evaluation": 0.1},
            **(weights if balanced else {}),
        )

    def _done(self, run, state):
        x = float(self.x[self.runs.index(run)])
        return RunDone(
            run,
            state,
            self.epoch,
            best_epoch=self.epoch or None,
            epoch_seconds=0.1,
            validation={"auc": x / 3},
            test={"auc": x / 4, "mse": float("nan")},
            test_clean={"auc": x / 5},
            facts={"s": 0.1},
            arrays={"theta.P": np.full((2, 3), x)},
        )

    def _drop(self, ended):
        keep = [i for i, run in enumerate(self.runs) if run not in ended]
        self.runs = [self.runs[i] for i in keep]
        self.x = self.x[keep]
        self.stopping.clear()

    def stop(self, run):
        if run in self.runs:
            self.stopping.add(run)

    def state(self):
        meta = {"epoch": self.epoch, "block": self.block, "runs": self.runs, "lam": self.lams}
        return {"x": self.x}, meta | {"edited": sorted(self.edited)}

    def restore(self, tensors, meta):
        self.x, self.runs = tensors["x"], meta["runs"]
        self.epoch, self.block = meta["epoch"], meta["block"]
        self.lams, self.edited = dict(meta["lam"]), set(meta["edited"])


def build(configs):
    return FakeTrainer(configs, float(os.environ.get("FAKE_BLOCK_SECONDS", "0")))


if __name__ == "__main__":
    parent = Process.parse(sys.argv[2]) if len(sys.argv) > 2 else None
    sys.exit(in_words(lambda: serve(Path(sys.argv[1]), build, parent, checkpoint_seconds=0.1)))
