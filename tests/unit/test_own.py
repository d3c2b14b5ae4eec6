"""Your own ratings: read as written, and every fault is named by row and column."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample import sample_text

from engine.datasets.own import read_own, read_own_pair
from engine.errors import DataError

SAMPLE = Path(__file__).parents[2] / "data" / "sample.csv"
HEAD = "user,item,rating,source\n"
GOOD = HEAD + "ann,x,5,biased\nbob,y,1,biased\nann,y,4,uniform\nbob,x,2,uniform\n"


def write(folder: Path, text: str | bytes, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_by_hand(tmp_path):
    text = HEAD + "10,x,5,biased\n9,y,1, Biased\n10,y,4,uniform\n2,x,2,UNIFORM\n\n"
    ratings = read_own(write(tmp_path, text))
    assert ratings.user_names == ("2", "9", "10")  # whole numbers sort as numbers
    assert ratings.item_names == ("x", "y")
    assert ratings.biased.user.tolist() == [1, 2]
    assert ratings.biased.item.tolist() == [1, 0]
    assert ratings.biased.rating.tolist() == [1, 5]
    assert ratings.random.user.tolist() == [2, 0]  # the file's order
    assert ratings.threshold == 4
    assert ratings.given_propensity is None
    assert not ratings.simulated


def test_ids_stay_as_they_are_written(tmp_path):
    text = GOOD.replace("ann", "007").replace("bob", "7").replace("x", "NA").replace("y", "é")
    ratings = read_own(write(tmp_path, text))
    assert ratings.user_names == ("007", "7")
    assert ratings.item_names == ("NA", "é")


def test_ratings_of_zero_and_one_are_positive_from_one(tmp_path):
    text = HEAD + "a,x,0,biased\na,y,1,biased\na,x,0,uniform\na,y,1,uniform\n"
    ratings = read_own(write(tmp_path, text))
    assert ratings.threshold == 1
    assert ratings.label(ratings.biased).tolist() == [0, 1]


def test_columns_in_any_order_with_more_columns_and_a_byte_order_mark(tmp_path):
    text = (
        "\ufeffSource, Rating ,when,item,propensity,user\n"
        "biased,5,mon,x,0.25,b\nbiased,1,tue,x,1,a\nuniform,5,,x,,a\nuniform,1,,x,,b\n"
    )
    ratings = read_own(write(tmp_path, text))
    assert ratings.biased.rating.tolist() == [1, 5]
    assert ratings.given_propensity.tolist() == [1, 0.25]


def test_parquet_reads_as_the_same_csv(tmp_path):
    csv = write(tmp_path, GOOD)
    frame = pd.read_csv(csv)
    frame.to_parquet(tmp_path / "mine.parquet")
    a, b = read_own(csv), read_own(tmp_path / "mine.parquet")
    assert a.user_names == b.user_names
    np.testing.assert_array_equal(a.biased.rating, b.biased.rating)
    np.testing.assert_array_equal(a.random.code(2), b.random.code(2))


def test_parquet_with_a_missing_id_names_its_row(tmp_path):
    frame = pd.read_csv(write(tmp_path, GOOD))
    frame.loc[2, "user"] = None
    frame.to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(DataError, match="row 3, column user"):
        read_own(tmp_path / "mine.parquet")


def test_two_files_need_no_source_column(tmp_path):
    head = "user,item,rating\n"
    biased = write(tmp_path, head + "a,x,5\nb,y,1\n", "b.csv")
    uniform = write(tmp_path, head + "b,x,5\nc,y,1\n", "u.csv")
    ratings = read_own_pair(biased, uniform)
    assert ratings.user_names == ("a", "b", "c")
    assert len(ratings.biased) == len(ratings.random) == 2
    write(tmp_path, head + "b,x,5\nc,y,bad\n", "u.csv")
    with pytest.raises(DataError, match=r"u\.csv, row 3, column rating"):
        read_own_pair(biased, uniform)


FAULTS = {
    "empty file": ("", "got 'an empty file'"),
    "header only": (HEAD, "got 'no ratings'"),
    "blank rows only": (HEAD + "\n,,,\n", "got 'no ratings'"),
    "not text": (b"user,item\xff\xfe\n", "UTF-8"),
    "missing column": ("user,item,rating\na,x,1\n", "row 1: got .* name the column source"),
    "column twice": (GOOD.replace("source", "source,User", 1).replace("d\n", "d,1\n")
                     .replace("m\n", "m,1\n"), "row 1: got .* rename one user column"),
    "semicolons": (GOOD.replace(",", ";"), "separated by commas"),
    "row too long": (GOOD + "cat,x,1,biased,1,2\n", "row 6: got '6 columns'; allowed: 4 columns"),
    "all rows too long": (HEAD + "a,x,1,biased,9\nb,x,1,biased,9\n", "row 2: got '5 columns'"),
    "row too short": (GOOD + "cat,x\n", "row 6, column source: got ''"),
    "open quote": (GOOD + '"cat,x,1,biased\n', "a double quote never closed"),
    "no user": (GOOD + " ,x,1,biased\n", "row 6, column user: got ''; allowed: an id"),
    "no item": (GOOD + "cat,,1,biased\n", "row 6, column item: got ''"),
    "text rating": (GOOD + "cat,x,good,biased\n", "row 6, column rating: got 'good'"),
    "rating after a blank row": (GOOD + "\ncat,x,good,biased\n", "row 7, column rating"),
    "blank rating": (GOOD + "cat,x,,uniform\n", "row 6, column rating: got ''"),
    "nan rating": (GOOD + "cat,x,nan,biased\n", "row 6, column rating: got 'nan'; allowed: a fin"),
    "infinite rating": (GOOD + "cat,x,-inf,uniform\n", "row 6, column rating: got '-inf'"),
    "unknown source": (GOOD + "cat,x,1,random\n", "row 6, column source: got 'random'.*uniform"),
    "duplicate pair": (GOOD + "cat,x,1,biased\nann,x,4,biased\n",
                       "rows 2 and 7: got 'user ann, item x twice'"),
    "no uniform rows": (HEAD + "a,x,1,biased\na,y,5,biased\n", "column source: got 'no uniform"),
    "no biased rows": (HEAD + "a,x,1,uniform\na,y,5,uniform\n", "column source: got 'no biased"),
    "one row": (HEAD + "a,x,1,biased\n", "no uniform row"),
    "one biased row": (HEAD + "a,x,5,biased\na,x,1,uniform\nb,x,5,uniform\n", "got '1 rating'"),
    "one class": (GOOD.replace("bob,y,1", "bob,y,5"),
                  "biased rows: got '2 ratings, 2 positive'.*one below"),
    "one uniform class": (GOOD.replace("ann,y,4", "ann,y,2"), "uniform rows: got '2 ratings, 0 p"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_clear_sentence(tmp_path, fault):
    text, message = FAULTS[fault]
    with pytest.raises(DataError, match=message) as caught:
        read_own(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("bad", ["0", "1.01", "-0.5", "", "nan", "high"])
def test_a_propensity_that_is_no_probability_is_refused(tmp_path, bad):
    text = GOOD.replace("\n", ",0.5\n").replace("source,0.5", "source,propensity")
    assert read_own(write(tmp_path, text)).given_propensity.tolist() == [0.5, 0.5]
    with pytest.raises(DataError, match=f"row 3, column propensity: got '{bad}'"):
        read_own(write(tmp_path, text.replace("bob,y,1,biased,0.5", f"bob,y,1,biased,{bad}")))


def test_a_path_that_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(DataError, match="a file that exists") as caught:
            read_own(path)
        assert caught.value.field == "dataset"


def test_a_broken_parquet_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="a Parquet file"):
        read_own(write(tmp_path, b"PAR1 not really", "mine.parquet"))


def test_a_pair_may_stand_in_both_sources(tmp_path):
    assert len(read_own(write(tmp_path, GOOD + "ann,x,5,uniform\n")).random) == 3


# Any id that survives the trimming of blanks that the reader promises.
IDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=6)
PAIRS = st.lists(
    st.tuples(IDS, IDS, st.floats(-100, 0.5), st.sampled_from(["biased", "uniform"])),
    max_size=20,
    unique_by=lambda row: (row[0], row[1], row[3]),
)


@settings(max_examples=60, deadline=None)
@given(rows=PAIRS)
def test_what_is_written_is_what_is_read(tmp_path_factory, rows):
    both = [(f"é {k}", "x", float(k), s) for s in ("biased", "uniform") for k in (0, 1)]
    frame = pd.DataFrame([*rows, *both], columns=["user", "item", "rating", "source"])
    path = tmp_path_factory.mktemp("own") / "mine.csv"
    frame.to_csv(path, index=False)
    ratings = read_own(path)
    found = set()
    for pairs, source in ((ratings.biased, "biased"), (ratings.random, "uniform")):
        users = [ratings.user_names[k] for k in pairs.user]
        items = [ratings.item_names[k] for k in pairs.item]
        found |= {*zip(users, items, pairs.rating.tolist(), [source] * len(pairs), strict=True)}
    assert found == {tuple(row) for row in frame.itertuples(index=False)}


def test_the_sample_is_the_one_its_maker_makes():
    assert SAMPLE.read_text() == sample_text()
    ratings = read_own(SAMPLE)
    assert (len(ratings.biased), len(ratings.random)) == (600, 600)
    assert ratings.given_propensity is not None
