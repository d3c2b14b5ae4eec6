"""Base methods: one module a method, METHODS lists them. Importing this does not import torch."""

from __future__ import annotations

from engine.methods import autodebias, cause, dr, ips, kd_label, ltd, mf
from engine.methods.base import Method, MethodInfo, Part, Scene, Settings, Term

METHODS: dict[str, Method] = {
    "mf": mf.MF,
    "ips": ips.METHOD,
    "dr": dr.METHOD,
    "autodebias": autodebias.METHOD,
    "ltd": ltd.METHOD,
    "cause": cause.METHOD,
    "kd-label": kd_label.METHOD,
    "mf-uniform": mf.UNIFORM,
    "mf-combine": mf.COMBINE,
}

__all__ = ["METHODS", "Method", "MethodInfo", "Part", "Scene", "Settings", "Term"]
