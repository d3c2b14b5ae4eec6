"""Problems that the tests of the exact solver share."""

import numpy as np
from scipy.special import xlogy

S = 0.08
COVARIANCE = np.array([[2e-4, 5e-5, 0.0], [5e-5, 1e-4, 1e-3], [0.0, 1e-3, 0.5]])


def errors(n: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.5, 2.0, n)


def three_moments(n: int = 600, seed: int = 0) -> np.ndarray:
    x = errors(n, seed)
    label = np.random.default_rng(seed + 1).random(n) < 0.2 + 0.3 * (x > 1)
    return np.column_stack([x, label, np.sqrt(x) * 50 + 1000])


def entropy_loss(weights: np.ndarray) -> float:
    return float(np.sum(xlogy(weights, weights)))
