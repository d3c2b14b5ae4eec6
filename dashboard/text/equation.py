"""The balance constraint of a method, typeset with today's numbers, and what each of them means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.charts.theme import entropy_label, lam_label, number

Numbers = Mapping[str, float]

# The terms of the left side in print, by the weights they carry, as `MethodInfo.constraint` has
# them: the paper's (8), (12) and (13).
TERMS: dict[str, tuple[tuple[str, str], ...]] = {
    "mf": (("observed", r"\sum_{\mathcal{B}} w_{u,i}\,\frac{e_{u,i}}{s}"),),
    "ips": (("observed", r"\sum_{\mathcal{B}} w_{u,i}\,\frac{e_{u,i}}{\hat p_{u,i}}"),),
    "dr": (
        ("all", r"\sum_{\mathcal{D}} w_{1,u,i}\,\hat e_{u,i}"),
        (
            "observed",
            r"\sum_{\mathcal{B}} w_{2,u,i}\,\frac{e_{u,i} - \hat e_{u,i}}{\hat p_{u,i}}",
        ),
    ),
    "autodebias": (
        ("all", r"\frac{c}{c+s}\sum_{\mathcal{D}} w_{1,u,i}\,\frac{\hat e_{u,i}}{\hat p_{1,u,i}}"),
        ("observed", r"\frac{1}{c+s}\sum_{\mathcal{B}} w_{2,u,i}\,\frac{e_{u,i}}{\hat p_{2,u,i}}"),
    ),
}
_ERROR = (r"e_{u,i}", "squared error of the prediction, $(\\hat r_{u,i} - r_{u,i})^2$")
_SETS = (
    (r"\mathcal{B}", "the biased ratings: people chose what to rate"),
    (r"\mathcal{U}", "the few uniform ratings: of pairs drawn at random"),
)
_EVERYTHING = (r"\mathcal{D}", "all pairs of a user and an item")
# The symbols in print, in the order in which a reader meets them.
SYMBOLS: dict[str, tuple[tuple[str, str], ...]] = {
    "mf": (
        (r"w_{u,i}", "weight of a rating: positive, they sum to $s$"),
        _ERROR,
        (r"s", "density $|\\mathcal{B}|/|\\mathcal{D}|$, all that MF knows of who rates"),
        *_SETS,
    ),
    "ips": (
        (r"w_{u,i}", "weight of a rating: positive, they sum to $|\\mathcal{B}|/|\\mathcal{D}|$"),
        _ERROR,
        (r"\hat p_{u,i}", "propensity: how probable this rating was"),
        *_SETS,
    ),
    "dr": (
        (r"w_{1,u,i},\, w_{2,u,i}", "weights of all pairs, and of the ratings: positive"),
        _ERROR,
        (r"\hat e_{u,i}", "imputed error: what is expected where nobody rated"),
        (r"\hat p_{u,i}", "propensity: how probable this rating was"),
        _EVERYTHING,
        *_SETS,
    ),
    "autodebias": (
        (r"w_{1,u,i},\, w_{2,u,i}", "weights of all pairs, and of the ratings: positive"),
        _ERROR,
        (r"\hat e_{u,i}", "squared distance of the prediction from the imputed label"),
        (r"1/\hat p_{1,u,i},\, 1/\hat p_{2,u,i}", "learned factors of all pairs, and of ratings"),
        (r"c", "weight of the imputed part"),
        _EVERYTHING,
        *_SETS,
    ),
}
RESIDUAL = (r"r", "what is left of the violation; the weights make it small, as λ demands")
RESIDUAL_ALONE = (
    r"r",
    "how far the base method's estimate is from the target; nothing is balanced",
)
TARGET = r"\frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}} e_{u,i}"
# What of an epoch the panel reads.
COLUMNS = (
    *("left_observed", "left_all", "target", "target_se", "violation", "violation_uniform"),
    *("violation_in_sample", "entropy", "entropy_all", "ess", "ess_estimate", "lam"),
    *("violation_r", "target_se_r", "violation_mass", "target_se_mass", "constraint_violation"),
)


@dataclass(frozen=True)
class Symbol:
    """A symbol in LaTeX, its number today, and what it is."""

    latex: str
    value: str
    meaning: str


def meanings(method: str, balanced: bool) -> tuple[tuple[str, str], ...]:
    """Every symbol of a method's constraint in LaTeX, and what it is."""
    return (*SYMBOLS[method], RESIDUAL if balanced else RESIDUAL_ALONE)


def bare(method: str, constraint_number: str) -> str:
    """LaTeX: the constraint in print, without numbers."""
    terms = r" \;+\; ".join(latex for _, latex in TERMS[method])
    return rf"{terms} \;-\; {TARGET} \;=\; r \qquad ({constraint_number})"


def equation(method: str, constraint_number: str, now: Numbers, balanced: bool) -> str:
    """LaTeX: the terms of the left side less the target, each with its number under it.

    Args:
        now: the numbers of one epoch by column, NaN for what a run does not have.
        balanced: whether there are weights; else w = 1/|D| and the residual is the base method's.
    """
    terms = r" \;+\; ".join(
        _under(latex, number(now[f"left_{support}"], 4)) for support, latex in TERMS[method]
    )
    se = number(now["target_se"], 4)
    target = _under(TARGET, rf"t \,=\, {number(now['target'], 4)} \,\pm\, {se}")
    residual = now["violation"] if balanced else now["violation_uniform"]
    tag = rf"\qquad ({constraint_number})" if constraint_number else ""
    return rf"{terms} \;-\; {target} \;=\; {number(residual, 4, signed=True)} {tag}".strip()


def _under(latex: str, value: str) -> str:
    if "nan" in value:  # not stored, by an older version
        return latex
    return rf"\underbrace{{{latex}}}_{{\displaystyle {value}}}"


def symbols(method: str, now: Numbers, balanced: bool, density: float | None) -> list[Symbol]:
    """Every number of the constraint and of L_W, with its meaning in words."""
    found = [
        Symbol(
            "t",
            f"{number(now['target'], 4)} ± {number(now['target_se'], 4)}",
            "The target: the mean squared error on the uniform ratings, an unbiased estimate of "
            "the ideal loss; ± its standard error, clustered by user.",
        )
    ]
    if balanced:
        found += _of_weights(method, now)
    found += _of_residuals(now, balanced)
    if density is not None:
        found.append(
            Symbol(
                "s",
                f"{density:.4f}",
                r"The density |B| / |D|. The weights on B sum to it, so that with w = 1/|D| the "
                "left side is the base method's own estimate.",
            )
        )
    return found


def _of_residuals(now: Numbers, balanced: bool) -> list[Symbol]:
    residual = now["violation"] if balanced else now["violation_uniform"]
    found = [
        Symbol(
            "r",
            number(residual, 4, signed=True),
            "The residual, left side minus target: what is left of the violation. Within ± SE "
            "nothing more can be asked of it.",
        )
    ]
    if balanced:
        uniform = number(now["violation_uniform"], 4, signed=True)
        said = "The residual of the same model with uniform weights: what the weights had to undo."
        found.append(Symbol(r"r_{\text{uniform}}", uniform, said))
    for column, symbol, what in (
        ("violation_in_sample", r"r_{\text{in-sample}}", "The residual by the errors of the model "
         "itself, which has fitted these ratings; what is balanced are errors on unseen ones."),
        ("violation_r", r"r_{\text{label}}", "The second moment's residual: weighted mean of the "
         "label minus its mean on the uniform ratings."),
        ("violation_mass", r"r_{\text{mass}}", "The residual of the mass: mean of 1/p minus 1."),
    ):  # fmt: skip
        if math.isfinite(now[column]):
            found.append(Symbol(symbol, number(now[column], 4, signed=True), what))
    return found


def _of_weights(method: str, now: Numbers) -> list[Symbol]:
    lam, size = now["lam"], now["constraint_violation"]
    found = [
        Symbol(
            r"\lambda",
            lam_label(lam),
            "Strength of the constraint in the weights' loss, entropy against λ times the squared "
            "residual. 0: uniform weights.",
        ),
    ]
    if math.isfinite(size):
        pull = f"{lam * size**2:.2g}"
        said = "What the violation still costs in the weights' loss: λ times its square."
        found.append(Symbol(r"\lambda r^2", pull, said))
    names = {"": "w"} if len(TERMS[method]) == 1 else {"": "w_2", "_all": "w_1"}
    for suffix, symbol in names.items():
        value = now[f"entropy{suffix}"]
        if math.isfinite(value):
            said = "Entropy of the weights over its largest possible value; 1 is uniform."
            found.append(Symbol(rf"H({symbol})", entropy_label(value), said))
    for column, symbol, said in (
        ("ess", "w", "Effective sample size of the weights over n: how far they have gone from the "
         "base method. High alone says nothing: uniform weights have 100 %."),
        ("ess_estimate", r"w/\hat p", "Effective sample size of w/p over n: how many ratings the "
         "estimate rests on."),
    ):  # fmt: skip
        if math.isfinite(now[column]):
            found.append(Symbol(rf"\mathrm{{ESS}}({symbol})", f"{100 * now[column]:.1f} %", said))
    return found
