"""Where cells can be: clones, states and classes become compartments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from senescape.errors import ScenarioError, Where
from senescape.expressions import Binary, Expr, Number
from senescape.model import State
from senescape.network import Birth, BirthLaw, Compartment, Outcome
from senescape.units import COUNT, DIMENSIONLESS, TIME

from .classes import product_of
from .names import unknown
from .numbers import NumberBuilder

MAX_COMPARTMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a compartment stands: clone, state, class on each axis."""

    clone: str
    state: str
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class PlaceBuilder(NumberBuilder):
    """Lists the compartments and says where a cell lands that changes its state."""

    ids: dict[Place, str] = field(default_factory=dict)

    def list_places(self) -> None:
        """List every clone, state and class as a compartment."""
        cells = self.scenario.cells
        for name, state in cells.states.items():
            for axis in state.axes:
                if axis not in self.axis:
                    raise unknown("axis", axis, self.axis, f"cells.states.{name}.axes")
            if state.stages > 1 and state.dwell is None:
                raise ScenarioError(
                    f"{state.stages} stages without a dwell time",
                    allowed="dwell: the mean time in the state",
                    remedy="give the mean dwell time",
                    check="scenario.dwell-missing",
                    where=Where(field=f"cells.states.{name}"),
                )
        for clone, noun in cells.clones.items():
            if noun.parent is not None and noun.parent not in cells.clones:
                raise unknown("clone", noun.parent, cells.clones, f"cells.clones.{clone}.parent")
        wanted = sum(
            math.prod(len(self.axis[a]) for a in state.axes)
            for index, _ in enumerate(cells.clones)
            for state in cells.states.values()
            if state.tumour or index == 0
        )
        if wanted > MAX_COMPARTMENTS:
            raise ScenarioError(
                f"{wanted} compartments once clones and classes are counted",
                allowed=f"at most {MAX_COMPARTMENTS}",
                remedy="use fewer classes, or carry fewer axes in each state",
                check="scenario.too-many-compartments",
                where=Where(field="cells"),
            )
        for clone in cells.clones:
            for name, state in cells.states.items():
                if clone != next(iter(cells.clones)) and not state.tumour:
                    continue
                for cell in self._places(clone, name, state):
                    self.ids[cell] = self._id(cell)

    def _places(self, clone: str, name: str, state: State) -> Iterator[Place]:
        ranges = [range(len(self.axis[a])) for a in state.axes]
        for indices in product(*ranges):
            yield Place(clone, name, tuple(zip(state.axes, indices, strict=True)))

    def _id(self, cell: Place) -> str:
        head = cell.state if len(self.scenario.cells.clones) == 1 else f"{cell.clone}.{cell.state}"
        tail = ",".join(f"{axis}={index}" for axis, index in cell.classes)
        return f"{head}[{tail}]" if tail else head

    def compartments(self) -> Iterator[Compartment]:
        """Yield the compartments of the network."""
        for cell, name in self.ids.items():
            state = self.scenario.cells.states[cell.state]
            advance: Expr | None = None
            if state.dwell is not None:
                place = f"cells.states.{cell.state}.dwell"
                dwell = self.names.expr(state.dwell, place, TIME, here=self.here(cell))
                self.check_axes(dwell, cell, place)
                advance = Binary("/", Number(float(state.stages)), dwell)
            yield Compartment(
                name,
                cell.state,
                state.role.value,
                cell.clone,
                cell.classes,
                state.stages,
                advance,
            )

    def here(self, cell: Place) -> dict[str, Expr]:
        """Return what axes and the clone's own parameters stand for in this compartment."""
        own = dict(self.overrides.get(cell.clone, {}))
        return own | {axis: self.axis[axis][index] for axis, index in cell.classes}

    def check_axes(self, formula: Expr, cell: Place, place: str) -> None:
        """Refuse a formula that reads an axis which the state does not carry."""
        missing = formula.names() & set(self.axis)
        if missing:
            axis = min(missing)
            raise ScenarioError(
                f"the formula reads {axis}, but state {cell.state} does not carry it",
                allowed=f"states with axes: [{axis}]",
                remedy=f"add {axis} to the axes of {cell.state}, or drop it from the formula",
                check="scenario.axis-missing",
                where=Where(field=place),
            )

    def landing(self, cell: Place | None, clone: str, target: str) -> list[tuple[str, Expr]]:
        """Return the compartments of ``target`` in which a cell may land, with probabilities."""
        cells = self.scenario.cells
        state, home = cells.states[target], next(iter(cells.clones))
        if not state.tumour and clone != home:
            raise ScenarioError(
                f"{target} cells of clone {clone}, though they are no tumour cells",
                allowed=f"{home}, the first clone, for what is no tumour",
                remedy=f"write {home}, list it first, or let the tumour's arrows end elsewhere",
                check="scenario.clone-of-host",
                where=Where(field=f"cells.states.{target}"),
            )
        carried = dict(cell.classes) if cell is not None else {}
        choices: list[list[tuple[int, Expr]]] = []
        for axis in state.axes:
            noun = self.scenario.variation[axis]
            if axis in carried and (noun.inheritance == "inherited" or cell.state == target):  # type: ignore[union-attr]
                choices.append([(carried[axis], Number(1.0))])
            else:
                choices.append(list(enumerate(self.weights[axis])))
        landing: list[tuple[str, Expr]] = []
        for combination in product(*choices):
            weight = product_of(share for _, share in combination)
            indices = tuple(i for i, _ in combination)
            place = Place(clone, target, tuple(zip(state.axes, indices, strict=True)))
            landing.append((self.ids[place], weight))
        return landing

    def outcomes(
        self, cell: Place | None, clones: tuple[str, ...], targets: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Return what becomes of a cell: products by place, with probabilities."""
        spread = [self.landing(cell, c, t) for c, t in zip(clones, targets, strict=True)]
        outcomes = []
        for combination in product(*spread):
            weight = product_of(share for _, share in combination)
            counts: dict[str, int] = {}
            for name, _ in combination:
                counts[name] = counts.get(name, 0) + 1
            outcomes.append(Outcome(tuple(counts.items()), weight))
        return tuple(outcomes)

    def acute(
        self, state: str, target: str | None
    ) -> list[tuple[str, list[tuple[str | None, Expr]]]]:
        """Return, for radiation, each compartment of a state and where its cells go."""
        states = self.scenario.cells.states
        for name in (state, *(() if target is None else (target,))):
            if name not in states:
                raise unknown("state", name, states, "radiation")
        moves: list[tuple[str, list[tuple[str | None, Expr]]]] = []
        for cell, source in self.ids.items():
            if cell.state == state:
                if target is None:
                    moves.append((source, [(None, Number(1.0))]))
                else:
                    landing = self.landing(cell, cell.clone, target)
                    moves.append((source, [(name, share) for name, share in landing]))
        return moves

    def births(self) -> list[Birth]:
        """Return the cells at the start, spread over the classes of their axes."""
        births = []
        for index, noun in enumerate(self.scenario.cells.initial):
            place = f"cells.initial[{index}]"
            cells = self.scenario.cells
            if noun.state not in cells.states:
                raise unknown("state", noun.state, cells.states, f"{place}.state")
            if noun.clone not in cells.clones:
                raise unknown("clone", noun.clone, cells.clones, f"{place}.clone")
            expect = (COUNT, DIMENSIONLESS)
            total = self.names.expr(noun.total, f"{place}.total", expect, constant=True)
            births.append(
                Birth(
                    tuple(self.landing(None, noun.clone, noun.state)),
                    total,
                    BirthLaw(noun.law),
                    noun.stages,
                )
            )
        return births
