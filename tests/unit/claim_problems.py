"""Test ratings that the tests of claims share."""

import numpy as np

from engine.claims import SeedTest


def seed_test(rng, users=40, each=10, better=0.0, levels=0) -> SeedTest:
    """Ratings of `users` users; A hears the labels `better` louder than B does."""
    user = np.repeat(np.arange(users), each)
    label = (rng.random(len(user)) < 0.3).astype(float)
    noise = {m: rng.normal(size=len(user)) for m in "AB"}
    score = {
        "A": 1 / (1 + np.exp(-(noise["A"] + (0.5 + better) * label - 1))),
        "B": 1 / (1 + np.exp(-(noise["B"] + 0.5 * label - 1))),
    }
    if levels:
        score = {m: np.round(levels * s) / levels for m, s in score.items()}
    return SeedTest(user, label, score)
