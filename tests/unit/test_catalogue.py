"""The catalogue: names, what is installed, and loading by config."""

import os
import shutil
import subprocess
import sys

import pytest

from engine.config import make_config
from engine.datasets import DATASETS, catalogue, data_home, load
from engine.datasets.coat import read_coat
from engine.errors import ConfigError, DataError


def test_every_data_set_is_described():
    infos = catalogue()
    assert [info.name for info in infos] == list(DATASETS)
    for info in infos:
        assert info.title
        assert info.licence
        assert info.citation
        assert info.how_to_get
        assert info.simulated == info.name.startswith("simulated-")
        assert info.installed or not info.simulated


def test_what_is_installed_is_looked_up_in_the_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_DATA", str(tmp_path))
    assert data_home() == tmp_path
    infos = {info.name: info for info in catalogue()}
    assert not infos["coat"].installed
    assert infos["coat"].where == str(tmp_path / "coat")
    with pytest.raises(DataError, match="datasets get coat"):
        load(make_config(dataset="coat"))
    with pytest.raises(DataError, match="Yahoo Webscope"):
        load(make_config(dataset="music"))
    monkeypatch.delenv("COUNTERWEIGHT_DATA")
    assert str(data_home()) == "data"


def test_the_data_home_may_be_coats_own_folder(coat, monkeypatch):
    folder = DATASETS["coat"].info().where
    monkeypatch.setenv("COUNTERWEIGHT_DATA", folder)
    assert DATASETS["coat"].info().where == folder
    assert len(load(make_config(dataset="coat")).biased) == len(coat.biased)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean simulated-coat") as caught:
        load(make_config(dataset="simulated_coat"))
    assert caught.value.field == "dataset"
    assert "csv:PATH" in caught.value.allowed


def test_a_file_that_changed_is_read_anew(tmp_path):
    path = tmp_path / "mine.csv"
    text = "user,item,rating,source\na,x,5,biased\nb,x,1,biased\na,x,5,uniform\nb,x,1,uniform\n"
    path.write_text(text)
    config = make_config(dataset=f"csv:{path}")
    first = load(config)
    assert load(config) is first
    path.write_text(text + "b,y,3,uniform\n")
    os.utime(path, ns=(1, 1))
    assert len(load(config).random) == 3
    path.unlink()
    with pytest.raises(DataError, match="a file that exists"):
        load(config)


def test_only_what_matters_makes_other_data():
    base = make_config(dataset="simulated-small", confounding="weak", data_seed=3)
    assert load(base) is load(make_config(**{**base.model_dump(), "seed": 9, "lam": 2.0}))
    assert load(base) is not load(make_config(**{**base.model_dump(), "data_seed": 4}))
    assert load(base) is not load(make_config(**{**base.model_dump(), "confounding": "none"}))


def test_coat_copied_elsewhere_reads_the_same(coat, tmp_path):
    copy = shutil.copytree(DATASETS["coat"].info().where, tmp_path / "anywhere")
    assert read_coat(copy).biased.rating.tolist() == coat.biased.rating.tolist()


def test_reading_ratings_needs_no_torch():
    code = "import engine.datasets, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
