"""w1, made again from what a run keeps, against the pass over D that the run itself saw."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from small_runs import make, tiny, train

from engine import diagnostics
from engine.config import make_config
from engine.datasets.simulated import PRESETS, Size, generate
from engine.diagnostics import Deciles, log2_histogram
from engine.errors import StoreError
from engine.events import HISTOGRAM_EDGES
from engine.inspection import Look, everywhere, views
from engine.inspection.everywhere import lacking
from engine.training import audit
from engine.training.observing import Observer

TWO_BLOCKS = ("dr", "autodebias")


@contextmanager
def watching():
    """The passes that runs see at their epochs' ends."""
    finish, passes = Observer.finish, []

    def finishing(self, result, lanes, batch):
        passes.append(finish(self, result, lanes, batch))
        return passes[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Observer, "finish", finishing)
        yield passes


def trained(config, ratings=None):
    """The pass of the best epoch, the rows of all epochs, and the last word."""
    ratings = tiny() if ratings is None else ratings
    with watching() as passes:
        rows, done = train(config, ratings=ratings)
    done = done["run0"]
    return passes[done.best_epoch - 1], {epoch: row for (_, epoch), row in rows.items()}, done


def side_of(result):
    (side,) = (side for side in result.sides if side.support == "all")
    return side


def covered_only():
    """Random ratings of some users and items only."""
    ratings = generate(Size(60, 50, 600, 400), PRESETS["strong"], 0, "simulated-small")
    few = (ratings.random.user < 40) & (ratings.random.item < 30)
    return replace(ratings, random=ratings.random.take(np.flatnonzero(few)))


CASES = {
    "as it is": {},
    "exact": {"balance": "exact"},
    "every moment": {"moments": ("e_by_popularity", "r")},
    "known column": {"moments": ("e", "r", "mass"), "propensity": "constant"},
    "mf": {"weights_model": "mf", "weights_lr": 0.1},
    "mf, sigmoid": {"weights_model": "mf", "weights_map": "sigmoid", "weights_lr": 0.1},
    "ncf": {"weights_model": "ncf", "weights_lr": 0.1},
    "ncf on D alone": {"weights_model": "mf", "weights_model_all": "ncf", "weights_lr": 0.1},
    "as released": {"weights_model": "mf", "weights_mass": "released", "weights_lr": 0.1},
    "half of U": {"uniform_reuse": "split"},
    "held out": {"residuals": "held_out"},
    "cross-fitted": {"residuals": "cross_fitted", "folds": 3},
    "pairs": {"sampler": "pairs", "batch_size": 100},
}


@pytest.mark.parametrize("method", TWO_BLOCKS)
@pytest.mark.parametrize("case", CASES)
def test_what_a_run_keeps_gives_its_weights_on_all_pairs_again(method, case):
    config = make(method, **CASES[case])
    result, _, done = trained(config)
    side = side_of(result)
    assert lacking(config, done.arrays) == []
    found = everywhere.everywhere(config, tiny(), done.arrays)
    assert found.whole
    assert found.inside.all()
    np.testing.assert_allclose(found.value, side.value[0].numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.x, side.x[0].numpy(), rtol=1e-9, atol=1e-12)
    q = side.q[0].numpy()
    np.testing.assert_allclose(found.weight, q * len(q), rtol=1e-9)
    if case != "half of U":  # an unlucky half can leave them all but uniform
        assert found.weight.std() > 1e-5


@pytest.mark.parametrize("method", TWO_BLOCKS)
def test_outside_a_restricted_support_the_weights_are_one(method):
    ratings = covered_only()
    config = make(method, target_support="covered", uniform_fraction=0.3)
    result, rows, done = trained(config, ratings)
    side = side_of(result)
    found = everywhere.everywhere(config, ratings, done.arrays)
    n = len(np.unique(ratings.random.user)) * len(np.unique(ratings.random.item))
    assert found.inside.sum() == n < 40 * 30 + 1
    np.testing.assert_allclose(found.weight[found.inside], side.q[0].numpy() * n, rtol=1e-9)
    assert (found.weight[~found.inside] == 1).all()
    told = rows[done.best_epoch].decile_map_all
    np.testing.assert_allclose(told, Deciles.everywhere(ratings).mean(found.weight), rtol=1e-6)


@pytest.mark.parametrize("method", TWO_BLOCKS)
def test_of_a_large_d_the_same_sample_is_made_again(method, monkeypatch):
    """With the limit brought down, the pass looks at a sample of D; and so does what is kept."""
    for module in (diagnostics, audit):
        monkeypatch.setattr(module, "PAIRS_MAX", 2_000)
    monkeypatch.setattr(diagnostics, "PAIRS_SAMPLE", 700)
    config = make(method)
    result, rows, done = trained(config)
    side = side_of(result)
    found = everywhere.everywhere(config, tiny(), done.arrays)
    assert not found.whole
    assert len(found.weight) == 700
    np.testing.assert_allclose(found.weight, side.q[0].numpy() * 700, rtol=1e-9)
    assert rows[done.best_epoch].histogram_all.sum() == 700
    looked = Look("run", done.best_epoch, config, tiny(), done.arrays, {}).of("all")
    assert (len(looked.pairs), looked.of_pairs) == (700, 3_000)


@pytest.mark.parametrize("method", TWO_BLOCKS)
def test_both_blocks_share_one_exact_solution(method):
    """At a lam so small that the log-linear model is at its optimum nearly uniform, the exact
    weights have the constraint's own residual: r + mu / (2 lam) = 0 with one mu for both."""
    config = make(method, lam=2.0, balance="exact")
    result, _, done = trained(config)
    look = Look("run", done.best_epoch, config, tiny(), done.arrays, {})
    b, d = look.of("observed"), look.of("all")
    np.testing.assert_allclose(b.pairs["exact"], b.pairs["weight"], rtol=1e-5)
    np.testing.assert_allclose(d.pairs["exact"], d.pairs["weight"], rtol=1e-5)
    residual = float(b.constraint["exact"][0] - b.constraint["target"][0])
    assert residual == pytest.approx(float(result.residual[0, 0]), abs=1e-6)
    mu = -2 * config.lam * residual
    e = np.asarray(done.arrays["weights.x"])[:, 0]
    slope = np.polyfit(e, np.log(b.pairs["exact"]), 1)[0]
    assert slope == pytest.approx(mu, rel=1e-4)
    term = everywhere.everywhere(config, tiny(), done.arrays).value
    assert np.polyfit(term, np.log(d.pairs["exact"]), 1)[0] == pytest.approx(mu, rel=1e-3)
    assert b.constraint.equals(d.constraint)
    assert b.constraint["exact_hard"][0] == pytest.approx(b.constraint["target"][0], abs=1e-9)


@pytest.mark.parametrize("method", TWO_BLOCKS)
def test_rows_of_d_say_what_is_rated_and_leave_the_rest_open(method):
    config = make(method)
    _, rows, done = trained(config)
    look = Look("run", done.best_epoch, config, tiny(), done.arrays, {"ess": 0.9})
    found, b = look.of("all"), look.of("observed")
    pairs = found.pairs
    assert (len(pairs), found.of_pairs, found.block) == (3_000, 3_000, "all")
    rated = pairs["observed"] == 1
    assert rated.sum() == 600
    assert pairs.loc[~rated, ["rating", "label", "error"]].isna().all().all()
    np.testing.assert_array_equal(pairs.loc[rated, "label"], b.pairs["label"])
    np.testing.assert_allclose(pairs.loc[rated, "error"], b.pairs["error"], rtol=1e-5)
    np.testing.assert_allclose(pairs.loc[rated, "prediction"], b.pairs["prediction"], rtol=1e-5)
    assert pairs["weight"].mean() == pytest.approx(1)
    assert found.cells["pairs"].sum() == 3_000
    # The map and the histogram that were told in training are those of these rows.
    told = rows[done.best_epoch]
    cells = found.cells.pivot(index="user_group", columns="item_group", values="weight")
    np.testing.assert_allclose(told.decile_map_all, cells, rtol=1e-6)
    mine = log2_histogram(pairs["weight"].to_numpy())
    np.testing.assert_array_equal(told.histogram_all, mine)
    bars = views.histogram(pairs["weight"], HISTOGRAM_EDGES)
    assert bars["pairs"].sum() == 3_000
    labels = found.binned("label")
    assert labels["pairs"].sum() == 600
    assert (found.binned("imputed")["pairs"].sum(), len(found.binned("observed"))) == (3_000, 2)
    assert (found.column("oracle") == 1).all()
    assert found.beside("oracle")[0] is None
    assert "uniform, which is their oracle" in found.verdict
    assert "Most pairs" in found.verdict or "All but uniform" in found.verdict
    names = list(found.numbers["name"])
    assert "ESS of w2, on B" in names
    assert ("ESS of w/p" in names) == (method == "autodebias")


def test_imputed_errors_by_hand():
    """DR: g^2. AutoDebias: (r_hat - m)^2 + m (1 - m), times c/(c + s) omega in its term."""
    config = make("dr")
    _, _, done = trained(config)
    found = everywhere.everywhere(config, tiny(), done.arrays)
    a = {k.removeprefix("phi.imputation."): v for k, v in done.arrays.items()}
    g = a["mu"] + a["b"][:, None] + a["c"] + a["P"] @ a["Q"].T
    np.testing.assert_allclose(found.imputed, (g**2).ravel(), rtol=1e-9)
    config = make("autodebias")
    _, _, done = trained(config)
    found = everywhere.everywhere(config, tiny(), done.arrays)
    assert ((found.imputed > 0) & (found.scale > 0)).all()
    np.testing.assert_allclose(found.imputed * found.scale, found.value, rtol=1e-12)
    missing = found.place < 0
    m = found.imputed - found.prediction**2  # = m - 2 m r_hat
    share = (m / (1 - 2 * found.prediction))[missing]
    np.testing.assert_allclose(share, share[0], rtol=1e-6)
    s, c = tiny().density, config.imputation_weight
    shown = Look("run", 1, config, tiny(), done.arrays, {}).of("all").pairs["inverse_propensity"]
    np.testing.assert_allclose(shown * c / (c + s), found.scale, rtol=1e-6)


def test_what_was_not_kept_is_said_and_leaves_the_other_block():
    config = make("dr")
    _, _, done = trained(config)
    older = {k: v for k, v in done.arrays.items() if not k.startswith("phi.")}
    look = Look("run", done.best_epoch, config, tiny(), older, {})
    with pytest.raises(StoreError, match=r"older version.*w1.*phi\.imputation"):
        look.of("all")
    found = look.of("observed")
    assert "exact" not in found.pairs
    assert "older version" in found.exact_note
    assert found.constraint.empty
    one = make_config(dataset="simulated-small", method="ips")
    with pytest.raises(StoreError, match=r"IPS.*has no weights on all pairs"):
        Look("run", 1, one, tiny(), {}, {}).of("all")
