"""A run whose prediction model starts where a finished run's was best (the paper's Table 3)."""

import numpy as np
import pytest
import torch
from small_runs import FAST

from engine import api
from engine.config import changed
from engine.errors import ConfigError
from engine.events import GroupEpoch
from engine.jobs.building import build, tuned

SMALL = {**FAST, "block_users": 100, "block_items": 100}
STILL = {"lr": 1e-300, "epochs": 1}  # too short a step to change a float64


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))


def make(method="ips", **changes):
    balance = {} if method in ("ips", "dr", "autodebias", "mf") else {"balance": "none"}
    return api.preset("simulated-small", method, **{**SMALL, **balance, **changes})


def finished(config):
    """The id of a run of this store that trained to its end, and its last word."""
    done = []
    launch = api.train_here(
        [config],
        lambda event: done.extend(event.done if isinstance(event, GroupEpoch) else ()),
        twins=False,
    )
    return launch.runs[0], done[0]


def theta_at_start(*configs):
    trainer = build({f"run{k}": config for k, config in enumerate(configs)})
    return trainer._learners.theta


def test_a_run_starts_at_the_best_parameters_of_another():
    """Not at those of its last epoch, and not at its own seed's."""
    run, end = finished(make(epochs=12, lr=0.3))
    assert end.best_epoch < 12  # else best and last are one
    start = theta_at_start(make(seed=5, initial=run))
    for name, value in start.parameters().items():
        np.testing.assert_array_equal(value[0].numpy(), end.arrays[f"theta.{name}"])


def test_another_method_with_other_settings_may_go_on_from_it():
    run, end = finished(make("mf"))
    for config in (make("dr", initial=run), make("autodebias", initial=run, lr=0.5)):
        start = theta_at_start(config)
        np.testing.assert_array_equal(start.P[0].numpy(), end.arrays["theta.P"])


def test_of_a_group_only_the_run_that_asks_starts_from_it():
    run, end = finished(make())
    plain = make(seed=5)
    start, fresh = theta_at_start(plain, changed(plain, initial=run)), theta_at_start(plain)
    np.testing.assert_array_equal(start.P[1].numpy(), end.arrays["theta.P"])
    torch.testing.assert_close(start.P[0], fresh.P[0], rtol=0, atol=0)
    assert not torch.allclose(start.P[0], start.P[1])


def test_fold_models_start_anew_since_a_finished_run_has_seen_every_fold():
    run, _ = finished(make())
    config = make(seed=5, initial=run, residuals="cross_fitted", folds=3)
    trainer = build({"a": make(seed=5, residuals="cross_fitted", folds=3), "b": config})
    folds, theta = trainer._learners._folds.theta, trainer._learners.theta
    fresh = theta.P[:1].expand(3, -1, -1)  # theta of "a", from the same seed
    torch.testing.assert_close(folds.P[:3], fresh, rtol=0, atol=0)
    torch.testing.assert_close(folds.P[3:], fresh, rtol=0, atol=0)
    assert not torch.allclose(theta.P[0], theta.P[1])


def test_training_in_this_process_goes_on_from_it():
    """With steps too short to move anything, the run ends where the other was best."""
    run, end = finished(make())
    _, other = finished(make(seed=5, initial=run, **STILL))
    assert other.state == "finished"
    for name in ("theta.P", "theta.Q", "theta.b", "theta.c", "theta.mu"):
        np.testing.assert_array_equal(other.arrays[name], end.arrays[name])
    assert other.test == end.test


def test_the_twin_starts_from_it_too():
    run, end = finished(make())
    launch = api.train_here([make(seed=5, initial=run, **STILL)])
    twin = api.run(launch.twins[launch.runs[0]])
    assert twin.config.balance == "none"
    assert twin.test["auc"] == pytest.approx(end.test["auc"], abs=1e-12)


SENTENCE = "^initial: got '{}'; allowed: a finished run"


def test_a_run_that_is_not_there_is_said_so():
    with pytest.raises(ConfigError, match=SENTENCE.format("nowhere")):
        build({"a": make(initial="nowhere")})


def test_a_run_without_a_result_is_said_so():
    waiting = api.launch([make()], twins=False).runs[0]
    with pytest.raises(ConfigError, match=SENTENCE.format(waiting)):
        build({"a": make(initial=waiting)})


@pytest.mark.parametrize(
    ("other", "mine"),
    [
        (make(d=4), make()),
        (make(intercept=False), make()),
        (make(), make(intercept=False)),
        (make("cause"), make("mf")),
        (make("mf"), make("cause")),
        (make(), changed(make(), dataset="simulated-coat")),
    ],
)
def test_a_model_of_another_shape_is_said_so(other, mine):
    run, _ = finished(changed(other, epochs=1))
    with pytest.raises(ConfigError, match=SENTENCE.format(run)):
        build({"a": changed(mine, initial=run)})


@pytest.mark.parametrize("data", [{"data_seed": 1}, {"confounding": "weak"}])
def test_a_run_on_other_data_of_the_same_shape_is_said_so(data):
    """Its users and items are others, though there are as many of them."""
    run, _ = finished(make(epochs=1))
    with pytest.raises(ConfigError, match=SENTENCE.format(run)):
        build({"a": make(initial=run, **data)})


def test_a_mistaken_one_fails_the_run_in_words_and_leaves_no_traceback():
    launch = api.train_here([make(initial="nowhere")], twins=False)
    record = api.run(launch.runs[0])
    assert record.state == "failed"
    assert record.error.startswith("initial: got 'nowhere'; allowed: a finished run")


def test_one_is_checked_before_anything_is_queued():
    with pytest.raises(ConfigError, match=SENTENCE.format("nowhere")):
        api.check(make(initial="nowhere"))


def test_a_path_is_no_run():
    """Ids stay within the store's folder of arrays."""
    run, _ = finished(make(epochs=1))
    with pytest.raises(ConfigError, match=r"^initial: got "):
        build({"a": make(initial=f"../arrays/{run}")})


def test_restoring_goes_on_from_the_checkpoint_and_not_from_the_initial_run():
    run, _ = finished(make())
    config = make(seed=5, initial=run)
    with tuned():
        whole = [e for e in build({"a": config}).events() if isinstance(e, GroupEpoch)]
        first = build({"a": config})
        events = first.events()
        for _ in range(6):
            next(events)
        second = build({"a": config})
        second.restore(*first.state())
        rest = [e for e in second.events() if isinstance(e, GroupEpoch)]
    assert rest[-1].runs[0].loss == whole[-1].runs[0].loss
    ours, theirs = rest[-1].done[0], whole[-1].done[0]
    np.testing.assert_array_equal(ours.arrays["theta.P"], theirs.arrays["theta.P"])
