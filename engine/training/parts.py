"""Tensors of several parts in one flat dictionary, by "part.name", and the way back."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def joined(parts: Mapping[str, Mapping[str, Tensor]], separator: str = ".") -> dict[str, Tensor]:
    """Every tensor of every part, by part and name."""
    return {
        f"{part}{separator}{name}": value
        for part, held in parts.items()
        for name, value in held.items()
    }


def part_of(tensors: Mapping[str, Tensor], part: str, separator: str = ".") -> dict[str, Tensor]:
    """The tensors of one part, by their own names."""
    prefix = part + separator
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
