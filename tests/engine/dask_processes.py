"""A real Dask scheduler and real worker processes on loopback, without dashboards and nannies."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from stored import wait_until

from engine import api
from engine.errors import ConfigError

ROOT = Path(__file__).parents[2]


class DaskCluster:
    """Processes of one scheduler; `close` ends them all. Their logs lie in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.processes, self.wanted = [], 0
        about = folder / "scheduler.json"
        options = ("--port", "0", "--no-show", "--scheduler-file", str(about))
        self.scheduler = self._start("dask_scheduler", ROOT, *options)
        try:
            wait_until(lambda: about.exists() and about.read_text().rstrip().endswith("}"))
        except BaseException:
            self.close()
            raise
        self.address = json.loads(about.read_text())["address"]

    def start_workers(self, n, code=ROOT):
        """Worker processes that import the engine from the folder `code`, once all are there."""
        self.wanted += n
        options = (self.address, "--no-nanny", "--nthreads", "1")
        started = [self._start("dask_worker", code, *options) for _ in range(n)]
        wait_until(lambda: self._listed() == self.wanted)
        return started

    def _listed(self):
        with contextlib.suppress(ConfigError):  # too busy to answer
            return api.check_scheduler(self.address).workers

    def _start(self, program, code, *options):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
        hidden = {"COUNTERWEIGHT_DATA", "COUNTERWEIGHT_RUNS"}  # workers need neither
        env = {k: v for k, v in os.environ.items() if k not in hidden}
        with (self.folder / "dask.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--no-dashboard"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**env, "PYTHONPATH": str(code), "DASK_TEMPORARY_DIRECTORY": str(self.folder)},
            )
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(10)
