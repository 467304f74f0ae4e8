"""The coupled exact engine in plain Python, to be read: no windows, no bounds, nothing kept.

Every candidate of every channel is looked up anew from the definition of the points, below a ceiling
that no hazard exceeds; the earliest is taken, the hazard is read at its time, and the point counts
where it lies below. The numbers of events and cells must be those of the kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind
from senescape.engines.exact import Exact
from senescape.engines.exact.coupling import Coupling, name_words
from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import propagate
from senescape.engines.state import State, Streams
from senescape.rng import absorb, draw_key, uniform

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A point of a channel: its place on the clock and its height, and the key and number of its draws."""

    place: float
    height: float
    key: np.uint64
    index: int


def point_beyond(channel: np.uint64, shown: float, ceiling: float) -> Point:
    """Return the first point beyond what the clock shows, and below a ceiling."""
    found = []
    strip, floor, width = 0, 0.0, 2.0**-10
    while floor < ceiling:
        window = math.floor(shown * width / 4.0)
        while True:
            key = np.uint64(draw_key(channel, window, strip, 0))
            place, index = window * 4.0 / width, 0
            hits = []
            while True:
                place += -math.log(uniform(key, 4 * index)) / width
                if place >= (window + 1) * 4.0 / width:
                    break
                height = floor + width * float(uniform(key, 4 * index + 1))
                if place > shown and height < ceiling:
                    hits.append(Point(place, height, key, index))
                index += 1
            if hits:
                found.append(hits[0])
                break
            window += 1
        strip, floor, width = strip + 1, 2.0 ** (strip - 10), 2.0 ** (strip - 10)
    return min(found, key=lambda p: p.place)


@dataclass
class SlowLane:
    """One lane between two stops."""

    program: Program
    key: np.uint64
    counts: Float
    signal: Float
    supply: Float
    tally: Float
    registers: Float
    shown: Float
    coupling: Coupling
    ceiling: float
    channels: list[np.uint64] = field(default_factory=list)

    def __post_init__(self) -> None:
        p = self.program
        for number in p.transition[:, 3]:
            self.channels.append(
                np.uint64(draw_key(np.uint64(absorb(self.key, 0x7457494E)), number, 0, 0))
            )
        for compartment, name in enumerate(name_words(p)):
            for stage in range(p.stages[compartment]):
                own = np.uint64(absorb(np.uint64(absorb(self.key, name)), 0x53544147))
                self.channels.append(np.uint64(draw_key(own, stage, 0, 0)))

    def cells_of(self, channel: int) -> float:
        """Return how many cells are exposed to a channel."""
        p, slots = self.program, self.program.slot_ptr
        if channel >= len(p.transition):
            slot = channel - len(p.transition)
            return float(self.counts[slot]) if p.advance_row[self.home(slot)] >= 0 else 0.0
        kind, source = p.transition[channel, :2]
        if kind == TransitionKind.INFLOW:
            return 1.0
        if kind == TransitionKind.TIMED:
            return 0.0
        return float(self.counts[slots[source] : slots[source + 1]].sum())

    def home(self, slot: int) -> int:
        """Return the compartment of a slot."""
        return int(np.searchsorted(self.program.slot_ptr, slot, side="right")) - 1

    def hazard_of(self, channel: int) -> float:
        """Return the hazard of a channel now."""
        p = self.program
        if channel < len(p.transition):
            return float(self.registers[p.transition[channel, 2]])
        return float(self.registers[p.advance_row[self.home(channel - len(p.transition))]])

    def count_cells(self) -> Float:
        """Bring the assays up to date; return what the cells secrete, with what is infused."""
        p, registers = self.program, self.registers
        registers[p.assay_row : p.assay_row + len(p.assay_ids)] = 0.0
        for assay, compartment, weight in p.weight:
            first, last = p.slot_ptr[compartment : compartment + 2]
            registers[p.assay_row + assay] += registers[weight] * self.counts[first:last].sum()
        given = self.supply.copy()
        for signal, assay, rate in p.secretion:
            given[signal] += registers[rate] * registers[p.assay_row + assay]
        return given

    def pass_time(self, time: float, step: float, given: Float) -> None:
        """Let signals move, and read every formula after it."""
        p = self.program
        propagate(p.coupling, self.registers, self.signal, given, step, np.zeros((2, len(given))))
        self.registers[p.signal_row : p.signal_row + len(given)] = self.signal
        self.registers[p.time_row] = time
        with np.errstate(all="ignore"):
            read_tape_lane(p.tape, p.lane_end, len(p.tape), self.registers)

    def advance(self, time: float, until: float) -> None:
        """Advance to ``until``: candidate after candidate."""
        while True:
            given = self.count_cells()
            candidates = []
            for channel, key in enumerate(self.channels):
                cells = self.cells_of(channel)
                if cells == 0.0:
                    continue
                speed = 1.0 if self.coupling is Coupling.DAYS else cells
                point = point_beyond(key, self.shown[channel], self.ceiling)
                wait = (point.place - self.shown[channel]) / speed
                candidates.append((wait, channel, point, speed))
            wait, channel, point, _ = min(candidates, default=(math.inf, -1, None, 0.0))
            late = time + wait >= until
            step = until - time if late else wait
            for _, other, _, speed in candidates:
                self.shown[other] += speed * step
            if self.coupling is Coupling.DAYS:  # the calendar goes on without cells
                idle = set(range(len(self.channels))) - {c[1] for c in candidates}
                self.shown[list(idle)] += step
            time = until if late else time + wait
            self.pass_time(time, step, given)
            if late:
                return
            assert point is not None
            self.shown[channel] = point.place
            height = self.hazard_of(channel)
            if self.coupling is Coupling.DAYS:
                height *= self.cells_of(channel)
            assert height < self.ceiling
            if point.height < height:
                self.strike(channel, point)

    def strike(self, channel: int, point: Point) -> None:
        """Let the event of a channel happen, with the draws that belong to the point."""
        p, slots = self.program, self.program.slot_ptr
        stage, outcome = (float(uniform(point.key, 4 * point.index + d)) for d in (2, 3))
        if channel < len(p.transition):
            kind, source = p.transition[channel, :2]
            if kind == TransitionKind.ANY_AGE:
                ages = self.counts[slots[source] : slots[source + 1]]
                place = int(np.searchsorted(np.cumsum(ages), stage * ages.sum(), side="right"))
                self.counts[slots[source] + place] -= 1.0
            self.place(channel, outcome)
            return
        slot = channel - len(p.transition)
        home = self.home(slot)
        if slot + 1 < slots[home + 1]:
            self.counts[slot : slot + 2] += -1.0, 1.0
            return
        race = []
        for exit_ in p.exit[p.exit_ptr[home] : p.exit_ptr[home + 1]]:
            kind, _, row, number = p.transition[exit_]
            if kind == TransitionKind.TIMED and self.registers[row] > 0.0:
                own = np.uint64(draw_key(point.key, point.index, number, 0))
                chance = uniform(own, 0)
                race.append((-math.log(chance) / self.registers[row], int(exit_)))
        if race:
            self.counts[slot] -= 1.0
            self.place(min(race)[1], outcome)

    def place(self, transition: int, chance: float) -> None:
        """Put the products of a transition in place."""
        p = self.program
        self.tally[transition] += 1.0
        route = int(p.route_ptr[transition])
        if p.route_row[transition] >= 0:
            route += int(self.registers[p.route_row[transition]])
        first, last = p.outcome_ptr[route : route + 2]
        sums = np.cumsum(self.registers[p.outcome_row[first:last]])
        outcome = first + min(int(np.searchsorted(sums, chance, side="right")), last - first - 1)
        for product, number in p.product[p.product_ptr[outcome] : p.product_ptr[outcome + 1]]:
            self.counts[p.slot_ptr[product]] += number


@dataclass(frozen=True)
class SlowClocks:
    """An engine made of slow lanes; ``ceiling``: above every hazard (times cells, for DAYS)."""

    coupling: Coupling
    ceiling: float = 4.0
    name: str = "slow clocks"
    stochastic: bool = True

    def start(self, program: Program, parameters: Float, streams: Streams) -> State:
        return Exact(coupling=self.coupling).start(program, parameters, streams)

    def advance(self, program: Program, state: State, until: float) -> None:
        for lane in range(state.lanes):
            own = SlowLane(
                program,
                state.key[lane],
                *(a[:, lane].copy() for a in (state.counts, state.signal, state.input)),
                *(a[:, lane].copy() for a in (state.tally, state.registers)),
                state.clock[0, :, lane].copy(),
                self.coupling,
                self.ceiling,
            )
            own.advance(state.time, until)
            state.counts[:, lane], state.signal[:, lane] = own.counts, own.signal
            state.tally[:, lane], state.registers[:, lane] = own.tally, own.registers
            state.clock[0, :, lane] = own.shown
        state.time = until
