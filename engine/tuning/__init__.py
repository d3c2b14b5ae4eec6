"""Tuning settings on one seed's validation ratings. Training imports torch; optuna is an extra."""

from engine.tuning.plan import METRIC_DIRECTIONS, Plan, plan_of
from engine.tuning.trials import TrialTold
from engine.tuning.tune import Progress, tune

__all__ = ["METRIC_DIRECTIONS", "Plan", "Progress", "TrialTold", "plan_of", "tune"]
