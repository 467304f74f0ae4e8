"""Tumours that are kept as they stand on a day, and treated on from there in one way or another.

A checkpoint is the whole state of every host; a fork goes on from it under another regimen, with
the chance that belongs to the same hosts: what the treatments do not touch stays the same.
"""

from __future__ import annotations

import hashlib
import io
import json
import time as clock
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Compiled, compile_scenario
from senescape.compile.course import Piece, compile_course
from senescape.engines.protocol import LATEST, Engine
from senescape.engines.state import State
from senescape.errors import RunError
from senescape.model import Scenario
from senescape.results import Ensemble, Provenance
from senescape.run import Monitor, check_size, engine_named, run_lanes, run_to
from senescape.store.places import shown, told, write_whole
from senescape.store.versions import engine_recipe

from .draws import Cohort, cohort_of
from .simulate import DEFAULT_HOSTS, DEFAULT_SEED, counted_rows, default_times, in_units

Float = NDArray[np.float64]

FORMAT = 1
SUFFIX = ".npz"
# what a file that is no checkpoint makes of those who read it
UNREADABLE = (
    *(ValueError, TypeError, KeyError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)
META = "checkpoint"  # the one array of a file that holds text


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Every host as it stands on a day, and all that is needed to go on.

    Parameters
    ----------
    scenario : Scenario
    variant : str or None
    course : tuple of (regimen, day)
        What has been given, and from which day on.
    day : float
        On which the hosts stand so, before anything that is given on this day [day].
    hosts, seed : int
    uncertain : bool
        Whether each host has its own draw of what is not known.
    engine, step : str, float or None
    code : dict
        Engine, options and version of the code; another one would go on in another way.
    arrays : dict of str to array
        Of the state, hosts on the last axis.
    next_breakpoint : int
    """

    scenario: Scenario
    variant: str | None
    course: tuple[Piece, ...]
    day: float
    hosts: int
    seed: int
    uncertain: bool
    engine: str
    step: float | None
    code: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    next_breakpoint: int

    def save(self, path: Path) -> None:
        """Write a file, whole or not at all.

        Raises
        ------
        StoreError
            It cannot be written.
        """
        text = {
            "format": FORMAT,
            "scenario": self.scenario.model_dump(mode="json", by_alias=True),
            "variant": self.variant,
            "course": self.course,
            "day": self.day,
            "hosts": self.hosts,
            "seed": self.seed,
            "uncertain": self.uncertain,
            "engine": self.engine,
            "step": self.step,
            "code": self.code,
            "next_breakpoint": self.next_breakpoint,
            "digest": _digest(self.arrays),
        }
        file = io.BytesIO()
        words = np.frombuffer(json.dumps(text).encode(), np.uint8)
        np.savez_compressed(file, allow_pickle=False, **(self.arrays | {META: words}))
        with told(path.parent):
            write_whole(path, file.getvalue())

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a file.

        Raises
        ------
        RunError
            It cannot be read, is no checkpoint, is damaged, or has a newer format.
        """
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            text = json.loads(arrays.pop(META).tobytes())
            if text.pop("format") > FORMAT:
                raise _unreadable(path, "written by a newer senescape")
            if text.pop("digest") != _digest(arrays):
                raise _unreadable(path, "damaged: its digest differs")
            scenario = Scenario.model_validate(text.pop("scenario"))
            course = tuple((name, float(day)) for name, day in text.pop("course"))
            return cls(scenario=scenario, course=course, arrays=arrays, **text)
        except OSError as error:
            raise _unreadable(path, error.strerror or "no checkpoint") from None
        except UNREADABLE:
            raise _unreadable(path, "no checkpoint, or a damaged one") from None

    def state(self) -> State:
        """Return the state of every host; its registers are to be made anew."""
        lanes = self.arrays["counts"].shape[1]
        return State(
            time=self.day,
            registers=np.zeros((0, lanes)),
            next_breakpoint=self.next_breakpoint,
            **self.arrays,
        )


def checkpoint(
    source: Scenario | Checkpoint,
    regimen: str,
    day: float,
    *,
    hosts: int = DEFAULT_HOSTS,
    seed: int = DEFAULT_SEED,
    engine: str = "leap",
    step: float | None = None,
    variant: str | None = None,
    uncertain: bool = False,
    monitor: Monitor | None = None,
) -> Checkpoint:
    """Treat hosts until a day, and keep them as they stand.

    Parameters
    ----------
    source : Scenario or Checkpoint
        From the start; or hosts that stand somewhere already: they go on, and the other options
        are theirs.
    day : float
        What is given on this very day is not given [day].
    hosts, seed, engine, step, variant, uncertain
        As in :func:`.simulate.simulate`; an engine with chance.

    Raises
    ------
    SenescapeError
        Unknown names; a day before the start; an engine without chance.

    Examples
    --------
    >>> import senescape
    >>> scenario = senescape.read_scenario("mcf7-doxorubicin")
    >>> kept = senescape.checkpoint(scenario, "100nM", 4.0, hosts=3)
    >>> sorted({int(n) for n in senescape.fork(kept, "UTCtrl", until=5.0).time})
    [4, 5]
    """
    before = _begin(source, regimen, hosts, seed, engine, step, variant, uncertain)
    _check_day(before, day)
    course = (*before.course, (regimen, before.day))
    compiled = compile_course(before.scenario, (*course, (None, day)), before.variant)
    cohort = _cohort(before, compiled)
    runner = _runner(before)
    begun = before.state() if before.arrays else None
    state = run_to(
        runner,
        compiled.program,
        cohort.parameters,
        cohort.streams,
        day,
        begun=begun,
        monitor=monitor,
    )
    arrays = state.arrays()
    del arrays["registers"]
    return replace(
        before, course=course, day=day, arrays=arrays, next_breakpoint=state.next_breakpoint
    )


def fork(
    kept: Checkpoint,
    regimen: str,
    *,
    until: float | None = None,
    times: Float | None = None,
    monitor: Monitor | None = None,
) -> Ensemble:
    """Go on from a checkpoint under a regimen: what it gives on that day and later.

    Parameters
    ----------
    until : float, optional
        Last output; by default the horizon of the scenario [day].
    times : (times,), optional
        Output times, none before the checkpoint; by default daily [day].

    Returns
    -------
    Ensemble
        As of :func:`.simulate.simulate`.

    Raises
    ------
    SenescapeError
        Unknown regimen, or one that sets other parameters; other code than the checkpoint's.
    """
    began = clock.perf_counter()
    scenario = kept.scenario
    compiled = compile_course(scenario, (*kept.course, (regimen, kept.day)), kept.variant)
    if times is None:
        times = default_times(scenario, kept.day, until)
    rows = counted_rows(scenario)
    check_size(len(rows), len(times), kept.hosts)
    if len(times) and times[0] < kept.day:
        raise RunError(
            f"an output at day {times[0]:g}",
            allowed=f"day {kept.day:g}, where the checkpoint stands, or later",
            remedy="leave earlier times to the run that made the checkpoint",
            check="fork.times",
        )
    cohort = _cohort(kept, compiled)
    values = run_lanes(
        _runner(kept),
        compiled.program,
        cohort.parameters,
        cohort.streams,
        times,
        assays=rows,
        monitor=monitor,
        begun=kept.state(),
    )
    units = in_units(scenario, values)
    question = {
        "regimen": compiled.regimen,
        "hosts": kept.hosts,
        "variant": kept.variant,
        "uncertain": kept.uncertain,
        "branch": kept.day,
    }
    taken: dict[str, object] = {"seconds": clock.perf_counter() - began}
    provenance = Provenance(scenario.name, scenario.digest, kept.seed, kept.engine, question, taken)
    return Ensemble(times, rows, tuple(units), values, regimen, provenance)


def _begin(
    source: Scenario | Checkpoint,
    regimen: str,
    hosts: int,
    seed: int,
    engine: str,
    step: float | None,
    variant: str | None,
    uncertain: bool,
) -> Checkpoint:
    """Return where hosts stand that are to be treated: at the start nothing has happened yet."""
    if isinstance(source, Checkpoint):
        return source
    runner = engine_named(engine, step=step, twins=True)
    if not runner.stochastic:
        raise RunError(
            f"a checkpoint of the {engine} engine",
            allowed="leap, exact: engines with chance",
            remedy="run each regimen from the start: without chance nothing else differs",
            check="fork.engine",
        )
    code = engine_recipe(runner)
    start = compile_scenario(source, regimen, variant).program.forcing.start
    return Checkpoint(source, variant, (), start, hosts, seed, uncertain, engine, step, code, {}, 0)


def _runner(kept: Checkpoint) -> Engine:
    """Return the engine of a checkpoint.

    Raises
    ------
    RunError
        The code, or a package that decides numbers, is another one than then.
    """
    runner = engine_named(kept.engine, step=kept.step, twins=True)
    now = engine_recipe(runner)
    if now == kept.code:
        return runner
    then, here = (c.get("version", {}) for c in (kept.code, now))
    differ = [name for name in here if then.get(name) != here[name]] or ["its options"]
    raise RunError(
        f"a checkpoint of other code: {', '.join(differ)} differ",
        allowed="the code that made it: another one would go on in another way",
        remedy="make the checkpoint again",
        check="fork.other-code",
    )


def _cohort(kept: Checkpoint, compiled: Compiled) -> Cohort:
    return cohort_of(
        kept.scenario,
        compiled.program,
        seed=kept.seed,
        draws=kept.hosts if kept.uncertain else 1,
        hosts=1 if kept.uncertain else kept.hosts,
        uncertain=kept.uncertain,
    )


def _check_day(before: Checkpoint, day: float) -> None:
    if before.day < day < LATEST:
        return
    what = "checkpoint stands" if before.arrays else "scenario starts"
    raise RunError(
        f"a checkpoint on day {day:g}",
        allowed=f"after day {before.day:g}, where the {what}, at most day {LATEST:g}",
        remedy="choose a later day",
        check="fork.day",
    )


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    sha = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {value.dtype.str} {value.shape}\0".encode() + value.tobytes())
    return sha.hexdigest()


def _unreadable(path: Path, problem: str) -> RunError:
    return RunError(
        f"{shown(path)}: {problem}",
        allowed="a file that `senescape checkpoint` has written",
        remedy="name another file, or make it again",
        check="fork.file",
    )
