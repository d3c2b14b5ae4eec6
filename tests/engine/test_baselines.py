"""The baselines of Table 2: whose labels reach them, and the two tables of items of CausE."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import make, tiny, train

from engine.datasets.ratings import Pairs, Ratings
from engine.datasets.splits import make_split
from engine.jobs.building import tuned
from engine.training.teacher import teacher_predictions
from engine.training.trainer import Trainer

N_ITEMS = 50


def flipped(part: str) -> Ratings:
    """The ratings with every label of B, or of the uniform sample, changed."""
    ratings = tiny()
    pairs = ratings.biased if part == "biased" else ratings.random
    where = np.zeros(len(pairs), dtype=bool)
    where[slice(None) if part == "biased" else make_split(ratings, 0).uniform] = True
    other = Pairs(pairs.user, pairs.item, np.where(where, 1 - pairs.rating, pairs.rating))
    return replace(ratings, **{part: other})


def first_epoch(method: str, ratings: Ratings, **changes) -> dict[str, np.ndarray]:
    _, done = train(make(method, epochs=1, **changes).twin(), ratings=ratings)
    return done["run0"].arrays


HEARD = [
    *(("mf", "biased"), ("mf-uniform", "random")),
    *((method, part) for method in ("mf-combine", "cause", "kd-label", "ltd") for part in
      ("biased", "random")),
]  # fmt: skip


@pytest.mark.parametrize("part", ["biased", "random"])
@pytest.mark.parametrize("method", ["mf", "mf-uniform", "mf-combine", "cause", "kd-label", "ltd"])
def test_a_method_hears_of_the_labels_it_says_it_learns_from(method, part):
    """Labels of B or U changed: theta differs exactly where the method has a use for them."""
    plain, other = first_epoch(method, tiny()), first_epoch(method, flipped(part))
    same = np.allclose(plain["theta.b"], other["theta.b"], rtol=1e-9, atol=1e-12)
    assert same == ((method, part) not in HEARD)


@pytest.mark.parametrize(("method", "rated"), [("mf", 1), ("mf-uniform", 0), ("mf-combine", 1)])
def test_in_an_epoch_every_rating_counts_once_whether_biased_or_uniform(method, rated):
    """With tiny steps mu moves by -lr times the sum of 2 (r_hat - r) at the start."""
    config = make(method, optimizer="sgd", lr=1e-9, weight_decay=0.0, epochs=1).twin()
    with tuned():
        trainer = Trainer({"a": config}, tiny())
        lanes, theta = trainer._lanes, trainer._learners.theta
        biased = (theta.score(lanes.user, lanes.item) - lanes.label).sum()
        uniform = theta.score(lanes.uniform_user, lanes.uniform_item) - lanes.uniform_label
        for event in trainer.events():
            if getattr(event, "done", ()):
                moved = event.done[0].arrays["theta.mu"][0] / -1e-9
    wanted = 2 * (rated * biased + (method != "mf") * uniform.sum())
    assert moved == pytest.approx(float(wanted), rel=1e-5)


def cause(pull: float) -> dict[str, np.ndarray]:
    return first_epoch("cause", tiny(), teacher_pull=pull)


def test_cause_fits_the_uniform_ratings_with_the_second_table():
    """A block is a quarter of an epoch, so each of them counts a quarter in the first one."""
    config = make("cause", teacher_pull=0.0, optimizer="sgd", lr=1e-6, weight_decay=0.0)
    with tuned():
        trainer = Trainer({"a": config}, tiny())
        lanes, theta = trainer._lanes, trainer._learners.theta
        second = lanes.uniform_item + N_ITEMS
        error = theta.score(lanes.uniform_user, second) - lanes.uniform_label
        wanted = torch.zeros(2 * N_ITEMS, dtype=torch.float64)
        wanted.index_add_(0, second[0], 0.25 * 2 * error[0])
        next(trainer.events())
    torch.testing.assert_close(theta.c[0, N_ITEMS:] / -1e-6, wanted[N_ITEMS:])


def test_cause_pulls_the_first_table_of_items_and_takes_the_second_as_constant():
    """In the first block: of its items, the first table's gradient alone knows of the pull."""
    gradients = []
    for pull in (0.0, 10.0):
        config = make("cause", teacher_pull=pull, optimizer="sgd", lr=1e-3, weight_decay=0.0)
        with tuned():
            trainer = Trainer({"a": config}, tiny())
            theta = trainer._learners.theta
            start = {k: v.clone() for k, v in theta.parameters().items()}
            next(trainer.events())
        gradients.append({k: (start[k] - v) / 1e-3 for k, v in theta.parameters().items()})
    free, pulled = gradients
    extra = pulled["Q"] - free["Q"]
    assert (extra[:, N_ITEMS:].abs() < 1e-9).all()
    apart = (start["Q"][:, :N_ITEMS] - start["Q"][:, N_ITEMS:]).sign()
    touched = (extra[:, :N_ITEMS].abs() > 1e-9).any(-1)[0]
    assert touched.sum() == 25  # the block's items
    scale = 10.0 * tiny().density  # of a sum over the block, as the ratings' losses have it
    torch.testing.assert_close(extra[0, :N_ITEMS][touched], scale * apart[0][touched])


def test_a_stronger_pull_leaves_the_two_tables_closer():
    def gap(pull: float) -> float:
        Q = cause(pull)["theta.Q"]
        return float(np.abs(Q[:N_ITEMS] - Q[N_ITEMS:]).mean())

    assert gap(100.0) < 0.9 * gap(0.0)


def test_cause_predicts_with_the_first_table():
    """Validation of the kept parameters, with the second table spoiled or cut away, is the same."""
    with tuned():
        trainer = Trainer({"a": make("cause")}, tiny())
        next(trainer.events())
        learners, judge = trainer._learners, trainer._judge
        before = judge.validation(trainer._subjects, learners.predictor)
        learners.theta.Q[:, N_ITEMS:] = 99.0
        assert judge.validation(trainer._subjects, learners.predictor) == before
        learners.theta.Q[:, :N_ITEMS] *= -1
        assert judge.validation(trainer._subjects, learners.predictor) != before


def teacher(ratings: Ratings) -> torch.Tensor:
    configs = [make("kd-label"), make("kd-label", seed=1)]
    trainer = Trainer({"a": configs[0], "b": configs[1]}, ratings)
    with tuned():
        return teacher_predictions(configs[0], (60, 50), [0, 1], trainer._lanes)


def test_the_teacher_knows_the_uniform_ratings_alone_and_speaks_from_zero_to_one():
    plain, other = teacher(tiny()), teacher(flipped("biased"))
    torch.testing.assert_close(plain, other, rtol=0, atol=0)
    assert plain.amin(1).tolist() == [0.0, 0.0]
    assert plain.amax(1).tolist() == [1.0, 1.0]
    assert not torch.allclose(plain[0], plain[1])  # each run has its own
    assert not torch.allclose(plain, teacher(flipped("random")))
