"""What one run is: every choice that changes its numbers, checked and complete.

A `RunConfig` is what the lab's widgets, the URL, the command line and the store all hold. Configs
are usually made by `engine.presets.preset`, which fills in what suits a data set and a method.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.config.agreement import check_fields
from engine.config.moments import in_order

LAM_MAX = 65536.0
LAM_GRID = (0.0, *(2.0**k for k in range(-9, 9)))

# The only fields that may differ between the runs of a group, which train together.
LANE_FIELDS = frozenset({"lam", "seed", "balance", "split_seed", "uniform_fraction", "initial"})
SEED_FIELDS = ("seed", "split_seed", "data_seed")
# Fields without effect when the weights are uniform: two runs that differ only here are one run.
BALANCE_FIELDS = frozenset(
    {
        *("lam", "moments", "weights_dim", "weights_lr", "weights_decay", "weights_map"),
        *("weights_model", "weights_model_all", "entropy_sign", "penalty"),
        *("constraint", "tolerance", "ess_floor", "residuals", "folds", "target_support"),
    }
)

Confounding = Literal["none", "weak", "strong", "misspecified"]
Propensity = Literal["constant", "naive_bayes", "given", "true", "bilevel"]
Balance = Literal["none", "learned", "exact"]
MethodName = Literal[
    "mf", "ips", "dr", "autodebias", "ltd", "cause", "kd-label", "mf-uniform", "mf-combine"
]


class RunConfig(BaseModel):
    """One run. Frozen; unknown fields are refused. Descriptions are shown to the user."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: str = Field("simulated-small", description="data set by its catalogue name")
    confounding: Confounding = Field("strong", description="hidden confounding (simulated only)")
    data_seed: int = Field(0, ge=0, le=2**31 - 1, description="seed of simulated data")
    split: Literal["standard", "nested"] = Field(
        "standard", description="how the random ratings are split"
    )
    split_seed: int = Field(0, ge=0, le=2**31 - 1, description="seed of the split")
    uniform_fraction: float = Field(
        0.05, gt=0, le=0.5, description="share of the random ratings that serve as uniform sample"
    )

    method: MethodName = Field("ips", description="base method")
    propensity: Propensity = Field("given", description="how the propensity is estimated")
    p_min: float = Field(1e-3, gt=0, le=1, description="propensities below are clipped to it")
    normalise_propensity: bool = Field(
        False, description="scale 1/p so that its mean over B is 1/s (Hajek)"
    )

    propensity_start: Literal["naive_bayes", "constant", "given", "half"] = Field(
        "naive_bayes", description="where a bilevel propensity starts"
    )
    propensity_dim: int = Field(10, ge=1, le=1024, description="dimension of a bilevel propensity")
    propensity_lr: float = Field(1e-2, gt=0, le=10, description="its step size")
    propensity_decay: float = Field(
        1e-1, ge=0, le=100, description="decay towards where it started"
    )
    assumed_lr: float = Field(1e-4, gt=0, le=10, description="step size of the assumed update")
    imputation: Literal["bilevel", "regression"] = Field(
        "bilevel", description="how DR's imputed errors are learned: bi-level, or fitted to U"
    )
    imputation_dim: int = Field(10, ge=1, le=1024, description="dimension of DR's imputation model")
    imputation_lr: float = Field(1e-2, gt=0, le=10, description="step size of the imputation")
    imputation_decay: float = Field(1e-1, ge=0, le=100, description="its weight decay")
    imputation_weight: float = Field(
        0.1, ge=0, le=100, description="c, how much AutoDebias' imputed labels count"
    )
    omega_lr: float = Field(1e-2, gt=0, le=10, description="step size of AutoDebias' omegas")
    omega_decay: float = Field(1e-1, ge=0, le=100, description="their weight decay")
    phi_warmup: int = Field(
        0, ge=0, le=100_000, description="epochs in which nothing bi-level is learned yet"
    )
    phi_optimizer: Literal["adamw", "adam"] = Field(
        "adamw", description="of all that is learned bi-level; adam couples decay to the gradient"
    )
    schedule: Literal["interleaved", "sequential"] = Field(
        "interleaved", description="bi-level steps on every block, or a pass of Algorithm 1 first"
    )
    uniform_reuse: Literal["shared", "split"] = Field(
        "shared", description="uniform ratings serve all, or half of them the bi-level steps"
    )
    teacher_weight: float = Field(
        0.1, ge=0, le=100, description="what KD-Label's teacher adds to a label"
    )
    teacher_pull: float = Field(
        10.0, ge=0, le=1e4, description="CausE's L1 pull towards the uniform items"
    )

    balance: Balance = Field("learned", description="balancing weights")
    lam: float = Field(1.0, ge=0, le=LAM_MAX, description="strength of the balance constraint")
    moments: tuple[str, ...] = Field(("e",), description="what the weights balance")
    residuals: Literal["in_sample", "held_out", "cross_fitted"] = Field(
        "in_sample", description="whose errors are balanced: of ratings the model has fitted or not"
    )
    folds: int = Field(5, ge=2, le=20, description="of cross-fitting")
    target_support: Literal["all", "covered"] = Field(
        "all", description="pairs in the constraint: all, or users and items shown at random"
    )
    weights_dim: int = Field(10, ge=1, le=1024, description="dimension of the balancing model")
    weights_lr: float = Field(1e-2, gt=0, le=10, description="step size of the balancing model")
    weights_decay: float = Field(0.0, ge=0, le=10, description="its weight decay")
    weights_map: Literal["softmax", "sigmoid"] = Field(
        "softmax", description="how scores become weights"
    )
    weights_model: Literal["log_linear", "mf", "ncf"] = Field(
        "log_linear",
        description="balancing model: log-linear in the moments, or factors of user and item",
    )
    weights_model_all: Literal["same", "mf", "ncf"] = Field(
        "same", description="balancing model of the weights on all pairs (w1)"
    )
    weights_mass: Literal["density", "released"] = Field(
        "density", description="what weights sum to: s, or as the released code has it"
    )
    entropy_sign: Literal["maximise", "minimise"] = Field(
        "maximise", description="what the balancing loss does with entropy; printed: minimise"
    )
    penalty: Literal["global", "block"] = Field(
        "global", description="residual in the penalty: of all ratings, or naively of the block"
    )
    constraint: Literal["penalised", "hard", "tolerance"] = Field(
        "penalised", description="how exact weights meet the constraint"
    )
    tolerance: float = Field(
        1.0, ge=0, le=10, description="standard errors of the target, for constraint tolerance"
    )
    ess_floor: float = Field(
        0.02, ge=0, lt=1, description="exact weights stop short of a smaller share of ESS"
    )

    d: int = Field(10, ge=1, le=1024, description="dimension of the prediction model")
    intercept: bool = Field(True, description="a mean rating that weight decay leaves alone")
    optimizer: Literal["adamw", "adam", "sgd"] = Field("adamw", description="for both models")
    lr: float = Field(1e-2, gt=0, le=10, description="step size of the prediction model")
    weight_decay: float = Field(1e-2, ge=0, le=100, description="its weight decay")
    loss_scale: Literal["sum", "mean"] = Field("sum", description="of the loss over a block")
    block_users: int = Field(64, ge=1, le=1_000_000, description="users in a block")
    block_items: int = Field(64, ge=1, le=1_000_000, description="items in a block")
    sampler: Literal["blocks", "pairs"] = Field(
        "blocks", description="mini-batches: blocks of users times items, or single pairs"
    )
    batch_size: int = Field(
        1024, ge=2, le=10_000_000, description="biased ratings in a batch of pairs, and pairs of D"
    )

    epochs: int = Field(200, ge=1, le=100_000, description="at most so many passes")
    patience: int = Field(
        60, ge=0, le=100_000, description="stop after so many epochs without a better AUC; 0: never"
    )
    best_after: int = Field(
        0, ge=0, le=100_000, description="epochs whose AUC is not considered for the best"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="initialisation")
    initial: str = Field(
        "", max_length=200, description="finished run whose prediction model this one starts from"
    )
    block_seed: int = Field(0, ge=0, le=2**31 - 1, description="order of the blocks")
    dtype: Literal["float32", "float64"] = Field("float32", description="of all training arrays")

    @field_validator("moments")
    @classmethod
    def _in_order(cls, moments: tuple[str, ...]) -> tuple[str, ...]:
        return in_order(moments)

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        check_fields(self)
        return self

    @property
    def balanced(self) -> bool:
        """Whether the weights can leave uniform at all."""
        return self.balance != "none" and self.lam > 0

    def twin(self) -> RunConfig:
        """The identical run with uniform weights: what balancing is compared with."""
        return self.model_copy(update={"balance": "none", "lam": 0.0})

    def group_key(self) -> str:
        """Runs with equal keys can train together: all fields but `LANE_FIELDS`."""
        return _digest(self.model_dump(mode="json", exclude=set(LANE_FIELDS)))

    def fingerprint(self) -> str:
        """Runs with equal fingerprints give equal numbers.

        Fields at their default are left out, so that a field added later changes none of them.
        """
        content = self.model_dump(mode="json", exclude_defaults=True)
        if not self.balanced:
            for name in BALANCE_FIELDS:
                content.pop(name, None)
            content["balance"] = "none"
        if self.sampler == "blocks":
            content.pop("batch_size", None)  # without effect
        return _digest(content)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
