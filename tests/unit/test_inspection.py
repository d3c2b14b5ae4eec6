"""What is said of weights, against hand arithmetic."""

import math

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.config import make_config
from engine.datasets import load
from engine.datasets.ratings import Pairs, Ratings
from engine.datasets.simulated import oracle_weights
from engine.datasets.splits import make_split
from engine.errors import DataError
from engine.exact import solve_exact
from engine.inspection import Look, balance, diagnose, numbers, read_weights, references, views
from engine.inspection.models import factors, linear, neural


def values(frame):
    return dict(zip(frame["name"], frame["value"], strict=True))


def test_numbers_of_four_weights():
    # w = 1, 1, 2, 4 -> mean 2 -> .5, .5, 1, 2: sum w^2 = 5.5, ESS = 16 / (4 * 5.5) = 8/11.
    found = {n.name: n.value for n in numbers.of_weights(np.array([1.0, 1.0, 2.0, 4.0]))}
    assert found["ESS of w"] == pytest.approx(8 / 11)
    assert found["Design effect of w"] == pytest.approx(11 / 8)
    assert found["CV of w"] == pytest.approx(math.sqrt(3 / 8))  # design effect = 1 + CV^2
    assert found["Largest weight"] == 2.0
    assert found["Heaviest 1 % carry"] == pytest.approx(1 / 2)  # one of four pairs at least
    assert found["KS distance from 1"] == pytest.approx(1 / 2)  # P(w < 1)
    assert found["Earth mover's distance from 1"] == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)


def test_uniform_weights_are_no_distance_from_one_whatever_their_mass():
    found = {n.name: n.value for n in numbers.of_weights(np.full(7, 0.3))}
    assert found["KS distance from 1"] == 0
    assert found["Earth mover's distance from 1"] == pytest.approx(0)


def test_products_have_the_ess_of_what_errors_are_multiplied_by():
    # w = 1, 3 and 1/p = 3, 1 give equal products.
    found = {n.name: n.value for n in numbers.of_products(np.array([1.0, 3]), np.array([3.0, 1]))}
    assert found["ESS of w/p"] == pytest.approx(1)
    assert found["ESS of 1/p"] == pytest.approx(16 / 20)


def test_love_table_by_hand():
    # Feature 0, 1 over D with mean 1/2, sd 1/2; on B 0, 1, 1. Raw (2/3 - 1/2) / (1/2) = 1/3;
    # 1/p = 2, 1, 1: 2/4, distance 0; w/p with w = 1, 1, 2: 3/5, distance 1/5.
    feature = balance.over_sides("user:f", np.array([0.0, 1.0]), np.array([0, 1, 1]))
    # Label: U = 1, 0, 0, 0 of four users: mean 1/4, sd sqrt(3)/4, SE^2 = s^2/n = (1/4)/4.
    label = balance.Uniform(
        "label r", np.array([1.0, 0, 0]), np.array([1.0, 0, 0, 0]), np.arange(4), True
    )
    weight, inverse = np.array([1.0, 1, 2]), np.array([2.0, 1, 1])
    table = balance.love_table(weight, inverse, 0.5, [feature], [label]).set_index("covariate")
    row = table.loc["user:f"]
    assert row[["raw", "inverse", "weighted"]].tolist() == pytest.approx([1 / 3, 0, 1 / 5])
    assert (row["noise"], row["designed"]) == (0.0, False)
    row, sd = table.loc["label r"], math.sqrt(3) / 4
    assert row["noise"] == pytest.approx(0.25 / sd)
    # s * mean(w x / p) = .5 * 2/3 = 1/3 both ways; raw: mean over B = 1/3.
    assert row["weighted"] == pytest.approx((1 / 3 - 1 / 4) / sd)
    assert row["raw"] == pytest.approx((1 / 3 - 1 / 4) / sd)
    assert bool(row["designed"])


def test_bins_hold_few_values_apart_and_many_in_equal_parts():
    few = views.binned(np.array([0.0, 0, 1, 1]), np.array([1.0, 3, 5, 5]))
    assert few["mean"].tolist() == [2.0, 5.0]
    assert few["pairs"].tolist() == [2, 2]
    assert few["high"][0] - 2 == pytest.approx(1.959964 * math.sqrt(2 / 1 / 2))
    many = views.binned(np.arange(100.0), np.ones(100), bins=4)
    assert many["pairs"].tolist() == [25, 25, 25, 25]


def test_histogram_counts_what_lies_beyond_in_the_last_bins():
    frame = views.histogram(np.array([2.0**-9, 1.0, 1.0, 2.0**9]), (-1.0, 0.0, 1.0))
    assert frame["pairs"].tolist() == [1, 3]  # weights of 1 are in the bin that starts at 1


def test_scores_of_kept_models_are_those_of_training():
    torch = pytest.importorskip("torch")
    from engine.models import LinearModel, MatrixFactorization, NeuralCollaborativeFiltering

    rng = np.random.default_rng(0)
    user, item, level = (rng.integers(0, n, 40) for n in (6, 5, 3))
    index = [torch.as_tensor(a) for a in (user, item, level)]
    where = torch.float64, torch.device("cpu")
    made = [
        (MatrixFactorization((6, 5), 3, [1], *where, intercept=True), index[:2], factors),
        (LinearModel((6, 5), 1, *where), index, linear),
        (NeuralCollaborativeFiltering((6, 5), 3, [1], *where), index[:2], neural),
    ]
    for model, where_asked, ours in made:
        for value in model.parameters().values():
            value.copy_(torch.as_tensor(rng.normal(size=value.shape)))
        kept_as = {f"a.b.{k}": v[0].numpy() for k, v in model.parameters().items()}
        theirs = model.score(*where_asked)[0].numpy()
        found = ours(kept_as, "a.b", *(i.numpy() for i in where_asked))
        np.testing.assert_allclose(found, theirs, rtol=1e-12)


def test_label_and_error_are_self_normalised_where_b_alone_is_no_side_of_the_constraint():
    # 1/p = 2, 1, 1 and w = 1, 1, 2: raw 1/3, by 1/p 2/4, by w/p 2/5; U has mean 1/4.
    label = balance.Uniform(
        "label r", np.array([1.0, 0, 0]), np.array([1.0, 0, 0, 0]), np.arange(4), False
    )
    table = balance.love_table(np.array([1.0, 1, 2]), np.array([2.0, 1, 1]), None, [], [label])
    sd = math.sqrt(3) / 4
    found = table.loc[0, ["raw", "inverse", "weighted"]].tolist()
    assert found == pytest.approx([(x - 1 / 4) / sd for x in (1 / 3, 1 / 2, 2 / 5)])


def test_covariance_is_shrunk_as_in_training():
    torch = pytest.importorskip("torch")
    from engine.balancing import shrunk

    covariance = np.array([[2.0, 1.0], [1.0, 3.0]])
    theirs = shrunk(torch.as_tensor(covariance)[None])[0].numpy()
    np.testing.assert_allclose(references.shrunk(covariance), theirs)


CONFIG = make_config(dataset="simulated-small", lam=8.0, moments=("e", "r"))


def kept(config=CONFIG):
    """What a run would keep whose weights are the exact ones."""
    ratings = load(config)
    rng = np.random.default_rng(0)
    arrays = {f"theta.{k}": rng.normal(0, 0.1, (200, 4)) for k in "PQ"}
    arrays |= {f"theta.{k}": rng.normal(0, 0.1, 200) for k in "bc"} | {"theta.mu": np.array([0.2])}
    label = ratings.label(ratings.biased)
    inverse = 1 / ratings.given_propensity
    b = ratings.biased
    error = (factors(arrays, "theta", b.user, b.item) - label) ** 2
    x = np.column_stack([error * inverse, label * inverse])
    target, covariance = np.array([0.15, 0.2]), np.diag([2e-4, 5e-4])
    solution = solve_exact([x], [ratings.density], target, lam=config.lam, covariance=covariance)
    weight = solution.weights[0] / solution.weights[0].mean()
    arrays |= {"weights.observed": weight, "weights.inverse": inverse, "weights.x": x}
    return ratings, arrays | {"weights.target": target, "weights.covariance": covariance}


def looked(**changes):
    ratings, arrays = kept()
    return Look("run", 3, CONFIG, ratings, arrays | changes, {}).of("observed")


def test_exact_weights_are_found_again_and_the_oracle_stands_beside():
    found = looked()
    np.testing.assert_allclose(found.pairs["exact"], found.pairs["weight"], rtol=1e-6)
    told = values(found.numbers)
    assert told["KL(w || exact at λ)"] == pytest.approx(0, abs=1e-9)
    assert told["Correlation with exact at λ"] == pytest.approx(1)
    ratings, arrays = kept()
    oracle = oracle_weights(ratings, 1 / arrays["weights.inverse"], normalised=True)
    np.testing.assert_allclose(found.pairs["oracle"], oracle)
    np.testing.assert_allclose(found.constraint["exact_hard"], [0.15, 0.2], rtol=1e-6)
    assert "close to the exact weights at this λ" in found.verdict
    assert "oracle" in found.verdict


def test_pairs_cells_and_extremes_agree():
    found = looked()
    pairs = found.pairs
    assert pairs["weight"].mean() == pytest.approx(1)
    np.testing.assert_allclose(pairs["error"], (pairs["prediction"] - pairs["label"]) ** 2)
    assert found.cells["pairs"].sum() == len(pairs)
    cell = found.cells.iloc[5]
    here = found.in_cell((int(cell["user_group"]), int(cell["item_group"])))
    assert pairs.loc[here, "weight"].mean() == pytest.approx(cell["weight"])
    ends = found.extremes(3)
    assert ends["weight"].iloc[0] == pairs["weight"].max()
    assert ends["weight"].iloc[-1] == pairs["weight"].min()
    assert len(found.sample()) == views.SAMPLE
    missing = sorted(set(range(len(pairs))) - set(found.sample().index))[:2]
    assert set(missing) < set(found.sample(missing).index)
    binned = found.binned("item_popularity")
    assert np.average(binned["mean"], weights=binned["pairs"]) == pytest.approx(1)


def test_uniform_weights_are_called_inert_and_never_praised():
    found = looked(**{"weights.observed": np.ones(4000)})
    assert found.verdict.startswith("All but uniform")
    assert found.beside("oracle")[0] is None


def test_held_out_pairs_are_left_out_of_every_number():
    ratings, arrays = kept()
    weight = arrays["weights.observed"].copy()
    weight[:400] = 0
    config = make_config(dataset="simulated-small", moments=("e", "r"), residuals="held_out")
    found = Look("run", 3, config, ratings, arrays | {"weights.observed": weight}, {}).observed
    assert found.used.sum() == 3600
    assert found.pairs["weight"][found.used].mean() == pytest.approx(1)
    assert values(found.numbers)["Pairs held out"] == 400
    assert found.pairs["exact"].isna().sum() == 400
    assert found.binned("error")["pairs"].sum() == 3600


def test_weights_on_all_pairs_that_were_not_kept_leave_exact_weights_out_and_say_why():
    ratings, arrays = kept()
    facts = {"violation": 0.001, "target_se": 0.01, "ess_all": 0.99, "exact_kl": 0.02}
    config = make_config(dataset="simulated-small", method="dr", lam=8.0, moments=("e", "r"))
    found = Look("run", 3, config, ratings, arrays, facts).observed
    assert "exact" not in found.pairs
    assert "did not keep what its weights on all pairs (w1) came from" in found.exact_note
    assert values(found.numbers)["KL(w || exact at λ)"] == 0.02
    assert values(found.numbers)["ESS of w1, on D"] == 0.99
    assert "constraint met" in found.verdict


def test_features_are_columns_by_name():
    ratings = Ratings(
        name="tiny",
        n_users=2,
        n_items=2,
        biased=Pairs(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1.0, 5.0, 5.0])),
        random=Pairs(np.arange(200) % 2, np.arange(200) // 2 % 2, np.tile([1.0, 5, 5, 5], 50)),
        threshold=4.0,
        user_features=np.array([[3.0], [4.0]]),
        user_feature_names=("age",),
        user_names=("ann", "bob"),
    )
    config = make_config(dataset="coat", uniform_fraction=0.1)
    split = make_split(ratings, 0, 0.1)
    assert len(split.uniform) == 20
    arrays = {"theta.P": np.zeros((2, 1)), "theta.Q": np.zeros((2, 1)), "theta.b": np.zeros(2)}
    arrays |= {"theta.c": np.zeros(2), "weights.observed": np.array([1.0, 1, 2])}
    arrays |= {"weights.inverse": np.full(3, 2.0), "weights.x": np.array([[0.0], [2], [2]])}
    arrays |= {"weights.target": np.array([0.7]), "weights.covariance": np.array([[0.01]])}
    found = Look("run", 1, config, ratings, arrays, {}).observed
    assert found.features == ("user:age",)
    assert found.column("user:age").tolist() == [3.0, 3.0, 4.0]
    assert found.extremes(1)["user_name"].tolist() == ["bob", "ann"]
    assert not found.simulated
    assert "oracle" not in found.pairs


CSV = "user,item,weight,propensity,label,prediction\na,x,1,0.5,1,0.5\na,y,3,0.25,0,0.5\n"


def test_weights_brought_as_a_csv():
    own = diagnose(read_weights(CSV.encode()))
    told = values(own.numbers)
    assert own.pairs["weight"].tolist() == [0.5, 1.5]
    assert told["ESS of w"] == pytest.approx(16 / 20)
    # w/p = 2, 12: mean label 2/14.
    assert told["Mean label, weighted"] == pytest.approx(1 / 7)
    assert told["Mean squared error, unweighted"] == pytest.approx(0.25)
    assert api.diagnose is diagnose
    assert own.histogram["pairs"].sum() == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("user,item\na,x\n", ["weights.csv", "add weight"]),
        ("user,item,weight\na,x,much\n", ["row 2, column weight", "much"]),
        ("user,item,weight\na,x,1\na,y,-1\n", ["row 3, column weight", "-1"]),
        ("user,item,weight,propensity\na,x,1,0\n", ["row 2, column propensity", "above 0"]),
        ("user,item,weight,propensity\na,x,1,\n", ["row 2, column propensity"]),
        ("user,item,weight\na,x,1\n\na,x,2\n", ["rows 2 and 4", "twice"]),
        ("user,item,weight\na,x,0\n", ["column weight", "only 0"]),
        ("user,item,weight\na,x,1,2\n", ["weights.csv, row 2", "4 columns"]),
        ("", ["weights.csv", "empty"]),
    ],
)
def test_a_wrong_csv_is_named_by_row_and_column(content, words):
    with pytest.raises(DataError) as error:
        diagnose(read_weights(content.encode(), "weights.csv"), "weights.csv")
    for word in words:
        assert word in str(error.value)
    assert "/tmp" not in str(error.value)


def test_a_frame_of_numbers_counts_rows_as_a_spreadsheet():
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 1], "weight": [1.0, np.nan]})
    with pytest.raises(DataError, match="row 3, column weight"):
        diagnose(frame)
