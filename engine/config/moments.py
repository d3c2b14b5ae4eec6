"""What weights can balance, by name; a set of moments comes to one or more columns."""

from __future__ import annotations

from engine.errors import ConfigError

# Beside these, "user:NAME" and "item:NAME", columns of the features.
MOMENTS = ("e", "e_by_popularity", "r", "mass")
FEATURE_MOMENTS = ("user:", "item:")
TERCILES = 3  # of the items by popularity


def in_order(moments: tuple[str, ...]) -> tuple[str, ...]:
    """e before r, however they were given: the first one's variance is lam's unit."""
    return tuple(sorted(moments, key=lambda m: (_place(m), m)))


def columns_of(moments: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that moment sets come to, in order."""
    found: list[str] = []
    for name in moments:
        if name == "e_by_popularity":
            found += [f"e_popularity{j + 1}" for j in range(TERCILES)]
        else:
            found.append(name)
    return tuple(found)


def check_moments(moments: tuple[str, ...]) -> None:
    """Refuse what cannot be balanced, or not together.

    Raises:
        ConfigError: naming the moments.
    """
    known = [m in MOMENTS or m.startswith(FEATURE_MOMENTS) for m in moments]
    allowed_moments = f"one or more of {', '.join(MOMENTS)}, user:FEATURE, item:FEATURE, each once"
    if not moments or len(set(moments)) != len(moments) or not all(known):
        raise ConfigError("moments", list(moments), allowed_moments, 'give e.g. "e,r"')
    if {"e", "e_by_popularity"} <= set(moments):
        raise ConfigError("moments", list(moments), "e or e_by_popularity", "the one follows")
    if moments[0] not in ("e", "e_by_popularity", "r"):
        raise ConfigError(
            "moments", list(moments), "e, e_by_popularity or r among them",
            "the variance of its target is the unit of lam",
        )  # fmt: skip


def _place(moment: str) -> int:
    return MOMENTS.index(moment) if moment in MOMENTS else len(MOMENTS)
