"""Handing the queue's groups to the workers of a Dask cluster, one at a time to each.

Workers come and go while the driver runs. One is given a group once it has said that it has this
version; one thread here drives what it trains.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import Future as Local
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import ClusterError
from engine.jobs import scheduler
from engine.jobs.drive import drive
from engine.jobs.remote import CannotHost, Line, RemoteTrainer, SchedulerGone, WorkerBusy
from engine.jobs.trains import TrainerGone
from engine.jobs.version import version
from engine.jobs.worker import BEAT_SECONDS, CHORES_SECONDS, POLL_SECONDS
from engine.store.database import Store
from engine.store.groups import Claim
from engine.store.processes import Process, Watch
from engine.store.queue import claim_next, reclaim
from engine.store.roster import beat
from engine.studies.running import Advancing

if TYPE_CHECKING:
    from distributed import Client

REST_SECONDS = 5.0  # until a worker that trains for another store is asked again


@dataclass
class _Hand:
    """One worker of the cluster, and the thread here that drives what it trains.

    greeting: the version it has, once it has loaded what it needs; None once that is judged.
    """

    address: str
    greeting: Local[str] | None = None
    fits: bool | None = None
    present: bool = True
    takes_tasks: bool = True
    group: Local[None] | None = None
    rests_until: float = 0.0
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    @property
    def free(self) -> bool:
        """Whether a group may be handed to it now."""
        able = self.fits and self.present and self.takes_tasks
        return bool(able and self.group is None and time.monotonic() >= self.rests_until)


class Dispatcher:
    """Works the queue of `store` on the workers of `client`; see `serve_cluster` for the rest."""

    def __init__(
        self,
        store: Store,
        me: Process,
        client: Client,
        address: str,
        quit_asked: Callable[[], bool],
        on_trouble: Callable[[str], object],
        checkpoint_seconds: float,
    ) -> None:
        self.store, self.me, self.client, self.address = store, me, client, address
        self.quit_asked, self.on_trouble = quit_asked, on_trouble
        self.checkpoint_seconds = checkpoint_seconds
        self.hands: dict[str, _Hand] = {}
        self.watch, self.studies = Watch(), Advancing(store)
        self.next_chores = self.next_beat = 0.0
        self.leaving = threading.Event()
        self.alone = self.any_fits = False

    def work(self) -> None:
        """Until asked to quit; every group is back in the queue, or ended, on return."""
        try:
            while not self.quit_asked():
                if time.monotonic() >= self.next_chores:
                    self.next_chores = time.monotonic() + CHORES_SECONDS
                    if not self.store.is_current():
                        return
                    self._do_chores()
                self._hear_greetings()
                self._take_back()
                self._hand_out()
                time.sleep(POLL_SECONDS)
        finally:
            self.leaving.set()
            for hand in self.hands.values():
                hand.thread.shutdown(wait=hand.group is not None)
        for hand in list(self.hands.values()):
            self._outcome(hand)

    def _do_chores(self) -> None:
        if time.monotonic() >= self.next_beat:
            self.next_beat = time.monotonic() + BEAT_SECONDS
            beat(self.store, self.me)
        reclaim(self.store, self.watch)
        self.studies.look()  # a study may have another stage to launch
        if self.client.status != "running":
            raise self._scheduler_gone()
        listed = scheduler.workers(self.client)
        if listed is not None:
            self._update_hands(listed)

    def _update_hands(self, listed: dict[str, bool]) -> None:
        """Greet the workers that are new, and forget those that are gone."""
        for hand in list(self.hands.values()):
            hand.present = hand.address in listed
            hand.takes_tasks = listed.get(hand.address, False)
            if not hand.present and hand.group is None:
                self._drop(hand)
        for address in listed.keys() - self.hands.keys():
            hand = self.hands[address] = _Hand(address)
            hand.greeting = hand.thread.submit(self._greet, hand)
        if not self.hands and not self.alone:
            self.on_trouble(f"The Dask scheduler {self.address} has no workers; waiting for some.")
        self.alone = not self.hands

    def _greet(self, hand: _Hand) -> str:
        # Not as a task: a worker that lacks the function would lose its connection over it.
        try:
            theirs = str(self.client.run(version, workers=[hand.address])[hand.address])
        except (OSError, CancelledError) as error:
            raise TrainerGone(f"The worker {hand.address} does not answer.") from error
        if theirs == version():
            with self._line(hand) as line:
                try:
                    line.ask("prepare")
                except TrainerGone:
                    raise
                except Exception as error:  # torch cannot be imported there, say
                    raise CannotHost(f"{type(error).__name__}: {error}") from error
        return theirs

    def _hear_greetings(self) -> None:
        for hand in list(self.hands.values()):
            if hand.greeting is not None and hand.greeting.done():
                greeting, hand.greeting = hand.greeting, None
                self._judge(hand, greeting)
        hands = self.hands.values()
        if hands and not self.any_fits and all(hand.fits is False for hand in hands):
            raise ClusterError(
                f"None of the {len(hands)} workers of the Dask scheduler {self.address} has "
                f"Counterweight {version()}: nothing was trained; install it on the workers and on "
                "the scheduler."
            )

    def _judge(self, hand: _Hand, greeting: Local[str]) -> None:
        """Whether the worker has this version, by its answer."""
        error = greeting.exception()
        if isinstance(error, TrainerGone) and not isinstance(error, CannotHost):
            return self._drop(hand)  # out of reach; greeted again when the scheduler lists it still
        if error is not None:
            answer = f"cannot run Counterweight {version()} ({' '.join(str(error).split())})"
        else:
            answer = f"has Counterweight {greeting.result()}, this is {version()}"
        hand.fits = error is None and greeting.result() == version()
        self.any_fits = self.any_fits or hand.fits
        if not hand.fits:
            self.on_trouble(
                f"The worker {hand.address} {answer}: it gets nothing to train; install the same "
                "version there."
            )

    def _take_back(self) -> None:
        for hand in list(self.hands.values()):
            if hand.group is not None and hand.group.done():
                self._outcome(hand)

    def _outcome(self, hand: _Hand) -> None:
        """What became of the worker's group; raises what is not the worker's affair."""
        group, hand.group = hand.group, None
        raised = group.exception() if group is not None else None
        if isinstance(raised, WorkerBusy):
            hand.rests_until = time.monotonic() + REST_SECONDS
        elif isinstance(raised, SchedulerGone):
            raise self._scheduler_gone() from raised
        elif isinstance(raised, TrainerGone):
            self._drop(hand)
            if not self.leaving.is_set():
                self.on_trouble(f"{raised} What it trained goes on from its last checkpoint.")
        elif raised is not None:
            raise raised

    def _drop(self, hand: _Hand) -> None:
        hand.thread.shutdown(wait=False)
        self.hands.pop(hand.address, None)

    def _hand_out(self) -> None:
        for hand in self.hands.values():
            if not hand.free:
                continue
            claim = claim_next(self.store, self.me)
            if claim is None:
                self.store.back_up()
                return
            hand.group = hand.thread.submit(self._train, claim, hand)

    def _train(self, claim: Claim, hand: _Hand) -> None:
        with self._line(hand) as line:
            drive(
                self.store,
                claim,
                lambda configs: RemoteTrainer(line, configs, self.store.home),
                quit_asked=self.leaving.is_set,
                checkpoint_seconds=self.checkpoint_seconds,
            )

    def _line(self, hand: _Hand) -> Line:
        return Line(self.client, hand.address, lambda: hand.present, self.leaving.is_set)

    def _scheduler_gone(self) -> ClusterError:
        return ClusterError(
            f"The Dask scheduler {self.address} is gone: what was training is in the queue again "
            "and goes on from its last checkpoint."
        )
