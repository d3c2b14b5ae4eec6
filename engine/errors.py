"""Errors a user can act on: each says which field, what was got, what is allowed and what to do."""

from __future__ import annotations


class CounterweightError(Exception):
    """Base of every error that is the user's to read: one sentence, never a traceback."""


class FieldError(CounterweightError):
    """A value that cannot be used.

    Args:
        field: the field's name as the user knows it (config, CLI and URL use the same one).
        got: what was given.
        allowed: what would be accepted.
        fix: what to do about it, as an imperative; may be empty when `allowed` says it all.
    """

    def __init__(self, field: str, got: object, allowed: str, fix: str = "") -> None:
        self.field, self.got, self.allowed, self.fix = field, got, allowed, fix
        sentence = f"{field}: got {got!r}; allowed: {allowed}"
        super().__init__(f"{sentence}; {fix}." if fix else f"{sentence}.")

    def __reduce__(self) -> tuple[type[FieldError], tuple[str, object, str, str]]:
        """Keep the four parts when the error crosses a process boundary."""
        return (type(self), (self.field, self.got, self.allowed, self.fix))


class ConfigError(FieldError):
    """A run configuration that cannot be trained."""


class DataError(FieldError):
    """Ratings that cannot be read or cannot serve: the field names file, row and column."""


class TrainingError(CounterweightError):
    """A run that broke while training (a loss that is not a number, say)."""


class StoreError(CounterweightError):
    """The store of runs cannot be opened, or does not hold what was asked for."""


class ClusterError(CounterweightError):
    """A Dask cluster that trains is gone, or cannot train with this version."""
