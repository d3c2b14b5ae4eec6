"""Yahoo! R3 in both layouts; the ratings here are made up, for the real ones may not be kept."""

import pytest

from engine.datasets.music import COMMON, OFFICIAL, read_music
from engine.errors import DataError

ROWS = [(5, 7, 5), (5, 2, 1), (0, 999, 3), (15399, 0, 4)]  # ids from 0


def write(folder, layout, rows=ROWS, head=""):
    lines = [
        layout.sep.join((str(u + layout.first), str(i + layout.first), str(r))) for u, i, r in rows
    ]
    for name in (layout.biased, layout.random):
        (folder / name).write_text(head + "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("layout", "head"), [(OFFICIAL, ""), (COMMON, ""), (COMMON, "uid,iid,rating\n")]
)
def test_both_layouts_give_the_same_ratings(tmp_path, layout, head):
    write(tmp_path, layout, head=head)
    ratings = read_music(tmp_path)
    assert (ratings.n_users, ratings.n_items) == (15_400, 1_000)
    assert [
        *zip(ratings.random.user, ratings.random.item, ratings.random.rating, strict=True)
    ] == ROWS
    assert ratings.biased.user.tolist() == [0, 5, 5, 15399]
    assert ratings.biased.item.tolist() == [999, 2, 7, 0]
    assert ratings.label(ratings.biased).tolist() == [0, 0, 1, 1]
    assert "the release has 311,704 and 54,000" in ratings.notes[1]


def test_the_official_files_come_first(tmp_path):
    write(tmp_path, COMMON, rows=[(1, 1, 1)])
    write(tmp_path, OFFICIAL)
    assert len(read_music(tmp_path).biased) == len(ROWS)


def test_without_files_it_says_who_has_them(tmp_path):
    with pytest.raises(DataError, match="by agreement only") as caught:
        read_music(tmp_path)
    assert "Yahoo Webscope" in caught.value.fix
    assert OFFICIAL.biased in caught.value.allowed


@pytest.mark.parametrize(
    ("layout", "row", "message"),
    [
        (OFFICIAL, (15_400, 0, 3), "row 5, column user: got '15401'; allowed: .* from 1 to 15400"),
        (OFFICIAL, (-1, 0, 3), "row 5, column user: got '0'"),
        (COMMON, (0, 1_000, 3), "row 5, column item: got '1000'; allowed: .* from 0 to 999"),
        (COMMON, (1, 1, 6), "row 5, column rating: got '6'"),
        (COMMON, (1, 1, 0), "row 5, column rating: got '0'"),
        (COMMON, (1, 1, 2.5), "row 5, column rating: got '2.5'"),
        (OFFICIAL, (1, 1, "?"), r"row 5, column rating: got '\?'"),
        (COMMON, ROWS[1], "rows 2 and 5: got 'user 5, item 2 twice'"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, layout, row, message):
    write(tmp_path, layout, rows=[*ROWS, row])
    with pytest.raises(DataError, match=message) as caught:
        read_music(tmp_path)
    assert layout.biased in caught.value.field


def test_a_wrong_separator_is_named(tmp_path):
    write(tmp_path, COMMON)
    (tmp_path / COMMON.biased).write_text("1\t2\t3\n2\t3\t4\n")
    with pytest.raises(DataError, match="row 1, column user"):
        read_music(tmp_path)
