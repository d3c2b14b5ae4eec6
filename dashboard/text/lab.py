"""What the lab says of its controls and states: plain functions from values to sentences."""

from __future__ import annotations

from typing import Any

from dashboard.charts.theme import lam_label

HELP = {
    "dataset": "Biased ratings to train on, and a few uniform ones. Type csv:PATH for your own "
    "ratings (columns user, item, rating, source).",
    "confounding": "How strongly something no model sees drives both what users rate and how.",
    "method": "What balancing is added to: the base method, and so the twin's.",
    "balance": "None: the base method alone. Learned: weights trained against the constraint, "
    "compared with the twin that has none.",
    "lam": "Strength of the balance constraint. 0: weights stay uniform; larger: less violation, "
    "less uniform weights. The same λ means different things on different data.",
    "seeds": "So many runs train at once. Initialisation and split of the random ratings vary "
    "together: seed 0, 1, 2, …",
    "label_too": "Trains again with a second condition: the weighted mean of the label must match "
    "the uniform ratings' too. One condition on the error alone can be met by weights that know "
    "nothing of the confounder.",
    "lam_free": "Any value from 0 to 65536: 0.25, 1/64, 2^-6.",
}

NAMES = {
    "p_min": "Smallest propensity",
    "normalise_propensity": "Normalise 1/p (Hájek)",
    "weights_dim": "Dimension of the balancing model",
    "weights_lr": "Step size",
    "weights_decay": "Weight decay",
    "weights_map": "From scores to weights",
    "penalty": "Residual in the penalty",
    "moments": "What the weights balance",
    "d": "Dimension of the prediction model",
    "lr": "Step size",
    "weight_decay": "Weight decay",
    "loss_scale": "Loss over a block",
    "block_users": "Users in a block",
    "block_items": "Items in a block",
    "block_seed": "Seed of the blocks",
    "data_seed": "Seed of the simulated data",
    "uniform_fraction": "Share of uniform ratings",
    "split": "Split of the random ratings",
    "epochs": "Epochs at most",
    "patience": "Patience (0: never stop early)",
    "dtype": "Precision",
}

CHOICES = {
    "constant": "constant",
    "naive_bayes": "naive Bayes",
    "given": "given with the data",
    "true": "true (simulated only)",
    "e": "error e",
    "r": "label r",
    "adamw": "AdamW",
    "adam": "Adam",
    "sgd": "SGD",
    "mf": "MF",
    "ips": "IPS",
}


def label(name: str) -> str:
    """The name of a setting in print."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def choice(value: str) -> str:
    """The name of a choice in print."""
    return CHOICES.get(value, value.replace("_", " "))


def duration(seconds: float) -> str:
    """ "12 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


ENDED = {"stopped": "Stopped after", "failed": "Failed after", "finished": "Finished after"}
ASKED = {"stop": "Stopping", "pause": "Pausing", "resume": "Going on"}


def status(progress: Any, planned: int) -> str:
    """Where a launch stands, in words.

    Args:
        planned: the epochs it may take; when it has ended, progress tells those it took.
    """
    if progress.state in ENDED:
        said = f"{ENDED[progress.state]} {progress.epoch} of {planned} epochs"
        early = progress.state == "finished" and progress.epoch < planned
        return said + (": validation AUC rose no more" if early else "")
    at = f"epoch {progress.epoch} of {progress.epochs}"
    if progress.asked in ASKED:
        return f"{ASKED[progress.asked]} at {at}"
    if progress.state == "paused":
        return f"Paused at {at}"
    if progress.state == "queued":
        return _queued(progress)
    if not progress.workers:
        return f"Interrupted at {at}: no worker is running. It goes on when one starts"
    left = progress.eta_seconds
    return at.capitalize() + (f", about {duration(left)} left" if left is not None else "")


def _queued(progress: Any) -> str:
    if not progress.workers:
        return "Waiting: no worker is running. Start one: python -m engine worker"
    if progress.ahead:
        others = "1 group of runs" if progress.ahead == 1 else f"{progress.ahead} groups of runs"
        return f"Queued behind {others}"
    return "Starting" if not progress.epoch else f"About to go on from epoch {progress.epoch}"


def lam_says(lam: float, left: float, half: float) -> str:
    """What λ will do here, and where λ½ is."""
    if lam <= 0:
        said = "Weights stay uniform: nothing is balanced."
    else:
        said = f"Expected violation left: **{100 * left:.0f} %**."
    return f"{said} λ½ ≈ {lam_label(half) if half in _powers() else f'{half:.2g}'}"


def _powers() -> set[float]:
    return {2.0**k for k in range(-9, 9)}


def launch_title(config: Any, seeds: int) -> str:
    """A launch in a few words: data, method, λ, seeds."""
    method = choice(config.method)
    if config.balanced:
        balanced = " + ".join(choice(m) for m in config.moments)
        method += f" balanced on {balanced}, λ = {lam_label(config.lam)}"
    data = config.dataset
    if config.dataset.startswith("simulated"):
        data += f", {config.confounding} confounding"
    return f"{method} · {data} · {seeds} seed{'s' if seeds != 1 else ''}"


def questions(balanced: bool, simulated: bool) -> tuple[tuple[str, str], ...]:
    """What the verdict will answer, asked before there is an answer."""
    if not balanced:
        return (("No weights", "The base method alone: nothing to compare with a twin."),)
    asked = (
        ("Constraint", "Do the weights bring the violation within the target's noise?"),
        ("Predictor", "Is it any better for that than its twin with uniform weights?"),
    )
    oracle = ("Weights", "Do they resemble the oracle's, or meet the constraint some other way?")
    return (*asked, oracle) if simulated else asked
