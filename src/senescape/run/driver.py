"""Who computes: threads, processes that may die, or any executor that a caller brings.

Everything has the shape of ``concurrent.futures.Executor``, and so has a cluster (``cluster.py``):
that is the seam. Tasks are handed out a few ahead, so that
memory does not grow with their number, and what comes back is taken by the calling thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection
from typing import Any, TypeVar

from senescape.errors import RunError

from .sharing import workers as threads_of_a_run

Task = TypeVar("Task")
Result = TypeVar("Result")

THREADS = "senescape-lanes"
AHEAD = 2  # tasks handed out for each worker
ATTEMPTS = 3  # of one task, where the process that had it died
GRACE_SECONDS = 3.0  # for tasks that run when the user stops
LOOK_SECONDS = 0.2


def threads(count: int) -> Executor:
    """Return threads of this process, which share its memory; kernels hold no lock."""
    return ThreadPoolExecutor(count, thread_name_prefix=THREADS)


def at_once(executor: Executor) -> int:
    """Return how many tasks an executor runs at once: its ``count``, else as many as threads."""
    return int(getattr(executor, "count", 0)) or threads_of_a_run()


class Processes(Executor):
    """Processes of this machine; one that dies is replaced and its tasks are done again.

    Parameters
    ----------
    count : int
        Of processes, started afresh (``spawn``): nothing is inherited.
    attempts : int
        How often one task is tried where its process dies.

    Notes
    -----
    When a process dies, the pool of the standard library gives up all its tasks, so each task that
    was handed out counts it as an attempt. A process ends when its parent has died.
    """

    def __init__(self, count: int, *, attempts: int = ATTEMPTS) -> None:
        self.count, self.attempts = count, attempts
        self._lock = threading.Lock()
        self._closed = False
        self._pool = self._made()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand out a task; function, arguments and result are pickled."""
        outer: Future[Any] = Future()
        outer.set_running_or_notify_cancel()
        self._try(outer, 1, lambda pool: pool.submit(fn, *args, **kwargs))
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; without waiting they are killed."""
        with self._lock:
            self._closed = True
            pool = self._pool
        if not wait:
            for process in list((getattr(pool, "_processes", None) or {}).values()):
                process.kill()
        pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def _made(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.count, mp_context=context, initializer=_follow_parent)

    def _try(
        self,
        outer: Future[Any],
        attempt: int,
        send: Callable[[ProcessPoolExecutor], Future[Any]],
    ) -> None:
        pool = self._pool
        try:
            inner = send(pool)
        except BrokenProcessPool:
            self._again(outer, attempt, send, pool)
            return
        except RuntimeError as error:  # shut down meanwhile
            outer.set_exception(error)
            return
        inner.add_done_callback(lambda done: self._ended(outer, done, attempt, send, pool))

    def _ended(
        self,
        outer: Future[Any],
        inner: Future[Any],
        attempt: int,
        send: Callable[[ProcessPoolExecutor], Future[Any]],
        pool: ProcessPoolExecutor,
    ) -> None:
        if inner.cancelled():
            outer.set_exception(RuntimeError("the executor was shut down"))
            return
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            self._again(outer, attempt, send, pool)
        elif error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())

    def _again(
        self,
        outer: Future[Any],
        attempt: int,
        send: Callable[[ProcessPoolExecutor], Future[Any]],
        pool: ProcessPoolExecutor,
    ) -> None:
        with self._lock:
            if self._pool is pool and not self._closed:
                self._pool = self._made()
        if self._closed or attempt >= self.attempts:
            outer.set_exception(
                RunError(
                    f"a worker process died {attempt} times on the same piece of work",
                    allowed=f"at most {self.attempts - 1} deaths",
                    remedy="see whether memory runs out (fewer processes by SENESCAPE_THREADS), "
                    "then the same command again",
                    check="run.worker-died",
                )
            )
            return
        self._try(outer, attempt + 1, send)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def work_through(
    executor: Executor,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    accept: Callable[[Task, Result], None],
    *,
    workers: int | Callable[[], int],
    grace: float = 0.0,
) -> None:
    """Compute tasks and take each result, in this thread, as it comes.

    Parameters
    ----------
    accept : callable
        Given the task and its result; where it fails, nothing more is handed out.
    workers : int or callable
        Twice as many tasks are handed out at once; asked again where workers come and go.
    grace : float
        How long tasks that run are waited for when the user stops [s]; what they give is taken.

    Notes
    -----
    The executor is shut down in the end; where the user stops, without waiting for what runs.
    """
    waiting: Iterator[Task] = iter(tasks)
    pending: dict[Future[Result], Task] = {}

    def collect(seconds: float) -> None:
        done, _ = wait(pending, return_when=FIRST_COMPLETED, timeout=seconds)
        for future in done:
            accept(pending.pop(future), future.result())

    stopped = True
    try:
        while True:
            many = AHEAD * (workers if isinstance(workers, int) else workers())
            for task in islice(waiting, max(0, many - len(pending))):
                pending[executor.submit(function, task)] = task
            if not pending:
                break
            collect(LOOK_SECONDS)
        stopped = False
    except Exception:
        stopped = False
        raise
    except BaseException:  # Ctrl-C, or asked to end
        _take_the_last(pending, accept, grace)
        raise
    finally:
        executor.shutdown(wait=not stopped, cancel_futures=True)


def _take_the_last(
    pending: dict[Future[Result], Task],
    accept: Callable[[Task, Result], None],
    grace: float,
) -> None:
    """Take what is finished, or ends within the grace, of the tasks that run."""
    if grace <= 0.0:
        return
    left = {f: task for f, task in pending.items() if not f.cancel()}
    done, _ = wait(left, timeout=grace)
    for future in done:
        if not future.cancelled() and future.exception() is None:
            accept(left[future], future.result())
