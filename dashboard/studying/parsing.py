"""The raw text of a study's choices as values; each raises ConfigError in words."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.lam import parse_lam
from engine import api

SEEDS_MAX = 20
LARGEST_SHARE = 0.1  # the pool that uniform ratings grow through (METHOD 6)


def parts(text: str) -> tuple[str, ...]:
    """The parts between commas, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def datasets(text: str) -> tuple[str, ...]:
    """Names of data sets."""
    if not parts(text):
        raise api.ConfigError("datasets", "none", "at least one data set")
    return parts(text)


def values(kind: str, text: str, errors: dict[str, str]) -> tuple[float, ...]:
    """The values that can be read, with a sentence in `errors` about the first that cannot."""
    name = "lam" if kind == "lambda" else "uniform_fraction"
    found = set()
    for part in parts(text):
        try:
            found.add(number(name, part))
        except api.FieldError as error:
            errors.setdefault("values", str(error))
    if not found and "values" not in errors:
        allowed, fix = "at least one value", "an empty grid trains nothing"
        errors["values"] = str(api.ConfigError("values", "none", allowed, fix))
    return tuple(sorted(found))


def number(name: str, text: str) -> float:
    """λ ("lam"), or a share of the random ratings, which may be written in percent."""
    percent = text.endswith("%")
    value = parse_lam(text.rstrip("% \u00a0") if percent else text)
    try:
        found = float(value) / (100 if percent else 1)
    except ValueError:
        found = float("nan")
    if name == "lam":
        allowed = f"a number from 0 to {api.LAM_MAX:g}, as 0.25, 1/64 or 2^-6"
        inside = 0 <= found <= api.LAM_MAX
    else:
        allowed = f"a share above 0 and at most {LARGEST_SHARE:g}, the pool that U grows through"
        inside = 0 < found <= LARGEST_SHARE
    if not inside:
        raise api.ConfigError(name, text, allowed)
    return found


def seeds(text: str) -> int:
    """A number of seeds."""
    if text.isdigit() and 1 <= int(text) <= SEEDS_MAX:
        return int(text)
    raise api.ConfigError("seeds", text, f"a whole number from 1 up to {SEEDS_MAX}")


def epochs(text: str) -> int:
    """A largest number of passes."""
    if text.isdigit() and 1 <= int(text) <= 100_000:
        return int(text)
    raise api.ConfigError("epochs", text, "a whole number from 1 up to 100000, or nothing")


def moments(text: str) -> tuple[str, ...]:
    """What weights balance."""
    return tuple(api.make_config(moments=parts(text)).moments)


def confounding(text: str) -> str:
    """A kind of hidden confounding."""
    return str(api.make_config(confounding=text).confounding)


def some_of(name: str, text: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Several of `allowed`, in its order; none only where they are additions."""
    found = parts(text)
    wrong = [part for part in found if part not in allowed]
    if wrong or (not found and name == "methods"):
        got = wrong[0] if wrong else "none"
        raise api.ConfigError(name, got, "one or more of " + ", ".join(allowed))
    return tuple(sorted(found, key=list(allowed).index))
