"""What one run is: every choice that changes its numbers, checked and complete.

A `RunConfig` is what the lab's widgets, the URL, the command line and the store all hold. Configs
are usually made by `engine.presets.preset`, which fills in what suits a data set and a method.
"""

from engine.config.agreement import WITH_PAIRS
from engine.config.making import (
    allowed,
    changed,
    closest,
    make_config,
    options,
    seed_fields,
    with_lam,
)
from engine.config.moments import FEATURE_MOMENTS, MOMENTS, columns_of
from engine.config.run import (
    BALANCE_FIELDS,
    LAM_GRID,
    LAM_MAX,
    LANE_FIELDS,
    SEED_FIELDS,
    Balance,
    Confounding,
    MethodName,
    Propensity,
    RunConfig,
)

__all__ = [
    "BALANCE_FIELDS",
    "FEATURE_MOMENTS",
    "LAM_GRID",
    "LAM_MAX",
    "LANE_FIELDS",
    "MOMENTS",
    "SEED_FIELDS",
    "WITH_PAIRS",
    "Balance",
    "Confounding",
    "MethodName",
    "Propensity",
    "RunConfig",
    "allowed",
    "changed",
    "closest",
    "columns_of",
    "make_config",
    "options",
    "seed_fields",
    "with_lam",
]
