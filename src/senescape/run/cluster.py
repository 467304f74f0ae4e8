"""Who computes, on many machines: the workers of a Dask scheduler, in the shape of an executor.

Dask's own ``get_executor()`` cannot be told to give up what waits (``cancel_futures``), waits
without end where the scheduler has died, and gives work to workers with other versions. Here a lost
scheduler, no workers and workers that would give other bytes are each a refusal in one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import logging
import math
import pickle
import platform
import re
import stat
import threading
import time
import urllib.parse
import warnings
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from pathlib import Path
from typing import Any

import numpy as np

from senescape.errors import RunError
from senescape.results.provenance import package_versions
from senescape.store.recipe import differences
from senescape.store.versions import code_version

CONNECT_SECONDS = 10.0  # for a scheduler to answer
WORKER_SECONDS = 60.0  # for the first worker, and for all to say what they compute with
LONELY_SECONDS = 300.0  # without any worker, before a run gives up
LOOK_SECONDS = 1.0
CLOSE_SECONDS = 0.5
SCHEMES = ("tcp", "tls")
LARGEST_FILE = 1 << 20  # bytes of a scheduler's file
MOST_SHOWN = 3
ARITHMETIC = "arithmetic of processor and C library"
INSTALL = "pip install 'senescape[cluster]'"
AGAIN = "start it again, then the same command: with --store what was acknowledged is kept"


def on_scheduler(address: str, *, connect_seconds: float = CONNECT_SECONDS) -> Executor:
    """Return an executor whose tasks run on the workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        ``tcp://HOST:PORT``, ``tls://HOST:PORT``, or the path of the file that a scheduler writes
        (``dask scheduler --scheduler-file FILE.json``).
    connect_seconds : float
        For the scheduler to answer [s].

    Returns
    -------
    Executor
        Its shutdown cancels what is not finished and takes leave of the scheduler, which goes on.

    Raises
    ------
    RunError
        As :class:`Cluster`.
    """
    return _Borrowed(Cluster(address, connect_seconds=connect_seconds), closing=True)


class Cluster:
    """The workers of a scheduler, all of which compute with what this process computes with.

    Parameters
    ----------
    address : str
        See :func:`on_scheduler`.
    connect_seconds, worker_seconds : float
        For the scheduler to answer, and for the first worker to be there [s].
    quiet : bool
        Silence what Dask would log in this process; what matters is raised.

    Attributes
    ----------
    count : int
        How many tasks run at once, now.

    Raises
    ------
    RunError
        The extra is not installed; an address that is none; nobody answers; no workers; workers
        whose versions, source or arithmetic are others.

    Notes
    -----
    Compared are the versions of senescape, numpy, numba, llvmlite, scipy, distributed and Python
    (two numbers), the SHA-256 of the source that makes numbers, the machine type, whether kernels
    are compiled, and the bytes of some exponentials, logarithms and powers, which differ between
    processors and C libraries. A worker that comes later compares before its first task.
    """

    def __init__(
        self,
        address: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        worker_seconds: float = WORKER_SECONDS,
        quiet: bool = False,
    ) -> None:
        self.address = address_of(address)
        self.mine = fingerprint()
        self.count = 0
        self._lock = threading.Lock()
        self._open: dict[Future[Any], Future[None]] = {}
        self._lost: RunError | None = None
        self._client: Any = None
        self._watching: Future[None] | None = None
        client = _client_class(address, quiet=quiet)
        # a loop of our own: Dask's calls from other threads wait without end
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, daemon=True, name="senescape-cluster"
        )
        self._thread.start()
        try:
            self._ask(self._connect(client, connect_seconds), connect_seconds + CLOSE_SECONDS)
            self._ask(self._meet(worker_seconds), worker_seconds + WORKER_SECONDS)
        except BaseException:
            self.close()
            raise
        self._watching = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def executor(self) -> Executor:
        """Return an executor; many may be used one after the other."""
        return _Borrowed(self)

    def close(self) -> None:
        """Take leave of the scheduler, which forgets what it was given; a second time is none."""
        if not self._thread.is_alive():
            return
        if self._watching is not None:
            self._watching.cancel()
        with self._lock:
            tasks = set(self._open)
        self.give_up(tasks)
        with contextlib.suppress(Exception):  # a scheduler that hangs is not waited for
            self._ask(self._leave(), 2.0 * CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)

    def hand_out(self, call: tuple[Any, ...]) -> Future[Any]:
        """Send (function, arguments, keywords) to a worker; called by the executor."""
        outer: Future[Any] = Future()
        outer.set_running_or_notify_cancel()  # whether it runs or waits, only the scheduler knows
        payload = pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
        follow = asyncio.run_coroutine_threadsafe(self._follow(payload, outer), self._loop)
        with self._lock:
            self._open[outer] = follow
        outer.add_done_callback(self._forget)
        if self._lost is not None:
            _settle(outer, error=self._lost)
        return outer

    def give_up(self, tasks: set[Future[Any]]) -> None:
        """Cancel tasks on the cluster; what a worker is at, it finishes for nobody."""
        with self._lock:
            follows = [self._open[task] for task in tasks if task in self._open]
        for follow in follows:
            follow.cancel()
        for task in tasks:
            _settle(task, error=RuntimeError("the executor was shut down"))

    def _ask(self, what: Coroutine[Any, Any, Any], seconds: float) -> None:
        asked = asyncio.run_coroutine_threadsafe(what, self._loop)
        try:
            asked.result(seconds)
        except (OSError, TimeoutError, CancelledError):
            raise _gone(self.address) from None
        finally:
            asked.cancel()

    def _forget(self, outer: Future[Any]) -> None:
        with self._lock:
            self._open.pop(outer, None)

    async def _connect(self, client: Any, seconds: float) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # versions are compared by us
                self._client = client(
                    self.address, timeout=seconds, set_as_default=False, asynchronous=True
                )
                await asyncio.wait_for(self._client, seconds)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
            raise _unreachable(self.address, seconds, error) from None

    async def _meet(self, seconds: float) -> None:
        """Wait for the first worker and ask all what they compute with."""
        deadline = time.monotonic() + seconds
        while not await self._threads():
            if time.monotonic() > deadline:
                raise _lonely(self.address, seconds)
            await asyncio.sleep(0.2)
        said = await self._client.run(fingerprint, on_error="return")
        others = {}
        for worker, found in sorted(said.items()):
            if isinstance(found, OSError):
                continue  # it has left meanwhile
            if not isinstance(found, Mapping):
                others[worker] = f"{type(found).__name__}: {found}"
            elif found != self.mine:
                others[worker] = _told(self.mine, found)
        if others:
            worker, what = next(iter(others.items()))
            raise _other(f"{len(others)} of {len(said)} workers do, the first at {worker}: {what}")

    async def _follow(self, payload: bytes, outer: Future[Any]) -> None:
        """Have a task done and take over how it ends; letting go of it cancels it."""
        from distributed import KilledWorker

        inner = None
        try:
            inner = self._client.submit(_work, self.mine, payload, pure=False)
            _settle(outer, value=await inner)
        except KilledWorker as error:
            _settle(outer, error=_died(error.allowed_failures + 1))
        except (CancelledError, OSError):  # not by us: our own cancelling is no Exception
            _settle(outer, error=self._lost or _gone(self.address))
        except Exception as error:
            closed = self._client.status != "running"
            _settle(outer, error=_gone(self.address) if closed else error)
        finally:
            if inner is not None:
                inner.release()

    async def _watch(self) -> None:
        """See whether the scheduler and a worker are there, until closed."""
        seen = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if self._client.status != "running":
                    raise OSError
                threads = await self._threads()
            except Exception:
                self._lose(_gone(self.address))
                return
            if threads:
                seen = time.monotonic()
            elif time.monotonic() - seen > LONELY_SECONDS:
                self._lose(_lonely(self.address, LONELY_SECONDS))
                return

    def _lose(self, error: RunError) -> None:
        self._lost = error
        with self._lock:
            tasks = list(self._open)
        for task in tasks:
            _settle(task, error=error)

    async def _threads(self) -> int:
        threads = sum((await self._client.nthreads()).values())
        self.count = threads or self.count
        return threads

    async def _leave(self) -> None:
        await asyncio.sleep(0)  # what was cancelled lets go first
        if self._client is not None:
            try:
                await asyncio.wait_for(self._client.close(), CLOSE_SECONDS)
            finally:
                self._client.status = "closed"  # else it waits again when it is collected


class _Borrowed(Executor):
    """An executor on a cluster; ``count`` is how many tasks run at once, now."""

    def __init__(self, cluster: Cluster, *, closing: bool = False) -> None:
        self._cluster, self._closing = cluster, closing
        self._tasks: set[Future[Any]] = set()
        self._ended = False

    @property
    def count(self) -> int:
        return self._cluster.count

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand out a task; function, arguments and result are pickled."""
        if self._ended:
            raise RuntimeError("the executor was shut down")
        task = self._cluster.hand_out((fn, args, kwargs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel what waits (and, without waiting, what runs); a borrowed cluster goes on."""
        self._ended = True
        if wait and not cancel_futures:
            for task in list(self._tasks):
                task.exception()
        self._cluster.give_up(set(self._tasks))
        if self._closing:
            self._cluster.close()


def address_of(given: str) -> str:
    """Return the address that was given, or that stands in the file of a scheduler.

    Raises
    ------
    RunError
        Neither; a file that cannot be read or holds no address.

    Examples
    --------
    >>> address_of("tcp://127.0.0.1:8786")
    'tcp://127.0.0.1:8786'
    """
    if "://" in given:
        return _checked(given, given)
    path = Path(given)
    try:
        if path.suffix != ".json":
            raise ValueError("no address, and no file that ends with .json")
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is no file")  # a pipe would be waited for
        with path.open("rb") as file:
            data = json.loads(file.read(LARGEST_FILE))
        found = data["address"]
        if not isinstance(found, str):
            raise TypeError("its address is no text")
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        reason = "it holds no address" if isinstance(error, LookupError | TypeError) else text
        raise _no_address(given, str(reason)) from None
    return _checked(found, given)


def _checked(address: str, given: str) -> str:
    try:
        parts = urllib.parse.urlsplit(address)
        right = parts.scheme in SCHEMES and bool(parts.hostname) and bool(parts.port)
        rest = parts.path + parts.query + parts.fragment + (parts.username or "")
    except ValueError:
        right, rest = False, ""
    if not right or rest or re.search(r"\s", address):
        raise _no_address(given, "it is no tcp://HOST:PORT")
    return address


@functools.lru_cache(maxsize=1)
def fingerprint() -> dict[str, str]:
    """Return what must be equal on every worker for results to be equal to the last bit."""
    return {
        **code_version(),
        **package_versions(("distributed",)),
        "python": ".".join(platform.python_version_tuple()[:2]),
        ARITHMETIC: _arithmetic(),
    }


def _arithmetic() -> str:
    """Return a digest of functions whose last bits depend on the processor and the C library."""
    numbers = np.linspace(0.01, 30.0, 2001)
    found = [np.exp(numbers), np.log(numbers), np.expm1(-numbers), np.power(numbers, 1.7)]
    found += [np.sin(numbers), np.tanh(numbers), np.cbrt(numbers)]
    functions = (math.exp, math.log, math.log1p, math.lgamma, math.sqrt)
    found += [np.array([f(x) for x in numbers.tolist()]) for f in functions]
    found.append(np.array([x**1.7 for x in numbers.tolist()]))
    return hashlib.sha256(b"".join(part.tobytes() for part in found)).hexdigest()[:16]


def _work(expected: dict[str, str], payload: bytes) -> Any:
    """Run a task, in a worker: nothing is unpickled before versions have been compared."""
    mine = fingerprint()
    if mine != expected:
        raise _other(f"one that came later does: {_told(expected, mine)}")
    function, args, kwargs = pickle.loads(payload)
    return function(*args, **kwargs)


def _client_class(address: str, *, quiet: bool) -> Any:
    """Return the class of Dask's clients."""
    try:
        from distributed import Client
    except ImportError as error:
        raise RunError(
            f"--scheduler {address} without Dask ({error})",
            allowed="an installation with the extra cluster",
            remedy=INSTALL,
            check="cluster.missing",
        ) from None
    if quiet:
        for name in list(logging.root.manager.loggerDict):
            if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return Client


def _settle(future: Future[Any], *, value: Any = None, error: BaseException | None = None) -> None:
    with contextlib.suppress(InvalidStateError):  # the first end is the end
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _told(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    each = list(differences(expected, found))
    more = f" and {len(each) - MOST_SHOWN} more" if len(each) > MOST_SHOWN else ""
    return ", ".join(each[:MOST_SHOWN]) + more


def _other(what: str) -> RunError:
    return RunError(
        f"workers would compute other bytes: {what}",
        allowed="workers with the same senescape, Python and numerical packages as this command",
        remedy="start them anew from its environment, on processors of one kind",
        check="cluster.versions",
    )


def _unreachable(address: str, seconds: float, error: Exception) -> RunError:
    reason = str(error).partition("\n")[0] or type(error).__name__
    return RunError(
        f"no scheduler answers at {address} within {seconds:g} s ({reason})",
        allowed="the address of a running dask scheduler",
        remedy="start it (dask scheduler), or correct the address",
        check="cluster.unreachable",
    )


def _gone(address: str) -> RunError:
    return RunError(
        f"the connection to the scheduler at {address} is lost",
        allowed="a scheduler that lives as long as the run",
        remedy=AGAIN,
        check="cluster.lost",
    )


def _lonely(address: str, seconds: float) -> RunError:
    return RunError(
        f"the scheduler at {address} has had no worker for {seconds:g} s",
        allowed="at least one worker",
        remedy=f"start some (dask worker {address}), then the same command again",
        check="cluster.no-workers",
    )


def _died(times: int) -> RunError:
    return RunError(
        f"a worker died {times} times on the same piece of work",
        allowed=f"at most {times - 1} deaths",
        remedy="see whether memory runs out (dask worker --memory-limit), then the same command "
        "again",
        check="run.worker-died",
    )


def _no_address(given: str, reason: str) -> RunError:
    return RunError(
        f"--scheduler {given}: {reason}",
        allowed="tcp://HOST:PORT, tls://HOST:PORT or the file of a scheduler (.json)",
        remedy="copy the address that dask scheduler prints, or name its --scheduler-file",
        check="cluster.address",
    )
