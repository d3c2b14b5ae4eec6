"""`tune` and `train --settings` as a user has them, in this process for speed."""

import json
import sys

import pytest

from engine.cli.app import main
from engine.presets.files import read_settings


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["engine", *arguments])
        monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def test_the_command_writes_settings_that_train_starts_from(command, tmp_path):
    asked = ("tune", "--method", "dr", "--lam", "4", "--seed", "2", "--epochs", "2")
    out = tmp_path / "deep" / "dr.json"
    code, said, _ = command(*asked, "--trials", "3", "--out", str(out), "--json")
    assert code == 0
    *trials, end = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in (*trials, end)] == ["trial"] * 3 + ["tuned"]
    tuned = read_settings(out)
    assert (tuned.method, tuned.seed, tuned.trials, tuned.config.lam) == ("dr", 2, 3, 4.0)
    assert end["value"] == tuned.value == max(line["value"] for line in trials)
    code, said, _ = command("train", "--settings", str(out), "--json")
    assert json.loads(said.splitlines()[-1])["validation"]["auc"] == tuned.value
    code, said, _ = command(*asked, "--trials", "3")
    assert code == 0
    assert f"{tuned.value:.4f}" in said
    assert "3 trials" in said
    assert len(list((tmp_path / "runs" / "tuned").glob("*.json"))) == 1
    code, said, err = command("train", "--settings", str(out), "--dataset", "coat")
    assert (code, said) == (2, "")
    assert "simulated-small" in err
    code, _, err = command("train", "--settings", str(out), "--method", "ips")
    assert code == 2
    assert "dr" in err


BAD = [
    (("--trials", "0"), "--trials"),
    (("--metric", "ndcg"), "one of auc, ndcg5, log_loss, mse"),
    (("--dataset", "coats"), "simulated-small"),
    (("--balance", "exact", "--method", "cause"), "balance"),
    (("--lam", "x"), "lam"),
    (("--split-seed", "1"), "split-seed"),
]


@pytest.mark.parametrize(("arguments", "word"), BAD, ids=lambda value: str(value))
def test_bad_input_is_one_sentence(command, arguments, word):
    code, said, err = command("tune", *arguments)
    assert (code, said) == (2, "")
    assert word in err


def test_without_optuna_one_sentence_says_what_to_do(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = command("tune", "--trials", "1", "--epochs", "1")
    assert code == 2
    assert "pip install '.[tune]'" in err
    assert len(err.splitlines()) == 1
