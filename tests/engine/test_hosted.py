"""What runs on a Dask worker, here without one: a trainer that moves only when it is asked to."""

import gc
import pickle
import threading

import pytest
import torch
from small_runs import make
from stored import undisturbed

from engine.errors import TrainingError
from engine.events import BlockDone, GroupEpoch
from engine.jobs import hosted
from engine.jobs.building import build, tuned
from engine.jobs.hosted import Busy, Hosted, Raised, Task
from engine.jobs.remote import RemoteTrainer


@pytest.fixture
def host():
    found = Hosted()
    yield found
    found.leave()


def rest_of(host):
    events = []
    while (event := host.advance((), False)[0]) is not None:
        assert not isinstance(event, Raised), event.trace
        events.append(event)
    return events


def losses(events):
    return [row.loss for event in events if isinstance(event, GroupEpoch) for row in event.runs]


def test_it_tells_epochs_and_blocks_only_after_a_while(host, monkeypatch):
    task = Task({"a": make()})
    with tuned():
        here = list(build(task.configs).events())
    assert host.begin(task) is None
    told = rest_of(host)
    assert losses(told) == losses(here)
    assert [type(event) for event in told] == [GroupEpoch] * 3
    host.leave()
    monkeypatch.setattr(hosted, "EXCHANGE_SECONDS", 0.0)
    assert host.begin(task) is None
    assert [type(event) for event in rest_of(host)] == [type(event) for event in here]


def test_its_state_is_that_of_the_last_event_told(host, monkeypatch):
    monkeypatch.setattr(hosted, "EXCHANGE_SECONDS", 0.0)
    task = Task({"a": make(), "b": make(seed=1)})
    host.begin(task)
    told = [host.advance((), False)[0] for _ in range(6)]
    tensors, meta = pickle.loads(pickle.dumps(host.state(())))
    assert isinstance(told[-1], BlockDone)
    assert (meta["epoch"], meta["block"]) == (told[-1].epoch - 1, told[-1].block)
    rest = rest_of(host)
    host.leave()
    host.begin(task)
    assert host.restore(tensors, meta) == (meta["epoch"], meta["block"], 0)
    assert losses(rest_of(host)) == losses(rest) != []


def test_a_run_is_stopped_at_the_next_block_boundary(host):
    host.begin(Task({"a": make(), "b": make(seed=1)}))
    host.advance((), False)[0]
    event = host.advance([("stop", ("b",))], False)[0]
    assert [(done.run, done.state) for done in event.done] == [("b", "stopped")]
    assert [row.run for row in host.advance((), False)[0].runs] == ["a"]


class Here:
    """A line to a trainer in this process."""

    def __init__(self, host):
        self.host = host

    def ask(self, method, *arguments):
        answer = getattr(self.host, method)(*arguments)
        assert not isinstance(answer, Raised), answer.trace
        return answer


@pytest.mark.parametrize("place", [(1, 0, 0), (1, 2, 0)])
def test_lam_moved_is_moved_again_at_its_place_though_blocks_are_not_told(host, tmp_path, place):
    def remote(configs):
        return RemoteTrainer(Here(host), configs, tmp_path)

    moves = [(0, place, 64.0)]
    there, _ = undisturbed(tmp_path / "there", [make()], remote, moves)
    here, _ = undisturbed(tmp_path / "here", [make()], build, moves)
    assert there.equals(here)
    assert here.lam[:3].tolist() == [4.0, 64.0, 64.0]


def test_one_process_trains_one_group_at_a_time(host):
    other = Hosted()
    other.begin(Task({"a": make()}))
    assert isinstance(host.begin(Task({"b": make()})), Busy)
    del other  # its driver has died: Dask drops it
    gc.collect()
    assert host.begin(Task({"b": make()})) is None
    host.leave()
    again = Hosted()
    assert again.begin(Task({"c": make()})) is None
    again.leave()


def test_one_thread_while_it_trains_and_as_before_afterwards(host):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        host.begin(Task({"a": make()}))
        assert torch.get_num_threads() == 1
        host.leave()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


class Stubborn(Exception):  # noqa: N818 (an error that cannot travel)
    def __init__(self, words):
        super().__init__(words)
        self.held = threading.Lock()


@pytest.mark.parametrize(
    ("error", "words", "traced"),
    [
        (TrainingError("Lower lr."), "TrainingError: Lower lr.", False),
        (OSError("no such file"), "OSError: no such file", True),
        (Stubborn("this and that"), "RuntimeError: Stubborn: this and that", True),
    ],
)
def test_what_the_trainer_raises_is_an_answer(host, monkeypatch, error, words, traced):
    def broken(self):
        raise error

    host.begin(Task({"a": make()}))
    monkeypatch.setattr("engine.training.trainer.Trainer.state", broken)
    raised = pickle.loads(pickle.dumps(host.state(())))
    assert f"{type(raised.error).__name__}: {raised.error}" == words
    assert ("in broken" in raised.trace) == traced
