"""The command line as a user has it: real processes, their output and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.app import main

ROOT = Path(__file__).resolve().parents[2]


def engine(*arguments, home, check=True):
    environment = {**os.environ, "COUNTERWEIGHT_RUNS": str(home)}
    result = subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=240,
    )
    assert "Traceback" not in result.stderr
    if check:
        assert result.returncode == 0, result.stderr
    return result


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(home):
    return lines(engine("train", "--epochs", "3", "--lam", "4", "--json", home=home))


def test_train_tells_each_epoch_and_then_the_end(trained):
    epochs, end = trained[:-1], trained[-1]
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    for row in epochs:
        assert row["event"] == "epoch"
        assert 0 < row["entropy"] <= 1
        assert 0 < row["ess"] <= 1
        assert isinstance(row["violation"], float)
        assert set(row["validation"]) == {"auc", "ndcg5", "ndcg10", "mse", "log_loss"}
        assert row["blocks"]["observed"]["ess"] == row["ess"]
    assert end["event"] == "finished"
    assert end["state"] == "finished"
    assert end["best_epoch"] in (1, 2, 3)
    assert end["epoch_seconds"] > 0
    for part in ("validation", "test", "test_clean"):
        assert 0 < end[part]["auc"] < 1


def test_the_violation_is_null_without_balancing(home):
    rows = lines(engine("train", "--epochs", "1", "--balance", "none", "--json", home=home))
    assert rows[0]["violation"] is None
    assert rows[0]["entropy"] is None
    assert isinstance(rows[0]["violation_uniform"], float)


def test_the_same_command_gives_the_same_numbers(trained, home):
    again = lines(engine("train", "--epochs", "3", "--lam", "4", "--json", home=home))
    assert again[-1]["test"] == trained[-1]["test"]
    assert again[-1]["run"] != trained[-1]["run"]


def test_runs_are_listed_and_shown(trained, home):
    run = trained[-1]["run"]
    listed = lines(engine("runs", "list", "--json", home=home))[0]
    assert run in {row["run"] for row in listed}
    shown = json.loads(engine("runs", "show", run, "--json", home=home).stdout)
    assert shown["config"]["lam"] == 4.0
    assert shown["test"] == trained[-1]["test"]
    assert run in engine("runs", "list", home=home).stdout
    assert "test" in engine("runs", "show", run, home=home).stdout


def test_train_without_json_prints_a_table(home):
    out = engine("train", "--epochs", "2", "--twin", home=home).stdout
    assert out.count("test_clean") == 2  # the run's and its twin's
    assert "true ideal loss" in out


def test_catalogues(home):
    names = {row["name"] for row in lines(engine("datasets", "--json", home=home))[0]}
    assert {"simulated-small", "simulated-coat", "simulated-music", "coat", "music"} <= names
    methods = lines(engine("methods", "--json", home=home))[0]
    assert {row["name"] for row in methods} >= {"mf", "ips"}
    assert "coat" in engine("datasets", home=home).stdout
    assert "IPS" in engine("methods", home=home).stdout


def test_a_run_that_diverges_fails_in_words_and_exits_with_1(home):
    wild = ("--optimizer", "sgd", "--lr", "5", "--epochs", "3", "--json")
    result = engine("train", *wild, home=home, check=False)
    assert result.returncode == 1
    end = lines(result)[-1]
    assert end["state"] == "failed"
    assert "lower lr" in end["error"]


def test_report_prints_every_system_with_intervals_and_published_numbers(home):
    """On the smallest data, two seeds: the columns and the pairing, not the statistics."""
    rows = lines(
        engine(
            "report", "simulated-small", "--seeds", "2", "--methods", "mf,ips", "--json", home=home
        )
    )
    systems = {(row["method"], row["balance"], tuple(row["moments"] or ())) for row in rows}
    balances = {("learned", ("e",)), ("learned", ("e", "r")), ("exact", ("e",)), ("none", ())}
    for method in ("mf", "ips"):
        assert balances <= {(b, m) for name, b, m in systems if name == method}
    of_base = {(row["method"], row["metric"]) for row in rows if row["balance"] == "none"}
    assert ("ips", "auc") in of_base
    for row in rows:
        assert row["low"] <= row["mean"] <= row["high"]
        assert row["seeds"] == 2
        assert row["published"] is None  # nobody published numbers on simulated ratings
        if (row["method"], row["metric"]) in of_base:  # facts of weights have nothing to gain over
            assert (row["gain"] is None) == (row["balance"] == "none")
        assert row["config"]["lam"] == (0.0 if row["balance"] in ("none", "oracle") else 4.0)
    assert {"auc", "auc_clean", "mse", "true_loss"} <= {row["metric"] for row in rows}


def test_bench_prints_a_row_a_case(home):
    rows = lines(engine("bench", "--no-music", "--json", home=home))
    assert {"case", "engine_seconds", "target"} <= set(rows[0])
    assert all(row["engine_seconds"] > 0 for row in rows)
    assert any("25 runs" in row["case"] for row in rows)


BAD = [
    (["--lam", "-1"], ["lam", "-1", "from 0"]),
    (["--lam", "nan"], ["lam", "nan", "finite"]),
    (["--lam", "much"], ["lam", "much", "number"]),
    (["--epochs", "0"], ["epochs", "0", "from 1"]),
    (["--dataset", "coats"], ["dataset", "coats", "simulated-small"]),
    (["--method", "ipss"], ["method", "ipss", "mf, ips"]),
    (["--balance", "lerned"], ["balance", "lerned", "did you mean learned?"]),
    (["--lamda", "1"], ["--lamda"]),
    (["--moments", "x"], ["moments", "x", "e_by_popularity, r"]),
    (["--moments", "e,e"], ["moments", "once"]),
    (["--uniform-fraction", "0.0001"], ["uniform_fraction", "positive"]),
    (["--uniform-fraction", "0.9"], ["uniform_fraction", "0.5"]),
    (["--method", "mf", "--propensity", "given"], ["propensity", "given", "constant"]),
    (["--dataset", "csv:no-such-file.csv"], ["no-such-file.csv", "exists"]),
    (["--dataset", "coat", "--data", "tests"], ["coat", "datasets get coat"]),
    (["--dataset", "music", "--data", "tests"], ["music", "Webscope"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=lambda value: " ".join(value))
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, words, home, monkeypatch, capsys):
    """In this process, for speed: `main` is all that `python -m engine` runs."""
    monkeypatch.setattr(sys, "argv", ["engine", "train", *arguments])
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(home))
    monkeypatch.setenv("COUNTERWEIGHT_DATA", os.environ.get("COUNTERWEIGHT_DATA", "data"))
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    for word in words:
        assert word in said.err


def test_an_unknown_run_is_said_in_words(home):
    result = engine("runs", "show", "nobody", home=home, check=False)
    assert result.returncode == 2
    assert "nobody" in result.stderr


def test_coat_trains_from_the_command_line(coat, home):
    wanted = ("--dataset", "coat", "--method", "ips", "--lam", "1", "--seed", "0")
    rows = lines(engine("train", *wanted, "--epochs", "5", "--json", home=home))
    assert rows[-1]["facts"]["n_test"] == 4176
    assert rows[-1]["test"]["auc"] > rows[-1]["test_clean"]["auc"]


def test_study_trains_with_workers_and_goes_on_where_it_was(tmp_path):
    home, saved = tmp_path / "runs", tmp_path / "gallery"
    small = ("study", "lambda", "--methods", "mf", "--epochs", "2", "--workers", "1", "--json")
    first = engine(*small, "--values", "0,1/4", "--seeds", "1", home=home)
    assert "2 of 2 runs to train" in first.stderr
    rows = [row for row in lines(first) if row["metric"] == "test_auc"]
    assert [(row["series"], row["x"], row["n"]) for row in rows] == [
        ("mf", 0.0, 1),
        ("mf", 0.25, 1),
    ]
    wider = (*small, "--values", "0,1/4,1", "--seeds", "2", "--save", str(saved))
    second = engine(*wider, home=home)
    assert "4 of 6 runs to train, about" in second.stderr
    assert lines(second)[0]["mean"] != rows[0]["mean"]  # now over two seeds
    made = json.loads(next(saved.glob("lambda-simulated-small.json")).read_text())["made"]
    assert made["command"].endswith("study lambda --methods mf --epochs 2 --workers 1 "
                                    "--values 0,1/4,1 --seeds 2")  # fmt: skip
    third = engine(*wider, home=home)
    assert "to train" not in third.stderr
    assert lines(third) == lines(second)


def test_what_makes_no_study_is_one_sentence_and_exits_with_2(home):
    for given, words in (
        (("lamda",), ["kind", "lambda"]),
        (("lambda", "--values", "0,x"), ["values", "x"]),
        (("lambda", "--seeds", "0"), ["seeds"]),
        (("lambda", "--dataset", "music"), ["music"]),
        (("uniform", "--values", "0.5"), ["uniform_fraction", "0.5"]),
    ):
        result = engine("study", *given, home=home, check=False)
        assert result.returncode == 2, result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        for word in words:
            assert word in result.stderr
