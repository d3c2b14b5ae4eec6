"""What one curve of the λ study does and which λ one would have chosen, as sentences."""

from __future__ import annotations

import math
from typing import Any

from dashboard.charts.theme import decimals_for, lam_label, number


def interval(found: tuple[float, float, float], digits: int, signed: bool = True) -> str:
    """A gain with its interval: "+0.010 (+0.006 to +0.014)"."""
    mean, low, high = (number(v, digits, signed=signed) for v in found)
    return f"{mean} ({low} to {high})"


def curve(label: str, metric: str, shape: Any, lower: bool = False) -> str:
    """What one curve does, in a sentence with its numbers; lower: less of the metric is better."""
    if shape is None:
        return f"**{label}**: {metric} is not known at two λ yet."
    peak = lam_label(shape.peak)
    if shape.kind == "unknown":
        return (
            f"**{label}**: best {metric} at λ = {peak}, "
            f"{number(shape.rise[0], 3)} better than λ = {lam_label(shape.first)}; "
            "one seed tells no noise."
        )
    digits = decimals_for(max(shape.rise[2] - shape.rise[1], shape.fall[2] - shape.fall[1]) / 2)
    first, last = lam_label(shape.first), lam_label(shape.last)
    if shape.kind == "flat":
        return f"**{label}**: no change of {metric} is sure. {_flat(shape)}"
    rise = f"improves by {interval(shape.rise, digits, False)} from λ = {first} to {peak}"
    fall = f"loses {interval(shape.fall, digits, False)} from λ = {peak} to {last}"
    if shape.kind == "rises_then_falls":
        way = "falls then rises" if lower else "rises then falls"
        return f"**{label}**: {metric} {way}: it {rise} and {fall}."
    if shape.kind == "rises":
        top = "no larger one was tried" if peak == last else "no loss after that is sure"
        return f"**{label}**: {metric} {rise}; {top}."
    top = f"no λ is better than {peak}" if peak == first else "no gain before that is sure"
    return f"**{label}**: {metric} {fall}; {top}."


def _flat(shape: Any) -> str:
    """What a curve without a sure change does, with the digits that its noise leaves."""
    digits = decimals_for(shape.resolvable)
    ends = ((shape.rise, shape.first), (shape.fall, shape.last))
    gains = [(number(gain[0], digits), lam_label(end)) for gain, end in ends if end != shape.peak]
    over = " and ".join(
        f"{gain} better than {end}" if float(gain) else f"as good as {end}" for gain, end in gains
    )
    resolved = number(shape.resolvable, digits)
    return (
        f"The best λ, {lam_label(shape.peak)}, is {over}; {shape.seeds} seeds show changes of "
        f"{resolved} and more for sure."
    )


def choice(label: str, chosen: Any, metric: str) -> str:
    """The λ that validation picks, and what that costs on test."""
    if chosen is None:
        return f"{label}: validation chooses once a λ has all its seeds."
    at = lam_label(float(chosen.chosen))
    if chosen.best_on_test is None or math.isnan(chosen.regret):
        return f"{label}: validation chooses λ = {at}."
    top = lam_label(float(chosen.best_on_test))
    if top == at:
        return f"{label}: validation chooses λ = {at}, the best on test too."
    if abs(chosen.regret) < 5e-4:
        return f"{label}: validation chooses λ = {at}, as good on test as the best, {top}."
    return (
        f"{label}: validation chooses λ = {at}; λ = {top}, best on test, would have given "
        f"{number(abs(chosen.regret), 3)} more {metric}, known only afterwards."
    )
