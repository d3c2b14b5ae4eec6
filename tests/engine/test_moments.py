"""What is balanced, column by column, by hand; and whether weights bring it into balance."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import make, tiny, train

from engine import offers
from engine.config import changed, make_config
from engine.datasets import load
from engine.datasets.ratings import Pairs, Ratings
from engine.errors import ConfigError
from engine.methods import METHODS, Term
from engine.presets import preset
from engine.training.constraint import GlobalPass, Side, clustered, with_known
from engine.training.moments import Moments, columns_of
from engine.training.trainer import Trainer

F64, CPU = torch.float64, torch.device("cpu")
TERCILES = ("e_popularity1", "e_popularity2", "e_popularity3")


def row(*values):
    return torch.tensor([values], dtype=F64)


def catalogue() -> Ratings:
    """Two users of age 20 and 40; items 0, 1, 2 with one, three and two biased ratings."""
    user, item = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 1, 2, 1])
    pairs = Pairs(user, item, np.ones(6))
    return Ratings(
        *("own", 2, 3, pairs, pairs, 4.0),
        user_features=np.array([[20.0, 0.0], [40.0, 1.0]]),
        user_feature_names=("age", "is: new"),
        item_features=np.array([[1.0], [2.0], [6.0]]),
        item_feature_names=("price",),
    )


def moments(*names, ratings=None) -> Moments:
    config = make_config(moments=names)
    return Moments(config, catalogue() if ratings is None else ratings, F64, CPU)


def test_columns_of_a_rated_pair_by_hand():
    """Pairs (0, 1), (1, 2): 1/p times 1, age, price, newness; e and r as the term has them."""
    term = Term("observed", row(0.3, 0.8), row(0, 0), row(4.0, 0.0), row(4.0, 2.0))
    names = ("e", "r", "mass", "user:age", "item:price", "user:is: new")
    found = moments(*names)
    assert found.columns == ("e", "r", "mass", "item:price", "user:age", "user:is: new")
    x = found.of_term(term, torch.tensor([0, 1]), torch.tensor([1, 2]))
    wanted = [[0.3, 4.0, 4.0, 8.0, 80.0, 0.0], [0.8, 0.0, 2.0, 12.0, 80.0, 2.0]]
    torch.testing.assert_close(x, torch.tensor([wanted], dtype=F64))


def test_a_term_on_all_pairs_adds_nothing_to_known_columns():
    """Its scale is 0: nothing of 1/p is on D."""
    nothing = torch.zeros((), dtype=F64)
    term = Term("all", row(0.3, 0.8), row(0, 0), row(0.5, 0.1), nothing)
    x = moments("e", "r", "mass", "user:age").of_term(term, *(torch.tensor([0, 1]),) * 2)
    wanted = torch.tensor([[[0.3, 0.5, 0, 0], [0.8, 0.1, 0, 0]]], dtype=F64)
    torch.testing.assert_close(x, wanted)


def test_a_label_shared_by_the_runs_is_spread_over_them():
    term = Term("observed", torch.rand(3, 2, dtype=F64), row(0, 0), row(1.0, 0.0), row(4.0, 2.0))
    pairs = torch.tensor([0, 1]), torch.tensor([1, 2])
    x = moments("e", "r", "mass", "item:price").of_term(term, *pairs)
    assert x.shape == (3, 2, 4)
    torch.testing.assert_close(x[2, :, 3], torch.tensor([8.0, 12.0], dtype=F64))


def test_targets_of_the_uniform_ratings_by_hand():
    """(0.5 - 1)^2 and (0.2 - 0)^2; known: 1, mean age 30, mean price 3, each at every rating."""
    found = moments("e", "r", "mass", "user:age", "item:price")
    values = found.of_uniform(row(0.5, 0.2), row(1.0, 0.0), torch.tensor([[1, 2]]))
    wanted = [[0.25, 1.0, 1.0, 3.0, 30.0], [0.04, 0.0, 1.0, 3.0, 30.0]]
    torch.testing.assert_close(values, torch.tensor([wanted], dtype=F64))
    assert found.columns == ("e", "r", "mass", "item:price", "user:age")
    assert found.known == [2, 3, 4]
    assert moments("e", "r").known == []


def test_terciles_by_hand():
    """Item 0 is the least popular, 2 the middle, 1 the most."""
    term = Term("observed", row(0.3, 0.8, 0.5), row(0, 0, 0), row(1, 0, 0), row(2, 2, 2))
    found = moments("e_by_popularity", "r")
    assert found.columns == (*TERCILES, "r") == columns_of(("e_by_popularity", "r"))
    x = found.of_term(term, torch.tensor([0, 0, 0]), torch.tensor([0, 1, 2]))
    wanted = [[0.3, 0, 0, 1], [0, 0, 0.8, 0], [0, 0.5, 0, 0]]
    torch.testing.assert_close(x, torch.tensor([wanted], dtype=F64))


def test_terciles_cut_the_items_into_three_and_sum_to_the_error():
    ratings = tiny()
    found = moments("e_by_popularity", ratings=ratings)
    item = torch.arange(50)
    value = torch.rand(2, 50, dtype=F64)
    x = found.of_term(Term("observed", value, value, value, value), item, item)
    torch.testing.assert_close(x.sum(-1), value)
    assert (x > 0).sum(1).tolist() == [[17, 17, 16]] * 2
    values = found.of_uniform(value, torch.zeros_like(value), item.expand(2, -1))
    torch.testing.assert_close(values.sum(-1), value.square())
    popular = np.bincount(ratings.biased.item, minlength=50)
    groups = [popular[(x[0, :, j] > 0).numpy()] for j in range(3)]
    assert groups[0].max() <= groups[1].min()
    assert groups[1].max() <= groups[2].min()


@pytest.mark.parametrize("method", ["ips", "dr", "autodebias"])
def test_terciles_told_sum_to_the_violation_of_the_error(method):
    rows, _ = train(make(method, moments=("e_by_popularity", "r")))
    for told in rows.values():
        violation, uniform, _ = (sum(told.moments[t][j] for t in TERCILES) for j in range(3))
        assert violation == pytest.approx(told.violation, abs=1e-12)
        assert uniform == pytest.approx(told.violation_uniform, abs=1e-12)


UNKNOWN = [
    ("user:agee", "user: and one of age, is: new"),
    ("item:age", "item: and one of price"),
    ("user:", "user: and one of age, is: new"),
]


@pytest.mark.parametrize(("name", "allowed"), UNKNOWN)
def test_an_unknown_feature_is_said_so_in_words(name, allowed):
    with pytest.raises(ConfigError, match=f"^moments: got '{name}'; allowed: {allowed}"):
        moments("e", name)


NO_FEATURES = "^moments: got 'user:age'; .*simulated-small has no user features"


def test_data_without_features_are_said_so_when_training():
    with pytest.raises(ConfigError, match=NO_FEATURES):
        Trainer({"a": make(moments=("e", "user:age"))}, tiny())


def test_data_without_features_are_said_so_before_anything_is_queued():
    with pytest.raises(ConfigError, match=NO_FEATURES):
        offers.check(preset("simulated-small", moments=("e", "user:age")))


def test_a_target_varies_from_user_to_user():
    """e (1, 0.4) of user 0, 0.1 of user 1, t = 0.5: sums 0.4 and -0.4, variance 2 (0.4 / 3)^2."""
    lanes = replace_uniform(user=[[0, 0, 1]], share=row(1 / 3, 1 / 3, 1 / 3))
    values = row(1.0, 0.4, 0.1).unsqueeze(-1)
    found = clustered(values, row(0.5), lanes, 2)
    assert found.item() == pytest.approx(2 * (0.4 / 3) ** 2)


def test_padding_does_not_vary():
    values = row(1.0, 0.4, 0.1, 9.0).unsqueeze(-1)
    lanes = replace_uniform(user=[[0, 0, 1, 0]], share=row(1 / 3, 1 / 3, 1 / 3, 0))
    assert clustered(values, row(0.5), lanes, 2).item() == pytest.approx(2 * (0.4 / 3) ** 2)


def replace_uniform(user, share):
    """Lanes whose targets come from these uniform ratings."""
    lanes = Trainer({"a": make()}, tiny())._lanes
    return replace(lanes, uniform_user=torch.tensor(user), target_share=share)


def two_sides() -> tuple[Side, Side]:
    """w1 = (3/4, 1/4) on two pairs of D; w2 = 1/2 (1/4, 3/4) on two of B; columns e and mass."""
    D = torch.tensor([[[0.4, 0.0], [0.8, 0.0]]], dtype=F64)
    B = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]], dtype=F64)
    return (
        Side("all", D, D[..., 0], row(0.75, 0.25).log(), 1.0),
        Side("observed", B, B[..., 0], row(0.25, 0.75).log(), 0.5),
    )


def a_pass(sides, target) -> GlobalPass:
    nothing = row(0.0)
    return GlobalPass(
        *(sides, target, torch.eye(2, dtype=F64).unsqueeze(0), target[:, 0], nothing, nothing),
        *(sides[1].x, sides[1].value, nothing, nothing),
    )


def test_both_sides_of_the_constraint_by_hand():
    """e: 0.5 + 0.5 * 2.5 = 1.75, uniform 0.6 + 0.5 * 2 = 1.6; mass: 0.5 * 5 and 0.5 * 4."""
    found = a_pass(two_sides(), row(1.0, 1.0))
    torch.testing.assert_close(found.left, row(1.75, 2.5))
    torch.testing.assert_close(found.left_uniform, row(1.6, 2.0))
    torch.testing.assert_close(found.residual, row(0.75, 1.5))
    assert found.error_violation.item() == pytest.approx(0.75)
    assert found.error_violation_uniform.item() == pytest.approx(0.6)
    even = found.weighted((row(0.5, 0.5).log(), row(0.5, 0.5).log()))
    torch.testing.assert_close(even.residual, row(0.6, 1.0))


def test_curvature_is_the_derivative_of_the_left_side_along_the_log_linear_weights():
    sides = two_sides()

    def left(m):
        tilted = [torch.log_softmax(s.log_q + (s.x * m).sum(-1), -1) for s in sides]
        return a_pass(sides, row(1.0, 1.0)).weighted(tuple(tilted)).left[0]

    jacobian = torch.autograd.functional.jacobian(left, torch.zeros(2, dtype=F64))
    found = a_pass(sides, row(1.0, 1.0))
    torch.testing.assert_close(found.curvature()[0], jacobian)
    # Without the masses: Var over D is 3/16 * 0.16, over B 3/16 * 4.
    assert found.spread()[0, 0, 0].item() == pytest.approx(3 / 16 * 4.16)


def test_a_known_target_has_the_left_sides_own_noise():
    """mass^2 Var(x) / n: of B 0.25 * 8 / 2 = 1, of D 0."""
    covariance = torch.tensor([[[0.3, 0.0], [0.0, 0.0]]], dtype=F64)
    found = with_known(covariance, [1], two_sides())
    torch.testing.assert_close(found, torch.diag_embed(row(0.3, 1.0)))
    torch.testing.assert_close(covariance[0, 1, 1].item(), 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("rounding", [0.0, 1.0])
def test_a_column_that_varies_by_rounding_alone_counts_as_constant(dtype, rounding):
    """Its variance of 1e-34 or so would be a target to be met to the last digit."""
    x = torch.full((1, 600, 2), 10 / 3, dtype=dtype)
    x[0, ::2] *= 1 + rounding * torch.finfo(dtype).eps
    side = Side("observed", x, x[..., 0], torch.zeros(1, 600, dtype=dtype), 0.3)
    found = with_known(torch.zeros(1, 2, 2, dtype=dtype), [1], (side,))
    assert found[0, 1, 1] > 1e-6


def test_a_mass_that_hardly_varies_throws_nothing_else_out_of_balance():
    """AutoDebias' omegas start at 1 and take long to spread: then its mass is no use yet."""
    rows, _ = train(make("autodebias", moments=("e", "r", "mass"), epochs=8))
    last = rows["run0", 8]
    assert min(block.ess for block in last.blocks.values()) > 0.5
    for name in ("e", "r"):
        violation, uniform, _ = last.moments[name]
        assert abs(violation) < abs(uniform), name


BALANCED = [name for name, m in METHODS.items() if "learned" in m.info.balances]


E_R, MASS, PARTS = ("e", "r"), ("e", "r", "mass"), ("e_by_popularity", "r")
LEARNED = [("mf", E_R), ("ips", E_R), ("ips", MASS), ("ips", PARTS), ("dr", MASS)]
LEARNED += [("dr", PARTS), ("autodebias", E_R), ("autodebias", MASS)]


@pytest.mark.parametrize(("method", "names"), LEARNED)
def test_learned_weights_bring_every_violation_down(method, names):
    """Against uniform weights at the same theta; where these are within a quarter of a standard
    error of the target already, there is nothing to bring down."""
    blocks = {"block_users": 100, "block_items": 100}
    config = preset("simulated-small", method, epochs=12, lam=64.0, moments=names, **blocks)
    rows, _ = train(config, ratings=load(config))
    told = rows["run0", 12].moments
    assert set(told) == set(columns_of(names))
    assert max(abs(uniform) / se for _, uniform, se in told.values()) > 1
    for name, (violation, uniform, se) in told.items():
        assert abs(violation) < max(0.5 * abs(uniform), 0.25 * se), name


@pytest.mark.parametrize("method", BALANCED)
def test_exact_weights_meet_every_constraint_at_once(method):
    config = make(method, balance="exact", constraint="hard", moments=("e", "r", "mass"))
    rows, _ = train(changed(config, ess_floor=0.0))
    told = rows["run0", 3].moments
    assert max(abs(violation) for violation, _, _ in told.values()) < 1e-9
    assert abs(told["e"][1]) > 1e-3


@pytest.mark.parametrize("method", ["ips", "dr"])
def test_a_feature_of_coat_is_balanced(coat, method):
    """Its mean over the users, known exactly, against s mean_B(w f / p)."""
    names = (f"user:{coat.user_feature_names[0]}", f"item:{coat.item_feature_names[0]}")
    config = preset("coat", method, epochs=5, lam=64.0, moments=("e", *names))
    rows, done = train(changed(config, d=8), ratings=coat)
    assert done["run0"].state == "finished"
    told = rows["run0", 5].moments
    assert set(told) == {"e", *names}
    for name in names:
        assert abs(told[name][0]) < 0.5 * abs(told[name][1]), name
