"""Names of settings and of their choices in print, and what they mean."""

from __future__ import annotations

from typing import Any

HELP = {
    "dataset": "Biased ratings to train on, and a few uniform ones. Type csv:PATH for your own "
    "ratings (columns user, item, rating, source).",
    "confounding": "How strongly something no model sees drives both what users rate and how.",
    "method": "What balancing is added to: the base method, and so the twin's. Those without a "
    "balance constraint are there to compare with.",
    "balance": "None: the base method alone. Learned: weights trained against the constraint. "
    "Exact: the weights of highest entropy for it, solved for at every epoch. Both are compared "
    "with the twin that has none.",
    "lam": "Strength of the balance constraint. 0: weights stay uniform; larger: less violation, "
    "less uniform weights. The same λ means different things on different data.",
    "seeds": "So many runs train at once. Initialisation and split of the random ratings vary "
    "together: seed 0, 1, 2, …",
    "label_too": "Trains again with a second condition: the weighted mean of the label must match "
    "the uniform ratings' too. One condition on the error alone can be met by weights that know "
    "nothing of the confounder.",
    "lam_free": "Any value from 0 to 65536: 0.25, 1/64, 2^-6.",
    "moments": "What must be the same in the weighted biased ratings and in the uniform ones: the "
    "error e = (prediction − label)², e within each third of the items by popularity, the label r, "
    "or the mass 1/p, whose mean over all pairs is 1",
    "residuals": "Errors on ratings the model has fitted look smaller than they are. Held out: a "
    "tenth of the biased ratings is kept from it to fit the weights on. Cross-fitted: each error "
    "comes from a model that has not seen the rating",
    "target_support": "The constraint speaks of all pairs, or only of users and items that have "
    "random ratings",
    "constraint": "Penalised: as well as λ says. Hard: to the last digit. Tolerance: within the "
    "noise of the uniform ratings",
    "tolerance": "How many standard errors of the target the violation may keep",
    "ess_floor": "Weights that would leave a smaller effective sample size, as a share of all "
    "ratings, stop short of the constraint",
    "weights_model": "Log-linear: log w is linear in what is balanced, which is the form of the "
    "best weights. MF, NCF: a model of user and item, as in the paper",
    "weights_model_all": "Methods with imputed errors have weights w₁ on all pairs beside w₂ on "
    "the rated ones; their model may be another",
    "weights_mass": "What the weights of a block sum to. With the released code's masses the "
    "constraint cannot be met",
    "entropy_sign": "As large as possible is what the paper's text means; its balancing loss, as "
    "printed, makes entropy small",
    "weights_dim": "Of the factors of user and item in a balancing model, or of its embeddings",
    "weights_lr": "Step size of the balancing model",
    "weights_decay": "Weight decay of the balancing model; 0 leaves entropy alone to hold it back",
    "penalty": "The residual of all ratings, tracked from block to block, or naively the square of "
    "the block's own, which is noisier and shifts the optimum",
    "propensity_start": "What a learned propensity starts from, and is pulled back to",
    "propensity_dim": "Of the factors of user and item by which it leaves its start",
    "propensity_lr": "Step size of the learned propensity",
    "propensity_decay": "Weight decay of the learned propensity, towards where it started",
    "imputation_weight": "How much imputed labels on all pairs count beside the ratings",
    "imputation_dim": "Of the factors of user and item in the imputation",
    "imputation_lr": "Step size of the imputation: of DR's imputed errors, of AutoDebias' labels",
    "imputation_decay": "Weight decay of the imputation",
    "omega_lr": "Step size of AutoDebias' own weights ω = 1/p, on rated and on all pairs",
    "omega_decay": "Weight decay of log ω, towards ω = 1",
    "phi_warmup": "Epochs in which only the prediction model and the weights are learned",
    "teacher_weight": "The weight a in the refined label (r + a·teacher) / (1 + a)",
    "teacher_pull": "How strongly (κ, L1) the items of the biased ratings are drawn to those "
    "of the uniform ones",
    "patience": "Stop after so many epochs without a better validation AUC; 0: never",
    "assumed_lr": "A bi-level step asks what the uniform loss would be after one assumed update of "
    "the prediction model, of this size",
    "imputation": "Bi-level: so that the uniform loss falls. Regression: fitted to the errors on "
    "the uniform ratings, as the released code does",
    "schedule": "Interleaved: bi-level, weight and prediction step on every block. Sequential: a "
    "pass over all blocks for the bi-level steps first",
    "sampler": "Blocks: users times items, with all pairs of the block. Pairs: ratings in random "
    "order, and pairs drawn at random; for catalogues too large for blocks",
    "uniform_reuse": "Shared: all uniform ratings serve both the bi-level steps and the target. "
    "Split: half of them each, so that the target has not been fitted",
    "initial": "Id of a finished run on the same data; every seed starts from its prediction model",
    "best_after": "Epochs up to this one are not considered for the best; 0: all are",
}

NAMES = {
    "moments": "What the weights balance",
    "residuals": "Errors balanced",
    "folds": "Folds",
    "target_support": "Pairs in the constraint",
    "constraint": "How the constraint is met",
    "tolerance": "Tolerance in SE",
    "ess_floor": "Smallest ESS / n",
    "weights_model": "Balancing model",
    "weights_model_all": "Balancing model of w₁",
    "weights_dim": "Dimension",
    "weights_lr": "Step size",
    "weights_decay": "Weight decay",
    "weights_map": "From scores to weights",
    "weights_mass": "What weights sum to",
    "entropy_sign": "Entropy in the balancing loss",
    "penalty": "Residual in the penalty",
    "p_min": "Smallest propensity",
    "normalise_propensity": "Normalise 1/p (Hájek)",
    "propensity_start": "Where it starts",
    "propensity_dim": "Dimension",
    "propensity_lr": "Step size",
    "propensity_decay": "Pull to its start",
    "imputation": "How errors are imputed",
    "imputation_weight": "Weight c",
    "imputation_dim": "Dimension",
    "imputation_lr": "Step size",
    "imputation_decay": "Weight decay",
    "omega_lr": "Step size of ω",
    "omega_decay": "Decay of ω",
    "assumed_lr": "Assumed step size",
    "d": "Dimension",
    "intercept": "Intercept without decay",
    "lr": "Step size",
    "weight_decay": "Weight decay",
    "loss_scale": "Loss over a block",
    "teacher_weight": "Teacher's weight",
    "teacher_pull": "Pull of the items",
    "initial": "Start from run",
    "epochs": "Epochs at most",
    "patience": "Patience",
    "best_after": "Best epoch after",
    "schedule": "Order of the steps",
    "phi_warmup": "First after epoch",
    "phi_optimizer": "Their optimizer",
    "sampler": "Mini-batches",
    "batch_size": "Ratings in a batch",
    "block_users": "Users in a block",
    "block_items": "Items in a block",
    "block_seed": "Seed of the blocks",
    "dtype": "Precision",
    "data_seed": "Seed of the data",
    "uniform_fraction": "Uniform share",
    "uniform_reuse": "Uniform ratings serve",
    "split": "Split of the random ratings",
}

CHOICES = {
    "constant": "constant",
    "naive_bayes": "naive Bayes",
    "given": "given with the data",
    "half": "one half, everywhere",
    "true": "true (simulated only)",
    "bilevel": "learned bi-level",
    "regression": "regression on uniform ratings",
    "e": "error e",
    "r": "label r",
    "mass": "mass 1/p",
    "e_by_popularity": "e by popularity",
    "in_sample": "in-sample",
    "held_out": "held out",
    "cross_fitted": "cross-fitted",
    "all": "all",
    "covered": "shown at random",
    "log_linear": "log-linear",
    "ncf": "NCF",
    "same": "the same",
    "density": "the density s",
    "released": "as the released code",
    "maximise": "as large as possible",
    "minimise": "small, as printed",
    "global": "of all ratings",
    "block": "of the block",
    "hard": "met exactly",
    "tolerance": "met within noise",
    "penalised": "penalised by λ",
    "shared": "both (shared)",
    "split": "half each (split)",
    "adamw": "AdamW",
    "adam": "Adam",
    "sgd": "SGD",
    "mf": "MF",
    "ips": "IPS",
    "dr": "DR",
    "autodebias": "AutoDebias",
    "ltd": "LTD",
    "cause": "CausE",
    "kd-label": "KD-Label",
    "mf-uniform": "MF (uniform)",
    "mf-combine": "MF (combine)",
}


def label(name: str) -> str:
    """The name of a setting in print."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def choice(value: Any) -> str:
    """The name of a choice in print: "IPS"; "error e and label r" for several."""
    if isinstance(value, tuple):
        named = [choice(part) for part in value]
        return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    return CHOICES.get(value, value.replace("_", " "))
