"""Background: training beside the service, by the clock and by the number of new events, in a process of its own.

The process (`serendip train`) stands back behind whatever else wants the processor, uses its own number of threads, and
is watched: more memory, more disk or more time than the settings allow, and it is ended. It ends with this process,
whatever ends that. What it promotes reaches every process of the service as any new model does, by `models/current`
(`deployment`); whatever else becomes of it, the champion answers on.

Memory is watched as it is held (resident), several times a second, and not limited as it is reserved: libraries of
linear algebra reserve many times what they use.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from serendip.data.times import epoch_ms, rfc3339
from serendip.serving.deployment import Deployment
from serendip.serving.storage import measured
from serendip.serving.trainer import Order
from serendip.serving.watching import Watcher
from serendip.store import StoreError, Workspace, rounds, underway
from serendip.store.provenance import Provenance
from serendip.store.rounds import Outcome, Round
from serendip.store.training import TrainingSettings
from serendip.store.underway import Underway

LOOK_EVERY_S = 5.0
WATCH_EVERY_S = 0.2
HOUR_S = 3600.0
MB = 1e6
_RUN = (sys.executable, "-c", "import sys; from serendip.cli import main; sys.exit(main())", "train")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What decides whether a round is due."""

    last_s: float
    """When the last round ended, or else the model in service was fitted; 0: never."""
    seen: int
    """The number of the last event that a round, or else the model in service, has seen."""
    events: int
    """The number of the last event now."""


def due(settings: TrainingSettings, now: Standing, now_s: float) -> str:
    """Why a round is due, empty where none is."""
    came = now.events - now.seen
    if settings.every_events and came >= settings.every_events:
        return f"{came:,} events came since the last round"
    if settings.every_h and came > 0 and now_s - now.last_s >= settings.every_h * HOUR_S:
        return f"{settings.every_h:g} hours have passed since the last round"
    return ""


class Background(Watcher):
    """Begins rounds when they are due and watches over them."""

    def __init__(
        self, workspace: Workspace, deployment: Deployment, settings: TrainingSettings, tell: Callable[[Outcome], None]
    ) -> None:
        """Args: tell: is told what came of each round."""
        self._workspace, self._deployment, self._settings, self._tell = workspace, deployment, settings, tell
        super().__init__("background", LOOK_EVERY_S)
        self._turn = Lock()
        self._asked: Thread | None = None
        self.running = False

    @property
    def scheduled(self) -> bool:
        """Whether rounds ever begin by themselves."""
        return bool(self._settings.every_h or self._settings.every_events)

    def start(self) -> None:
        self._ended.clear()
        underway.read(self._workspace.path)  # a round that ended with the service before this one is written down
        if self.scheduled:
            super().start()

    def stop(self) -> None:
        super().stop()
        if self._asked is not None:
            self._asked.join()

    def begin(self, order: Order) -> bool:
        """Have a round that somebody asks for, which goes on when this returns; whether it does: one at a time."""
        if not self._announced(order):
            return False
        self._asked = Thread(target=self._run_through, args=(order,), name="training", daemon=True)
        self._asked.start()
        return True

    def _announced(self, order: Order) -> bool:
        """Whether the round is ours to run; every process of the service sees it from now on."""
        with self._turn:
            folder, champion = self._workspace.path, self._workspace.current_model()
            if self.running or underway.read(folder) is not None:
                return False
            began, recipe = rfc3339(time.time_ns() // 1_000_000), order.recipe.name if order.recipe else ""
            name = champion.name if champion else None
            events = self._workspace.store.mark().events
            self.running = underway.announce(folder, Underway(began, order.why, order.by, recipe, events, name))
            return self.running

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception:
                _log.exception("a round of training could not be begun or watched")

    def look(self) -> None:
        """Have a round if one is due."""
        try:
            why = due(self._settings, self._standing(), time.time())
        except StoreError:
            return  # what it said is said elsewhere
        order = Order(why=why)
        if why and self._announced(order):
            self._run_through(order)

    def _standing(self) -> Standing:
        events = self._workspace.store.mark().events
        known, current = rounds.read(self._workspace.path), self._deployment.current
        provenance = Provenance.of(current.pipeline.card) if current else None
        seen = provenance.events_to if provenance else 0
        last_s = current.trained_s if current else 0.0
        if known:
            ended_s = (epoch_ms(known[-1].started_at) or 0) / 1000 + known[-1].seconds
            seen, last_s = max(seen, known[-1].events_to), max(last_s, ended_s)
        return Standing(last_s, min(seen, events), events)

    def _run_through(self, order: Order) -> None:
        """Train in a process of its own, and see what comes of it."""
        _log.info("training begins: %s", order.why)
        folder, started_s, mark = self._workspace.path, time.time(), self._workspace.store.mark()
        before = rounds.read(folder)[-1:]
        try:
            fault = self._run(order)
            underway.withdraw(folder)  # where it ended before it began
            other = underway.read(folder, fault)  # what a process that was killed left is written down
        finally:
            self.running = False
        known = rounds.read(folder)[-1:]
        if known == before and other is not None:
            _log.info("training ended: another process was first")
            return
        if known == before:  # it ended before it could write down anything
            spent_s = round(time.time() - started_s, 1)
            known = [Round("failed", fault or "it said nothing", rfc3339(int(started_s * 1000)), spent_s, mark.events)]
            rounds.add(folder, known[0])
        self._workspace.drop_models(())  # the draft it left
        self._announce(known[0])

    def _announce(self, one: Round) -> None:
        self._tell(one.outcome)
        if one.outcome == "failed":
            _log.warning("training failed: %s", one.why)
        else:
            _log.info("training ended, %s: %s", one.outcome, one.why)
        if one.outcome == "promoted":
            self._deployment.look()

    def _run(self, order: Order) -> str:
        """Why the process had to be ended or ended badly; empty where it did its work."""
        with tempfile.TemporaryDirectory() as folder:
            return self._run_with(list(_options(order, Path(folder))))

    def _run_with(self, options: list[str]) -> str:
        threads = str(self._settings.threads or os.cpu_count() or 1)
        reading, alive = os.pipe()
        try:
            process = subprocess.Popen(
                [*_RUN, str(self._workspace.path), "--lifeline", str(reading), *options],
                env=os.environ | dict.fromkeys(_THREADS, threads),
                pass_fds=[reading],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            try:
                return self._watched(process)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
        finally:
            os.close(reading)
            os.close(alive)

    def _watched(self, process: subprocess.Popen[bytes]) -> str:
        limit, started_s = self._settings, time.monotonic()
        while process.poll() is None:
            if self._ended.wait(WATCH_EVERY_S):
                return "the service ended"
            if limit.most_memory_mb and resident_mb(process.pid) > limit.most_memory_mb:
                return f"it held more than {limit.most_memory_mb:,} MB of memory"
            if limit.most_disk_mb and drafts_mb(self._workspace.models_dir) > limit.most_disk_mb:
                return f"it wrote more than {limit.most_disk_mb:,} MB"
            if time.monotonic() - started_s > limit.most_h * HOUR_S:
                return f"it took more than {limit.most_h:g} hours"
        if process.returncode < 0:
            return f"it was ended by {signal.Signals(-process.returncode).name}"
        return f"it ended with status {process.returncode}" if process.returncode else ""


def _options(order: Order, folder: Path) -> Iterator[str]:
    """An order as options of `serendip train`; `folder` holds what they name."""
    yield from ("--why", order.why)
    if order.by is not None:
        yield from ("--by", order.by)
    if order.anyway:
        yield "--anyway"
    if order.recipe is not None:
        file = folder / "asked.toml"
        file.write_text(order.recipe.to_toml(), encoding="utf-8")
        yield from ("--recipe", str(file))


def resident_mb(process: int) -> float:
    """The memory that a process holds, 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def drafts_mb(models_dir: Path) -> float:
    """What models that are being written take on the disk."""
    return sum(measured(draft).bytes for draft in models_dir.glob("*.tmp")) / MB


def stand_back(settings: TrainingSettings) -> None:
    """Let whatever else wants the processor go first."""
    if hasattr(os, "nice"):
        os.nice(settings.niceness)


def end_with(lifeline: int) -> None:
    """End this process, at once, when nobody holds the other end of the pipe: when its parent is gone."""

    def watch() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    Thread(target=watch, name="lifeline", daemon=True).start()
