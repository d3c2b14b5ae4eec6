"""Reading tables that people made: every fault is found, named by row and column, and explained.

Cells arrive as text and are turned into numbers here, so that an id like 007 stays what it is and a
bad cell can be shown as it stands in the file.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine.datasets.ratings import FloatArray, IntArray
from engine.errors import DataError

PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Table:
    """A file's rows. The frame's index is the row number as an editor or spreadsheet counts it."""

    path: Path
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, mask: pd.Series[bool]) -> Table:
        """The rows of `mask`, with their row numbers."""
        return Table(self.path, self.frame[mask])

    def fault(
        self, position: int, column: str, allowed: str, fix: str, got: object = None
    ) -> DataError:
        """The error of the cell at `position` (0-based) of `column`."""
        row = self.frame.index[position]
        cell = self.frame[column].iloc[position] if got is None else got
        return DataError(f"{self.path}, row {row}, column {column}", cell, allowed, fix)

    def numbers(self, column: str, allowed: str, fix: str) -> FloatArray:
        """The column as finite float64.

        Raises:
            DataError: naming the first cell that is no finite number.
        """
        values = pd.to_numeric(self.frame[column], errors="coerce").to_numpy(np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise self.fault(int(bad[0]), column, allowed, fix)
        return values

    def numbers_within(self, column: str, low: float, high: float, allowed: str) -> FloatArray:
        """The column as whole numbers in [low, high].

        Raises:
            DataError: naming the first cell outside.
        """
        fix = "correct that cell, or get the file anew"
        values = self.numbers(column, allowed, fix)
        bad = np.flatnonzero((values < low) | (values > high) | (values != np.floor(values)))
        if len(bad):
            raise self.fault(int(bad[0]), column, allowed, fix)
        return values

    def refuse_twice(self, code: IntArray) -> None:
        """Refuse two rows with one code, which stands for a user-item pair.

        Raises:
            DataError: naming both rows.
        """
        again = np.flatnonzero(pd.Series(code).duplicated().to_numpy())
        if not len(again):
            return
        second = int(again[0])
        first = int(np.flatnonzero(code == code[second])[0])
        index, frame = self.frame.index, self.frame
        raise DataError(
            f"{self.path}, rows {index[first]} and {index[second]}",
            f"user {frame['user'].iloc[second]}, item {frame['item'].iloc[second]} twice",
            "each user-item pair once within a source",
            "remove one of the two rows",
        )


def read_table(
    path: Path, sep: str = ",", names: Sequence[str] | None = None, header: bool = True
) -> Table:
    """Read a delimited text or Parquet file as text cells; blank rows are skipped, yet counted.

    names: the columns of a file without a header; None where the first row names them (lower case,
    trimmed, from then on). header: whether the first row is one.

    Raises:
        DataError: no such file, not text, empty, or rows of unequal length.
    """
    if not path.is_file():
        raise DataError(
            "dataset",
            str(path),
            "a file that exists",
            "check the path; it starts where you started",
        )
    if path.suffix.lower() in PARQUET:
        frame, first = _read_parquet(path), 1
    else:
        frame, first = _read_text(path, sep, names, header), 2 if header else 1
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    frame.index = pd.RangeIndex(first, first + len(frame))
    frame = frame[(frame != "").any(axis=1)]
    if frame.empty:
        raise DataError(str(path), "no ratings", "one rating a row", "add the ratings")
    return Table(path, frame)


def _read_text(path: Path, sep: str, names: Sequence[str] | None, header: bool) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # A first data row longer than the header is only a warning to pandas.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=sep,
                names=None if names is None else list(names),
                header=0 if header else None,
                dtype=str,
                keep_default_na=False,
                index_col=False,
                skipinitialspace=True,
                skip_blank_lines=False,
                encoding="utf-8-sig",
            )
    except pd.errors.EmptyDataError:
        raise DataError(str(path), "an empty file", "one rating a row", "add the ratings") from None
    except UnicodeDecodeError:
        raise DataError(
            str(path), "bytes that are no UTF-8 text", "UTF-8 text", "save it as CSV UTF-8"
        ) from None
    except OSError as error:
        raise DataError(
            str(path), error.strerror or str(error), "a readable file", "check its permissions"
        ) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise _malformed(path, sep, names, str(error)) from None


def _malformed(path: Path, sep: str, names: Sequence[str] | None, message: str) -> DataError:
    if "EOF inside string" in message:
        return DataError(
            str(path), "a double quote never closed", "quotes in pairs", "close or remove it"
        )
    fix = "remove the extra separators, or put cells that contain one in double quotes"
    with path.open(encoding="utf-8-sig", newline="") as lines:
        width = len(names) if names else 0
        for row, cells in enumerate(csv.reader(lines, delimiter=sep, skipinitialspace=True), 1):
            width = width or len(cells)
            if len(cells) > width:
                got, allowed = f"{len(cells)} columns", f"{width} columns"
                return DataError(f"{path}, row {row}", got, allowed, fix)
    return DataError(str(path), message.strip(), "a table with one rating a row", fix)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors derive from these two
        raise DataError(
            str(path), str(error).splitlines()[0], "a Parquet file", "write it anew, or use CSV"
        ) from None
    text = {name: frame[name].astype(str).where(frame[name].notna(), "") for name in frame.columns}
    return pd.DataFrame(text)
