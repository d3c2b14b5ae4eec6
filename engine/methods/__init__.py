"""Base methods: one module a method, METHODS lists them. Importing this does not import torch."""

from __future__ import annotations

from engine.methods import ips, mf
from engine.methods.base import Method, MethodInfo, Term

METHODS: dict[str, Method] = {
    "mf": mf.METHOD,
    "ips": ips.METHOD,
}

__all__ = ["METHODS", "Method", "MethodInfo", "Term"]
