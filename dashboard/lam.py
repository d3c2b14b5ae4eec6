"""λ as people write it, and the grid that the slider offers."""

from __future__ import annotations

import math
import re
from typing import Any

from engine import api

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def parse_lam(raw: Any) -> Any:
    """λ from "0.25", "1/64", "2^-6", "2**-6" or "2⁻⁶"; anything else is returned as it came."""
    if not isinstance(raw, str):
        return raw
    text = raw.strip().replace("**", "^")
    power = re.fullmatch(r"2\^?([-⁻−]?[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})", text)
    if power and ("^" in text or not text.isascii()):
        return 2.0 ** int(power[1].translate(_SUPERSCRIPTS))
    ratio = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)", text)
    if ratio and float(ratio[2]):
        return float(ratio[1]) / float(ratio[2])
    return text


def on_grid(lam: float) -> float:
    """The value of the λ grid nearest to `lam` on the log scale, never 0."""
    grid = [value for value in api.LAM_GRID if value > 0]
    if not lam > 0 or not math.isfinite(lam):
        return grid[-1]
    return min(grid, key=lambda value: abs(math.log2(value) - math.log2(lam)))


def lam_options(lam: float) -> list[float]:
    """What the λ slider offers: the grid, and `lam` itself where it lies between."""
    return sorted({*api.LAM_GRID, lam})
