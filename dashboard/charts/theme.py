"""One colour per role everywhere (Okabe-Ito), and how numbers are written.

A role's colour may differ between light and dark; charts hold its name, "@balanced", and whoever
draws the figure puts in the colour: the live figure in the browser, `resolved` in Python.
"""

from __future__ import annotations

import math
from typing import Any

# name -> (light, dark)
PALETTE: dict[str, tuple[str, str]] = {
    "balanced": ("#E69F00", "#E69F00"),
    "balanced_thin": ("rgba(230,159,0,0.34)", "rgba(230,159,0,0.36)"),
    "balanced_text": ("#9A6A00", "#F0B83C"),
    "base": ("#6B7280", "#9AA3AF"),
    "base_thin": ("rgba(107,114,128,0.35)", "rgba(154,163,175,0.35)"),
    "exact": ("#000000", "#FFFFFF"),
    "oracle": ("#009E73", "#1FBF92"),
    "text": ("#20242A", "#E4E2DD"),
    "muted": ("#666B73", "#A2A7AE"),
    "grid": ("#ECE9E2", "#262B31"),
    "axis": ("#C9C5BB", "#454B53"),
    "band": ("rgba(0,96,143,0.10)", "rgba(79,168,220,0.16)"),
    "band_text": ("#00608F", "#7CC0EA"),
    "paper": ("#FDFCFA", "#14171B"),
    "panel": ("#F2F0EB", "#1E2227"),
    "unrated": ("#DCD8CE", "#383E46"),
    "phi": ("#CC79A7", "#CC79A7"),
    "lighter": ("#0072B2", "#56B4E9"),
    "heavier": ("#D55E00", "#F0843C"),
    # Methods keep their hue across pages; a marker of their own tells them apart without it.
    "m_mf": ("#6B7280", "#9AA3AF"),
    "m_ips": ("#0072B2", "#4FA8DC"),
    "m_dr": ("#D55E00", "#F0843C"),
    "m_autodebias": ("#B0568F", "#DE93C1"),
    "m_cause": ("#2E9BD6", "#7CC7F2"),
    "m_kd_label": ("#00805D", "#1FBF92"),
    "m_ltd": ("#7A5195", "#B794D6"),
    "m_mf_uniform": ("#8A6D3B", "#C9A86A"),
    "m_mf_combine": ("#4B5563", "#C3C9D2"),
    "paper_range": ("rgba(107,114,128,0.09)", "rgba(154,163,175,0.12)"),
}

# Weights: lighter than 1 is blue, heavier is vermilion, 1 is the paper.
DIVERGING = [
    [0.0, "@lighter"],
    [0.5, "@panel"],
    [1.0, "@heavier"],
]


def _faint(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


PALETTE |= {
    f"{name}_thin": (_faint(light, 0.5), _faint(dark, 0.5))
    for name, (light, dark) in PALETTE.items()
    if name.startswith("m_")
}

# Plotly's name of a method's marker, and Altair's.
MARKERS = {
    "mf": ("circle", "circle"),
    "ips": ("circle", "circle"),
    "dr": ("square", "square"),
    "autodebias": ("triangle-up", "triangle-up"),
    "cause": ("triangle-down", "triangle-down"),
    "kd-label": ("diamond", "diamond"),
    "ltd": ("cross", "cross"),
    "mf-uniform": ("x", "cross"),
    "mf-combine": ("pentagon", "triangle-right"),
}

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "−"


def palettes() -> dict[str, dict[str, str]]:
    """The palette as the live figure wants it: {"light": {name: colour}, "dark": {...}}."""
    return {
        "light": {name: pair[0] for name, pair in PALETTE.items()},
        "dark": {name: pair[1] for name, pair in PALETTE.items()},
    }


def resolved(figure: Any, dark: bool = False) -> Any:
    """`figure` with every "@name" replaced by its colour; text may hold several names."""
    if isinstance(figure, dict):
        return {key: resolved(value, dark) for key, value in figure.items()}
    if isinstance(figure, list):
        return [resolved(value, dark) for value in figure]
    if isinstance(figure, str) and "@" in figure:
        # Longest first: "@balanced_thin" begins with "@balanced".
        for name in sorted(PALETTE, key=len, reverse=True):
            figure = figure.replace(f"@{name}", PALETTE[name][int(dark)])
    return figure


def method_hue(method: str) -> str:
    """The palette's name of a method's hue, without the "@"."""
    name = "m_" + method.replace("-", "_")
    return name if name in PALETTE else "base"


def number(value: float, decimals: int = 3, signed: bool = False) -> str:
    """A number in print: a true minus sign, never "-0.000"."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    if signed and float(text) > 0:
        text = "+" + text
    return text.replace("-", MINUS)


def decimals_for(noise: float, at_most: int = 4) -> int:
    """Decimals that show two digits of the noise, between 2 and `at_most`."""
    if not math.isfinite(noise) or noise <= 0:
        return 3
    return min(at_most, max(2, 1 - math.floor(math.log10(noise))))


def entropy_label(entropy: float) -> str:
    """A normalised entropy with two digits of what it lacks to 1: "0.9953", "0.99998"."""
    return number(entropy, decimals_for(1 - entropy, 7) if entropy < 1 else 4)


def lam_label(lam: float) -> str:
    """λ as the paper writes it: "0", "2⁻⁶", "1", "2³"; other values as plain numbers."""
    if lam <= 0:
        return "0"
    power = math.log2(lam)
    if power == round(power) and power != 0:
        return "2" + str(round(power)).translate(_SUPERSCRIPT)
    return f"{lam:.4g}"


def heading(title: str, note: str, xref: str, yref: str) -> dict[str, Any]:
    """The annotation above a panel: what is seen in bold, and under it how to read it."""
    return {
        "text": f"<span style='font-weight:600'>{title}</span>"
        f"<br><span style='font-size:11px;color:@muted'>{note or ' '}</span>",
        "xref": xref,
        "yref": yref,
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "align": "left",
        "showarrow": False,
        "font": {"size": 13, "color": "@text"},
    }
