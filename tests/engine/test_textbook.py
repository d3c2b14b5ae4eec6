"""The engine against the textbook: two implementations of one step give the same parameters.

The textbook finds pairs by membership, enumerates D_k, works under autograd, differentiates
L_W as it is printed and takes the hypergradient through a fresh one-step model; the engine does
none of that. Comparable are configs with the MF balancing model, the naive penalty of the block,
weights of mass s, no intercept and the interleaved schedule; float64.
"""

import pytest
import torch
from small_runs import make, tiny

from engine.errors import ConfigError
from engine.events import GroupEpoch
from engine.jobs.building import tuned
from engine.textbook import Textbook
from engine.training.trainer import Trainer

COMPARABLE = {
    "weights_model": "mf",
    "penalty": "block",
    "intercept": False,
    "imputation_weight": 0.3,
    "epochs": 2,
    "lr": 1e-2,
    "assumed_lr": 1e-3,
}
LEARNED = {"propensity": "bilevel", "propensity_start": "naive_bayes"}
CASES = [
    ("ips", {"propensity": "given"}),
    ("ips", {**LEARNED, "optimizer": "adamw"}),
    ("ips", {**LEARNED, "optimizer": "adam", "loss_scale": "mean", "weight_decay": 1e-3}),
    ("dr", LEARNED),
    ("dr", {**LEARNED, "optimizer": "adam", "phi_optimizer": "adam", "weights_decay": 1e-2}),
    ("dr", {"propensity": "given", "optimizer": "sgd", "lr": 1e-3, "weight_decay": 1e-3}),
    ("autodebias", {}),
    ("autodebias", {"optimizer": "adam", "phi_optimizer": "adam", "loss_scale": "mean"}),
]


def both(method, changes, epochs=2):
    """Parameters at the start, and after so many epochs of the engine and of the textbook."""
    config = make(method, **{**COMPARABLE, **changes, "epochs": epochs + 1})
    trainer = Trainer({"run": config}, tiny())
    start = {name: value.clone() for name, value in trainer.state()[0].items()}
    textbook = Textbook(config, tiny(), start)
    with tuned():
        for event in trainer.events():
            if isinstance(event, GroupEpoch) and event.epoch == epochs:
                break
        engine = {name: value.clone() for name, value in trainer.state()[0].items()}
        told = [textbook.epoch(epoch) for epoch in range(1, epochs + 1)]
    return start, engine, textbook, (event.runs[0], told[-1])


@pytest.mark.parametrize(("method", "changes"), CASES)
def test_the_engine_takes_the_textbooks_steps(method, changes):
    start, engine, textbook, told = both(method, changes)
    parameters = textbook.parameters()
    kinds = {name.split("/")[0] for name in parameters}
    learned = method == "autodebias" or "bilevel" in changes.values() or method == "dr"
    assert kinds == {"theta", "xi"} | ({"phi"} if learned else set())
    for name, value in parameters.items():
        scale = float(engine[name].abs().max())
        torch.testing.assert_close(
            value.detach(),
            engine[name][0].view_as(value),
            rtol=0,
            atol=1e-10 * max(scale, 1),
            msg=name,
        )
        moved = (value.detach() - start[name][0].view_as(value)).abs().max()
        assert moved > 1e-9, name
    assert told[0].validation["auc"] == pytest.approx(told[1]["auc"], abs=1e-12)


@pytest.mark.parametrize("method", ["ips", "dr"])
def test_without_compiled_loops_training_comes_to_the_same_numbers(monkeypatch, method):
    """As where there is no CPU to compile them for."""
    for module in ("engine.models.pairs", "engine.bilevel", "engine.balancing"):
        monkeypatch.setattr(f"{module}.compiled", lambda table: False)
    changes = {"propensity": "bilevel"} if method == "ips" else LEARNED
    start, engine, textbook, _ = both(method, changes)
    for name, value in textbook.parameters().items():
        ours = engine[name][0].view_as(value)
        torch.testing.assert_close(value.detach(), ours, rtol=0, atol=1e-10, msg=name)
        assert (value.detach() - start[name][0].view_as(value)).abs().max() > 1e-9, name


def test_the_weights_and_phi_matter_to_what_is_compared():
    """Else the test above could not see them."""
    ends = [
        both("dr", {**LEARNED, **changes}, epochs=1)[2].parameters()["theta/P"].detach()
        for changes in ({}, {"lam": 64.0}, {"imputation_lr": 0.1}, {"propensity_lr": 0.1})
    ]
    for other in ends[1:]:
        assert float((other - ends[0]).abs().max()) > 1e-6


@pytest.mark.parametrize("changes", [{"penalty": "global"}, {"weights_model": "log_linear"}])
def test_a_config_that_the_textbook_does_not_know_is_refused(changes):
    config = make("ips", **{**COMPARABLE, **changes})
    trainer = Trainer({"run": config}, tiny())
    with pytest.raises(ConfigError, match="for the textbook"):
        Textbook(config, tiny(), trainer.state()[0])
