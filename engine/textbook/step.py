"""One run of Bal-IPS, Bal-DR or Bal-AutoDebias, block by block, as the released code trains it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.methods.propensity import estimate_propensity
from engine.textbook import evaluation
from engine.textbook.data import Block, Observed, cut, matrix
from engine.textbook.methods import METHODS, Given, Losses
from engine.textbook.models import Factors, Movable
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
        self.config, dtype = config, getattr(torch, config.dtype)
        split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
        estimate = estimate_propensity(config, ratings, split)
        on_all = config.method != "ips"
        self.data = Observed(config, ratings, split, estimate, on_all)
        pairs = ratings.random.take(split.validation)
        held = matrix(pairs, ratings.label(pairs), self.data.shape, dtype)
        self._validation = evaluation.loader_of(held)
        self._size = (*self.data.shape, config.d, dtype)
        self.phi = METHODS[config.method](config, self.data)
        self.theta = self.phi.predictor(self._size)
        supports = ("all", "observed") if on_all else ("observed",)
        size = (*self.data.shape, config.weights_dim, dtype)
        self.xi = {support: Factors(size) for support in supports}
        self._take(start)
        self._make_optimizers()
        self._sampler = BlockSampler(
            *(ratings.biased.user, ratings.biased.item, self.data.shape),
            (config.block_users, config.block_items),
            config.block_seed,
        )

    def _make_optimizers(self) -> None:
        config = self.config
        theta = [table for _, table in self.theta.named_tables()]
        self._theta_step = _optimizer(config.optimizer, theta, config.lr, config.weight_decay)
        self._xi_steps = {
            support: _optimizer(
                config.optimizer, model.parameters(), config.weights_lr, config.weights_decay
            )
            for support, model in self.xi.items()
        }
        self._phi_steps = [
            _optimizer(config.phi_optimizer, part.parameters(), *_phi_settings(config, name))
            for name, part in self.phi.named_children()
        ]

    def _take(self, start: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.parameters().items():
                value.copy_(start[name][0].view_as(value))

    def parameters(self) -> dict[str, Tensor]:
        """Every parameter, as `Trainer.state` names them."""
        held = [("theta/", self.theta.named_tables()), ("phi/", self.phi.named_parameters())]
        held += [(f"xi/{support}.", model.named_tables()) for support, model in self.xi.items()]
        return {
            prefix + name.removesuffix(".weight"): value
            for prefix, tables in held
            for name, value in tables
        }

    def blocks(self, epoch: int) -> list[tuple[Tensor, Tensor]]:
        """Users and items of every block of an epoch, counted from 1."""
        plan = self._sampler.epoch(epoch)
        return cut([(block.users, block.items) for block in plan.blocks], self.data.shape)

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, and evaluate."""
        for users, items in self.blocks(epoch):
            self.step(users, items)
        return self.evaluate(epoch)

    def step(self, users: Tensor, items: Tensor) -> None:
        """One block: a step of phi, of the weights, and of the prediction model."""
        block = self.data.block(users, items)
        if self._phi_steps:
            self._learn_phi(block)
        given = self.phi.given(block)
        self._learn_weights(block, given)
        self._learn_theta(block, given)

    def _learn_phi(self, block: Block) -> None:
        """phi <- phi - grad L_U(theta'), theta' a fresh model after one step on L_B(theta, phi)."""
        config, data = self.config, self.data
        self.phi.train()
        given = self.phi.given(block)
        ahead = Movable(self._size)
        ahead.load_state_dict(self.theta.state_dict())
        ahead.train()
        lower = torch.stack([v.sum() for v in self.phi.losses(ahead, block, given).values()]).sum()
        tables = [table for _, table in ahead.named_tables()]
        ahead.move(config.assumed_lr, torch.autograd.grad(lower, tables, create_graph=True))
        error = ahead(data.uniform_user, data.uniform_item) - data.uniform_label
        for optimizer in self._phi_steps:
            optimizer.zero_grad()
        # Over the step, as the engine has it: a common factor, out of the way of Adam's epsilon.
        torch.autograd.backward((error**2).mean() / config.assumed_lr)
        for optimizer in self._phi_steps:
            optimizer.step()

    def _learn_weights(self, block: Block, given: Given) -> None:
        """A step of each block of weights on L_W = sum w log w + lam [sum w x - t]^2, the other's
        weights being constants, scaled by |pairs|/mass.

        The released code steps one after the other; here the second does not see the first's step.
        """
        data = self.data
        error = self.theta(data.uniform_user, data.uniform_item).detach() - data.uniform_label
        target = (error**2).mean()
        values: Losses = {}
        for support, model in self.xi.items():
            model.train()
            if self.phi.anew or not values:
                values = self.phi.losses(self._constant, block, given)
            w = {s: self._mass(s, block) * self._q(s, block) for s in values}
            left = torch.stack(
                [((w[s] if s == support else w[s].detach()) * v).sum() for s, v in values.items()]
            )
            entropy = torch.dot(w[support], torch.log(w[support]))
            loss = entropy + self.config.lam * (left.sum() - target) ** 2
            self._xi_steps[support].zero_grad()
            torch.autograd.backward(loss, retain_graph=True)  # phi's part of it is needed once more
        for support, model in self.xi.items():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.grad *= len(values[support]) / self._mass(support, block)
            self._xi_steps[support].step()

    def _constant(self, user: Tensor, item: Tensor) -> Tensor:
        """Predictions that the weights' loss does not move."""
        found: Tensor = self.theta(user, item)
        return found.detach()

    def _mass(self, support: str, block: Block) -> float:
        return 1.0 if support == "all" else len(block.user) / block.n_all

    def _q(self, support: str, block: Block) -> Tensor:
        """softmax(h) over the pairs of a support."""
        model = self.xi[support]
        if support == "observed":
            return torch.softmax(model(block.user, block.item), dim=0)
        assert block.everything is not None
        return torch.softmax(model(*block.everything), dim=0)

    def _learn_theta(self, block: Block, given: Given) -> None:
        """A step on L_Bal, the weights being constants; phi gets a gradient that nothing uses."""
        scale = self.data.density if self.config.loss_scale == "sum" else 1 / block.n_all
        self.theta.train()
        losses = self.phi.losses(self.theta, block, given)
        total = []
        for support, value in losses.items():
            weights = len(value) * self._q(support, block).detach()
            total.append((weights * value).sum())
        self._theta_step.zero_grad()
        torch.autograd.backward(scale * torch.stack(total).sum())
        self._theta_step.step()

    @torch.no_grad()
    def evaluate(self, epoch: int) -> dict[str, float]:
        """Errors on the biased ratings, found block by block again, and validation metrics."""
        self.theta.eval()
        told = evaluation.fitted(self.theta, self.data, self.blocks(epoch))
        return told | evaluation.validated(self.theta, self._validation)


def _optimizer(
    name: str, parameters: Iterable[Tensor], lr: float, decay: float
) -> torch.optim.Optimizer:
    return OPTIMIZERS[name](parameters, lr=lr, weight_decay=decay)


def _phi_settings(config: RunConfig, part: str) -> tuple[float, float]:
    kind = {"propensity": "propensity", "imputation": "imputation", "pseudo": "imputation"}
    found = kind.get(part, "omega")
    return getattr(config, f"{found}_lr"), getattr(config, f"{found}_decay")
