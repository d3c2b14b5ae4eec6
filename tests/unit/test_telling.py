"""Numbers of weights, all runs at once as each alone, and how often exact ones come."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.diagnostics import weight_block
from engine.training.telling import exact_due, weight_blocks

FIELDS = ("entropy", "ess", "ess_estimate", "largest", "cv")


def a_pass(dtype, spread):
    """Two runs, 50 pairs of B of which one is held out, 200 of D."""
    generator = torch.Generator().manual_seed(0)
    draw = [torch.randn(2, n, generator=generator, dtype=dtype) * spread for n in (50, 200)]
    weights = torch.exp(draw[0])
    weights[1, 7] = 0.0
    log_q = torch.log_softmax(draw[1], dim=1)
    all_pairs = SimpleNamespace(support="all", log_q=log_q, q=log_q.exp())
    rated = SimpleNamespace(support="observed", log_q=draw[0])
    inverse = torch.rand(1, 50, generator=generator, dtype=dtype) + 1
    return SimpleNamespace(weights=weights, inverse=inverse, sides=(all_pairs, rated))


@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_runs_at_once_are_told_as_each_alone(dtype, spread):
    result = a_pass(dtype, spread)
    told = weight_blocks(result)
    for lane in range(2):
        w = result.weights[lane].double().numpy()
        alone = {
            "observed": weight_block(w[w > 0], result.inverse[0].double().numpy()[w > 0]),
            "all": weight_block(result.sides[0].q[lane].double().numpy(), np.ones(200)),
        }
        for support, block in alone.items():
            for name in FIELDS:
                ours = getattr(told[lane][support], name)
                assert ours == pytest.approx(getattr(block, name), rel=2e-6, abs=2e-6), name
            assert told[lane][support].entropy <= 1 <= told[lane][support].largest


@pytest.mark.parametrize(
    ("rated", "everywhere", "epochs"),
    [
        (4_000, 0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (7_000, 0, [5, 10, 12]),
        (7_000, 87_000, [5, 10, 12]),
        (300_000, 1_000_000, [10, 12]),
    ],
)
def test_exact_weights_come_as_often_as_all_pairs_in_the_constraint_allow(
    rated, everywhere, epochs
):
    sides = [SimpleNamespace(log_q=torch.empty(1, n)) for n in (rated, everywhere)]
    result = SimpleNamespace(sides=sides)
    assert [epoch for epoch in range(1, 13) if exact_due(result, epoch, 12)] == epochs
