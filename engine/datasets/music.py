"""Yahoo! R3 ("Music"): 15,400 users, 1,000 songs; from Yahoo Webscope by agreement, never shipped.

Reads the official files (tab-separated user, song, rating, ids from 1) and the CSVs that many
released codes use (uid,iid,rating, ids from 0, with or without that header).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.datasets.ratings import Pairs, Ratings
from engine.datasets.tables import read_table
from engine.errors import DataError

N_USERS, N_ITEMS, N_BIASED, N_RANDOM = 15_400, 1_000, 311_704, 54_000
COLUMNS = ("user", "item", "rating")


@dataclass(frozen=True)
class Layout:
    """One way the two files come: their names, separator and the id of the first user."""

    biased: str
    random: str
    sep: str
    first: int


OFFICIAL = Layout(
    "ydata-ymusic-rating-study-v1_0-train.txt", "ydata-ymusic-rating-study-v1_0-test.txt", "\t", 1
)
COMMON = Layout("user.txt", "random.txt", ",", 0)


def layout(folder: Path) -> Layout | None:
    """The layout whose two files lie in `folder`; the official one first."""
    for known in (OFFICIAL, COMMON):
        if all((folder / name).is_file() for name in (known.biased, known.random)):
            return known
    return None


def read_music(folder: Path) -> Ratings:
    """Read Yahoo! R3 from `folder`. Ratings 1 to 5, positive from 4; random ones in file order.

    Raises:
        DataError: files missing, or a cell, id or rating that cannot be, with its row.
    """
    found = layout(folder)
    if found is None:
        raise DataError(
            "dataset",
            f"music, whose files are not in {folder}",
            f"{OFFICIAL.biased} and {OFFICIAL.random}, or {COMMON.biased} and {COMMON.random}",
            "ask Yahoo Webscope for R3, which it gives by agreement only, and put the files there; "
            "or use simulated-music",
        )
    biased, random = (_read(folder / name, found) for name in (found.biased, found.random))
    biased = biased.take(np.argsort(biased.code(N_ITEMS), kind="stable"))
    notes = ["Random ratings come from users 0 to 5399 only."]
    if (len(biased), len(random)) != (N_BIASED, N_RANDOM):
        notes.append(
            f"The files hold {len(biased):,} biased and {len(random):,} random ratings; "
            f"the release has {N_BIASED:,} and {N_RANDOM:,}."
        )
    return Ratings(
        name="music",
        n_users=N_USERS,
        n_items=N_ITEMS,
        biased=biased,
        random=random,
        threshold=4.0,
        notes=tuple(notes),
    )


def _read(path: Path, found: Layout) -> Pairs:
    with path.open(encoding="utf-8", errors="replace") as lines:
        header = lines.readline().lower().startswith(("uid", "user"))
    table = read_table(path, found.sep, COLUMNS, header)
    ids = []
    for name, count in (("user", N_USERS), ("item", N_ITEMS)):
        last = found.first + count - 1
        allowed = f"a whole number from {found.first} to {last}"
        code = table.numbers_within(name, found.first, last, allowed) - found.first
        ids.append(code.astype(np.int64))
    rating = table.numbers_within("rating", 1, 5, "a whole number from 1 to 5")
    pairs = Pairs(ids[0], ids[1], rating)
    table.refuse_twice(pairs.code(N_ITEMS))
    return pairs
