"""Exact balancing weights by the convex dual (METHOD section 5); numpy and scipy only."""

from engine.exact.solve import ExactWeights, expected_left, lam_half, solve_exact

__all__ = ["ExactWeights", "expected_left", "lam_half", "solve_exact"]
