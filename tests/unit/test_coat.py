"""Coat: the real files where they are installed, made-up files of that shape for the faults."""

from pathlib import Path

import numpy as np
import pytest

from engine.datasets.coat import FEATURES, N_ITEMS, N_USERS, read_coat
from engine.errors import DataError


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder in Coat's format, of made-up ratings."""
    rng = np.random.default_rng(0)
    for name in ("train.ascii", "test.ascii"):
        ratings = rng.integers(1, 6, (N_USERS, N_ITEMS)) * (rng.random((N_USERS, N_ITEMS)) < 0.05)
        np.savetxt(tmp_path / name, ratings, fmt="%d", newline="\r\n")
    np.savetxt(tmp_path / "propensities.ascii", np.full((N_USERS, N_ITEMS), 0.08))
    (tmp_path / FEATURES).mkdir()
    for kind, rows in (("user", N_USERS), ("item", N_ITEMS)):
        np.savetxt(tmp_path / FEATURES / f"{kind}_features.ascii", np.ones((rows, 2)), fmt="%d")
        (tmp_path / FEATURES / f"{kind}_features_map.txt").write_text("a:one\r\nb:two words")
    return tmp_path


def test_real_coat(coat):
    assert (len(coat.biased), len(coat.random)) == (6960, 4640)
    assert np.bincount(coat.biased.user).tolist() == [24] * 290
    assert np.bincount(coat.random.user).tolist() == [16] * 290
    both, ours, theirs = np.intersect1d(
        coat.random.code(300), coat.biased.code(300), return_indices=True
    )
    assert len(both) == 366
    np.testing.assert_array_equal(coat.random.rating[ours], coat.biased.rating[theirs])
    assert coat.user_features.shape == (290, 14)
    assert coat.item_features.shape == (300, 33)
    assert coat.user_feature_names[:3] == ("gender:men", "gender:women", "age:20-30")
    assert coat.item_feature_names[-2:] == ("onfrontpage:yes", "onfrontpage:no")
    assert coat.given_propensity.min() == pytest.approx(0.00408, abs=1e-5)


def test_made_up_files_read_in_row_major_order(folder):
    ratings = read_coat(folder)
    matrix = np.loadtxt(folder / "test.ascii")
    np.testing.assert_array_equal(ratings.random.rating, matrix[matrix > 0])
    assert (np.diff(ratings.random.code(N_ITEMS)) > 0).all()
    assert ratings.item_feature_names == ("a:one", "b:two words")


@pytest.mark.parametrize(
    "name",
    ["train.ascii", "test.ascii", "propensities.ascii", f"{FEATURES}/item_features_map.txt"],
)
def test_a_missing_file_is_named_with_what_to_do(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match="datasets get coat") as caught:
        read_coat(folder)
    assert name in str(caught.value)
    assert "COUNTERWEIGHT_DATA" in caught.value.fix


def edit(path: Path, row: int, column: int, cell: str) -> None:
    """Put `cell` at a 1-based place of a matrix file; an empty one removes the cell."""
    lines = [line.split() for line in path.read_text().splitlines()]
    lines[row - 1][column - 1 : column] = [cell] if cell else []
    path.write_text("\n".join(" ".join(line) for line in lines))


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("train.ascii", "6", "row 7, column 5: got 6.0; allowed: whole ratings from 1 to 5"),
        ("test.ascii", "-1", "row 7, column 5: got -1.0"),
        ("train.ascii", "2.5", "row 7, column 5: got 2.5"),
        ("train.ascii", "nan", "row 7, column 5: got nan"),
        ("test.ascii", "five", "row 7: got .*five.*; allowed: numbers"),
        ("train.ascii", "", "row 7: got '299 columns'; allowed: 300 columns"),
        ("propensities.ascii", "0", "row 7, column 5: got 0.0; allowed: propensities above 0"),
        ("propensities.ascii", "1.5", "row 7, column 5: got 1.5"),
        (f"{FEATURES}/user_features.ascii", "1", "row 7: got '3 columns'; allowed: 2 columns"),
    ],
)
def test_a_wrong_cell_is_named(folder, name, cell, message):
    edit(folder / name, 7, 5, cell)
    with pytest.raises(DataError, match=message) as caught:
        read_coat(folder)
    assert name in caught.value.field


def test_a_feature_that_is_no_number_is_named(folder):
    edit(folder / FEATURES / "item_features.ascii", 300, 2, "nan")
    with pytest.raises(DataError, match=r"item_features\.ascii, row 300, column 2: got nan"):
        read_coat(folder)


def test_a_matrix_of_the_wrong_height_or_without_ratings_is_refused(folder):
    path = folder / "train.ascii"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(DataError, match="got '289 rows'; allowed: 290 rows"):
        read_coat(folder)
    np.savetxt(path, np.zeros((N_USERS, N_ITEMS)), fmt="%d")
    with pytest.raises(DataError, match="not one rating"):
        read_coat(folder)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="a readable text file"):
        read_coat(folder)
