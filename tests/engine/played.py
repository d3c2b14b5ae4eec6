"""Workers' turns on a store of its own, for tests of steps, speed, lam by hand and branches."""

from fake_trainer import build
from small_runs import tiny

from engine import api
from engine.events import BlockDone, GroupEpoch
from engine.jobs.building import tuned
from engine.jobs.drive import drive
from engine.store.processes import Process
from engine.store.queue import claim_next
from engine.training.trainer import Trainer

ME = Process.here()


def real(configs):
    return Trainer(configs, tiny())


def train(builder=build, **options):
    """Let one worker's turn pass; how it left the group."""
    claim = claim_next(api.open_runs(), ME)
    assert claim is not None
    with tuned():
        return drive(api.open_runs(), claim, builder, **options)


def leave_at(epoch, block=0):
    """`quit_asked`, true once a number of blocks is trained."""
    seen = [0, 0]

    def watch(event):
        if isinstance(event, BlockDone):
            seen[:] = [event.epoch - 1, event.block]
        elif isinstance(event, GroupEpoch):
            seen[:] = [event.epoch, 0]

    return {"on_event": watch, "quit_asked": lambda: seen >= [epoch, block]}


def numbers(launch, upto=None):
    frame = api.epochs(launch.all_runs)
    frame = frame if upto is None else frame[frame.epoch <= upto]
    seconds = [c for c in frame if c.startswith("seconds_")]
    return frame.drop(columns=["run", *seconds]).reset_index(drop=True)


def states(launch):
    return set(api.runs(launch.id).state)


def waiting():
    return api.open_runs().read("SELECT * FROM controls")


def moves(launch):
    frame = api.interventions(launch.id)
    return frame[["run", "epoch", "block", "half", "old", "new"]].to_numpy().tolist()


def move_lam_at(launch, where, lam, run=None):
    def watch(event):
        if isinstance(event, BlockDone) and (event.epoch, event.block) == where:
            api.set_lam(launch.id, lam, run)

    return watch
