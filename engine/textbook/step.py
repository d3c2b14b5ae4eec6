"""One run of Bal-IPS, Bal-DR or Bal-AutoDebias, block by block, as the released code trains it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from engine.config import RunConfig
from engine.datasets.ratings import IntArray, Ratings
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.methods.propensity import estimate_propensity
from engine.metrics import evaluate
from engine.textbook.data import Block, Observed, batch_of
from engine.textbook.methods import METHODS, Losses
from engine.textbook.models import Factors, score
from engine.training.blocks import BlockSampler

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}
# What of a config the textbook knows; every other field may be anything.
TAKES: dict[str, object] = {
    "weights_model": "mf",
    "weights_model_all": "same",
    "weights_map": "softmax",
    "weights_mass": "density",
    "entropy_sign": "maximise",
    "penalty": "block",
    "balance": "learned",
    "moments": ("e",),
    "residuals": "in_sample",
    "target_support": "all",
    "schedule": "interleaved",
    "uniform_reuse": "shared",
    "imputation": "bilevel",
    "phi_warmup": 0,
    "intercept": False,
    "initial": "",
}


class Textbook:
    """Trains one run. Its numbers are the engine's, block by block, up to rounding.

    Args:
        config: of IPS, DR or AutoDebias, with the fields `TAKES` as there.
        start: parameters to begin with, as `Trainer.state` names them: "theta/P" [1, rows, d].

    Raises:
        ConfigError: a field that the textbook does not know.
    """

    def __init__(self, config: RunConfig, ratings: Ratings, start: Mapping[str, Tensor]) -> None:
        for name, wanted in TAKES.items():
            if getattr(config, name) != wanted:
                raise ConfigError(name, getattr(config, name), f"{wanted} for the textbook")
        if config.method not in METHODS:
            raise ConfigError("method", config.method, "one of " + ", ".join(METHODS))
        self.config, self._ratings = config, ratings
        self._split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
        estimate = estimate_propensity(config, ratings, self._split)
        on_all = config.method != "ips"
        self.data = Observed(config, ratings, self._split, estimate, on_all)
        shape, dtype = self.data.shape, getattr(torch, config.dtype)
        self.theta = Factors(*shape, config.d, dtype)
        self.phi = METHODS[config.method](config, self.data)
        supports = ("all", "observed") if on_all else ("observed",)
        self.xi = {s: Factors(*shape, config.weights_dim, dtype) for s in supports}
        self._take(start)
        self._theta_step = _optimizer(config.optimizer, self.theta, config.lr, config.weight_decay)
        self._xi_steps = [
            _optimizer(config.optimizer, model, config.weights_lr, config.weights_decay)
            for model in self.xi.values()
        ]
        self._phi_steps = [
            _optimizer(config.phi_optimizer, part, *_phi_settings(config, name))
            for name, part in self.phi.named_children()
        ]
        self._sampler = BlockSampler(
            *(ratings.biased.user, ratings.biased.item, shape),
            (config.block_users, config.block_items),
            config.block_seed,
        )

    def _take(self, start: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.parameters().items():
                value.copy_(start[name][0].view_as(value))

    def parameters(self) -> dict[str, Tensor]:
        """Every parameter, as `Trainer.state` names them."""
        held = [("theta/", self.theta), ("phi/", self.phi)]
        held += [(f"xi/{support}.", model) for support, model in self.xi.items()]
        return {
            prefix + name.removesuffix(".weight"): value
            for prefix, model in held
            for name, value in model.named_parameters()
        }

    def blocks(self, epoch: int) -> list[tuple[IntArray, IntArray]]:
        """Users and items of every block of an epoch, counted from 1."""
        return [(block.users, block.items) for block in self._sampler.epoch(epoch).blocks]

    def _found(self, users: IntArray, items: IntArray, everything: bool = True) -> Block:
        n_users, n_items = self.data.shape
        whom, what = batch_of(n_users, users), batch_of(n_items, items)
        return self.data.block(whom, what, everything)

    def epoch(self, epoch: int) -> dict[str, float | None]:
        """Train one epoch, and evaluate on the validation ratings."""
        blocks = self.blocks(epoch)
        for users, items in blocks:
            self.step(users, items)
        return self.evaluate(blocks)

    def step(self, users: IntArray, items: IntArray) -> None:
        """One block: a step of phi, of the weights, and of the prediction model."""
        block = self._found(users, items)
        if self._phi_steps:
            self._learn_phi(block)
        with torch.no_grad():
            values = self.phi.losses(self.theta, block)
        self._learn_weights(block, values)
        self._learn_theta(block)

    def _learn_phi(self, block: Block) -> None:
        """phi <- phi - grad L_U(theta'), theta' a fresh model after one step on L_B(theta, phi)."""
        config, data = self.config, self.data
        ahead = self.theta.fresh()
        lower = torch.stack([v.sum() for v in self.phi.losses(ahead, block).values()]).sum()
        tables = dict(ahead.named_parameters())
        grads = torch.autograd.grad(lower, list(tables.values()), create_graph=True)
        moved = {
            name: table - config.assumed_lr * grad
            for (name, table), grad in zip(tables.items(), grads, strict=True)
        }
        error = score(moved, data.uniform_user, data.uniform_item) - data.uniform_label
        for optimizer in self._phi_steps:
            optimizer.zero_grad()
        # Over the step, as the engine has it: a common factor, out of the way of Adam's epsilon.
        torch.autograd.backward((error**2).mean() / config.assumed_lr)
        for optimizer in self._phi_steps:
            optimizer.step()

    def _learn_weights(self, block: Block, values: Losses) -> None:
        """A step on L_W = sum w log w + lam [sum w x - t]^2, each block of weights scaled by
        |pairs|/mass.
        """
        data = self.data
        with torch.no_grad():
            error = self.theta(data.uniform_user, data.uniform_item) - data.uniform_label
        target = (error**2).mean()
        left, entropy = target.new_zeros(()), target.new_zeros(())
        for support, value in values.items():
            mass = self._mass(support, block)
            w = mass * self._q(support, block)
            left = left + (w * value).sum()
            entropy = entropy + (w * torch.log(w)).sum()
        loss = entropy + self.config.lam * (left - target) ** 2
        for optimizer in self._xi_steps:
            optimizer.zero_grad()
        torch.autograd.backward(loss)
        for (support, model), optimizer in zip(self.xi.items(), self._xi_steps, strict=True):
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.grad *= len(values[support]) / self._mass(support, block)
            optimizer.step()

    def _mass(self, support: str, block: Block) -> float:
        return 1.0 if support == "all" else len(block.user) / block.n_all

    def _q(self, support: str, block: Block) -> Tensor:
        """softmax(h) over the pairs of a support."""
        model = self.xi[support]
        if support == "observed":
            return torch.softmax(model(block.user, block.item), dim=0)
        assert block.everything is not None
        return torch.softmax(model(*block.everything), dim=0)

    def _learn_theta(self, block: Block) -> None:
        """A step on L_Bal, weights and phi being constants."""
        scale = self.data.density if self.config.loss_scale == "sum" else 1 / block.n_all
        losses = self.phi.losses(self.theta, block)
        total = []
        for support, value in losses.items():
            weights = len(value) * self._q(support, block).detach()
            total.append((weights * value).sum())
        self._theta_step.zero_grad()
        torch.autograd.backward(scale * torch.stack(total).sum())
        self._theta_step.step()

    @torch.no_grad()
    def evaluate(self, blocks: Iterable[tuple[IntArray, IntArray]]) -> dict[str, float | None]:
        """Validation metrics, and the training error, found block by block again."""
        total, count = 0.0, 0
        for users, items in blocks:
            inside = self._found(users, items, everything=False)
            error = self.theta(inside.user, inside.item) - inside.label
            total, count = total + float((error**2).sum()), count + len(error)
        pairs = self._ratings.random.take(self._split.validation)
        index = partial(torch.as_tensor, dtype=torch.int64)
        scores = self.theta(index(pairs.user), index(pairs.item)).double().numpy()
        found = evaluate(pairs.user, self._ratings.label(pairs), scores)
        return {**found, "training_error": total / max(count, 1)}


def _optimizer(name: str, model: nn.Module, lr: float, decay: float) -> torch.optim.Optimizer:
    return OPTIMIZERS[name](model.parameters(), lr=lr, weight_decay=decay)


def _phi_settings(config: RunConfig, part: str) -> tuple[float, float]:
    kind = {"propensity": "propensity", "imputation": "imputation", "pseudo": "imputation"}
    found = kind.get(part, "omega")
    return getattr(config, f"{found}_lr"), getattr(config, f"{found}_decay")
