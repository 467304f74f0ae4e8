"""Export: what other tools are given has our solution, read back by the reader of other people's SBML.

The numbers of COPASI and libRoadRunner for every bundled scenario: verification/exported.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import libsbml
import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray
from tests.bundled import read_scenario
from tests.engines import builders as b

from senescape.compile import compile_scenario, lower
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import Binary, Symbol
from senescape.files import bundled, parse_sbml
from senescape.files.sbml.out import Labels, Model, Start, antimony_text, exported, sbml_text
from senescape.files.sbml.out.builder import Builder
from senescape.files.sbml.out.doses import Effects
from senescape.files.sbml.out.nouns import Ids
from senescape.network import (
    Breakpoint,
    Forcing,
    Input,
    Network,
    Port,
    Redistribute,
    Set,
    Signal,
    SignalKind,
    Term,
    Visit,
)
from senescape.run import engine_named, run_network
from senescape.run.exporting import export_model, export_scenario
from senescape.units import DIMENSIONLESS

Float = NDArray[np.float64]
TIMES = np.linspace(0.0, 8.0, 33)
SAME = 2e-6  # both are solved to 1e-8 a step


def treated() -> Network:
    """A culture with everything that a regimen and a transition can have; it starts on day -1."""
    return Network(
        parameters=(
            *(b.rate("growth", 0.7), b.rate("ageing", 3.0), b.rate("kill", 0.9)),
            *(b.rate("ke", 1.1), b.rate("speed", 2.0), b.rate("leak", 0.2)),
            *(b.number("on", 1.0), b.number("off", 0.0), b.number("row", 1.0)),
            *(b.number("dose", 1.5), b.number("share", 0.3), b.number("half", 0.8)),
            *(b.number("power", 2.5), b.number("fresh", 0.4), b.number("held", 0.25)),
            *(b.cells("n0", 90.0), b.cells("room", 400.0), b.rate("clearance", 0.3)),
        ),
        compartments=(
            b.state("P"),
            b.state("D", stages=3, advance="3 * ageing", role="damaged"),
            b.state("S", stages=2, advance="clearance", role="senescent"),
        ),
        transitions=(
            b.exit_of(1, "division", "P", "growth * crowding", b.outcome(P=2), gate="on"),
            b.exit_of(2, "damage", "P", "kill * hill(drug, half, power)", b.outcome(D=1)),
            b.exit_of(3, "shut", "P", "growth", b.outcome(), gate="off"),
            b.exit_of(4, "repair", "D", "growth / kill", b.outcome(P=1), timed=True),
            b.exit_of(
                5,
                "arrest",
                "D",
                1.3,
                timed=True,
                route="row",
                routes=[[b.outcome(P=1)], [b.outcome("share", S=1), b.outcome("1 - share")]],
            ),
            b.exit_of(6, "loss", "S", "clearance * (1 + sasp)", b.outcome()),
            b.exit_of(7, "end", "S", 1.0, b.outcome(P=1), timed=True),
            b.exit_of(8, "arrival", None, "leak * n0 * (1 + 0.1 * time * growth)", b.outcome(P=1)),
        ),
        signals=(
            b.drug(),
            Signal(
                "sasp",
                DIMENSIONLESS,
                SignalKind.LINEAR,
                (Term(b.formula("leak / n0"), "senescent"), Term(b.formula("-ke"), "sasp")),
                b.formula(0.0),
            ),
        ),
        ports=(Port("crowding", DIMENSIONLESS, b.formula("max(1 - live / room, 0)")),),
        assays=(b.assay("live", "P", "D", "S"), b.assay("senescent", "S")),
        births=(b.born("n0", P=1),),
        forcing=Forcing(
            (
                *b.doses([-1.0, 0.25]),
                Breakpoint(0.5, (Input("drug", b.formula("speed"), 0),)),
                Breakpoint(1.0, (Visit(b.formula("live > n0 / 2"), ("drug",), b.formula("held")),)),
                Breakpoint(
                    1.5,
                    (
                        Input("drug", b.formula("speed"), 0, ends=True),
                        Set("drug", b.formula("fresh")),
                        Redistribute("D", (("S", b.formula("share")), (None, b.formula("0.1"))), 1),
                        *b.doses([0.0])[0].actions,
                    ),
                ),
                *b.doses([3.0]),
            ),
            start=-1.0,
        ),
    )


def model_of(network: Network, change: Callable[[Builder], None] | None = None) -> Model:
    """Return the model of a network; ``change`` plants something."""
    program = lower(network)
    state = MeanField().start(program, b.lanes_of(program), Streams.hosts(0, 1))
    start = Start(tuple(state.counts[:, 0].tolist()), tuple(state.signal[:, 0].tolist()))
    return exported(network, start, Labels("model", "a model"))


def own_solution(network: Network, times: Float) -> Float:
    """Return the expected cells of every stage, (stages, times), by the scenario's own program."""
    program = lower(network)
    lanes = b.lanes_of(program)
    at = times + network.forcing.start
    states = run_engine(MeanField(), program, lanes, Streams.hosts(0, 1), at)
    return np.array([state.counts[:, 0].copy() for state in states]).T


def read_back(model: Model, times: Float) -> Float:
    """Return the same numbers by the file, as a network from SBML."""
    network = lower(parse_sbml(sbml_text(model)))
    found = run_network(engine_named("mean-field"), network, times, replicates=1, seed=1)
    rows = dict(zip(found.names, found.mean, strict=True))
    return np.array([rows[item.id] for item in model.species])


def gap(ours: Float, theirs: Float) -> float:
    """Return the largest difference, relative to the largest number of each stage."""
    size = np.maximum(ours.max(axis=1), 1e-6 * ours.max())
    return float((np.abs(ours - theirs).max(axis=1) / size).max())


def test_a_regimen_with_every_action_has_our_solution() -> None:
    network = treated()
    ours = own_solution(network, TIMES)
    assert (ours.max(axis=1) > 0.5).all()  # every stage is visited
    assert gap(ours, read_back(model_of(network), TIMES)) < SAME


NETWORKS = {
    "timed exits": b.erlang_chain(),
    "a cycle": b.cycle(),
    "doses": b.dosing(b.doses([0.0, 1.5])),
    "an infusion": b.dosing(b.infusion(0.5, 2.0)),
    "logistic": b.logistic(),
    "secretion": b.secreting(),
    "inflow": b.immigration_death(),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_small_networks_have_our_solution(name: str) -> None:
    network = NETWORKS[name]
    assert gap(own_solution(network, TIMES), read_back(model_of(network), TIMES)) < SAME


# --- planted ------------------------------------------------------------------------------------
def no_gate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Builder, "gated", lambda self, item: self.read(item.hazard))


def no_share(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Builder, "share", lambda self, item, own: own)


def endless_infusion(patch: pytest.MonkeyPatch) -> None:
    honest = Effects.infuse
    patch.setattr(
        Effects, "infuse", lambda self, action: None if action.ends else honest(self, action)
    )


def end_sees_the_visit(patch: pytest.MonkeyPatch) -> None:
    """The end of an infusion takes away what would be given now, not what its start gave."""

    def planted(self: Effects, action: Input) -> None:
        supply = self.builder.supply[action.signal]
        factor = self.builder.factor.get(action.signal)
        given = self.multiplied(self.builder.read(action.rate), factor)
        self.now[supply] = Binary("-" if action.ends else "+", self.value(supply), given)

    patch.setattr(Effects, "infuse", planted)


def actions_do_not_see_each_other(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Effects, "value", lambda self, own: Symbol(own))


def one_clock(patch: pytest.MonkeyPatch) -> None:
    """Formulas read the time of the file, not that of the scenario."""
    honest = Builder.__init__

    def planted(self: Builder, *arguments: Any) -> None:
        honest(self, *arguments)
        self.ids.table["time"] = Symbol("time")

    patch.setattr(Builder, "__init__", planted)


PLANTED = (
    no_gate,
    no_share,
    endless_infusion,
    end_sees_the_visit,
    actions_do_not_see_each_other,
    one_clock,
)


@pytest.mark.skipif(config.DISABLE_JIT, reason="half a minute, and no branch of the package")
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_error_is_seen(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = treated()
    ours = own_solution(network, TIMES)
    plant(monkeypatch)
    assert gap(ours, read_back(model_of(network), TIMES)) > 1e-4


# --- what a file says beside its numbers ----------------------------------------------------------
@pytest.fixture(scope="module")
def document() -> Any:
    return libsbml.readSBMLFromString(export_scenario(read_scenario("figure-1"), "one-two"))


def test_libsbml_finds_no_fault_and_all_units_agree() -> None:
    text = export_scenario(read_scenario("mcf7-doxorubicin"), "150nM")
    document = libsbml.readSBMLFromString(text)
    document.checkConsistency()
    errors = [document.getError(i) for i in range(document.getNumErrors())]
    # 99505: a plain number in a formula has no unit, so that the unit of the whole is not known
    assert {e.getErrorId() for e in errors} <= {99505}
    assert document.getLevel() == 3 and document.getVersion() == 2


def test_numbers_keep_their_units(document: Any) -> None:
    """Numbers stand in canonical units; the file says so of each."""
    model = document.getModel()
    scale = {}
    for parameter in model.getListOfParameters():
        unit = parameter.getDerivedUnitDefinition()
        scale[parameter.getId()] = libsbml.UnitDefinition.printUnits(unit, True)
    assert scale["apoptosis_time"] == "(86400 second)^1"
    assert scale["growth"] == "(86400 second)^-1" and scale["steepness"] == "(1 dimensionless)^1"
    assert scale["founders"] == "(1 item)^1" and scale["cell_volume"] == "(0.001 metre)^3"
    assert scale["chemo_medium"] == "(0.001 metre)^-3, (1e-12 mole)^1"  # uM


def test_processes_species_and_papers_have_terms(document: Any) -> None:
    text = libsbml.writeSBMLToString(document)
    for term in ("GO:0090398", "GO:0006915", "GO:0008283", "doi:10.1172/JCI20784"):
        assert f"https://identifiers.org/{term}" in text
    model = document.getModel()
    assert {s.getSBOTermID() for s in model.getListOfSpecies()} == {"SBO:0000240"}
    assert {r.getSBOTermID() for r in model.getListOfReactions()} == {"SBO:0000375"}


def test_every_number_of_a_scenario_says_where_it_is_from() -> None:
    scenario = read_scenario("mcf7-doxorubicin")
    model = export_model(scenario, "150nM")
    sources = {q.name: q.source for q in model.quantities}
    for name in scenario.parameters:
        assert "source:" in sources[name]
    text = export_scenario(scenario, "150nM")
    assert "not for decisions about patients" in text
    assert text == export_scenario(scenario, "150nM")


@pytest.mark.skipif(config.DISABLE_JIT, reason="a minute, and no branch that is not taken above")
def test_a_file_of_a_bundled_scenario_has_our_solution() -> None:
    """Doses at the start, clones, signals, ports: as a user gets it."""
    scenario = read_scenario("figure-1")
    compiled = compile_scenario(scenario, "one-two")
    model = export_model(scenario, "one-two")
    times = np.array([0.0, 1.0, 8.0, 20.0])
    states = run_engine(
        MeanField(),
        compiled.program,
        np.array(compiled.program.parameter_defaults)[:, None],
        Streams.hosts(0, 1),
        times + compiled.network.forcing.start,
    )
    ours = np.array([state.counts[:, 0].copy() for state in states]).T
    assert gap(ours, read_back(model, times)) < SAME


@pytest.mark.parametrize("name", bundled()[::4])
def test_every_scenario_can_be_written(name: str) -> None:
    scenario = read_scenario(name)
    model = export_model(scenario, next(reversed(scenario.regimens)))
    text = antimony_text(model)
    for item in (*model.species, *model.reactions, *model.doses):
        assert f"  {item.id}" in text or f" {item.id} " in text


def test_names_that_are_taken_or_alike_become_others() -> None:
    ids = Ids()
    found = [ids.new(name) for name in ("time", "P", "p", "S[class=1]", "S class 1", "4th", "%")]
    assert found == ["time_2", "P", "p_2", "S_class_1", "S_class_1_2", "x4th", "x"]


def test_long_moves_become_events_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    network = treated()
    monkeypatch.setattr("senescape.files.sbml.out.doses.MOST_NODES", 3)
    model = model_of(network)
    ranks = [d.rank for d in model.doses if d.time == 2.5]
    assert len(ranks) > 2 and ranks == sorted(ranks, reverse=True)
    assert gap(own_solution(network, TIMES), read_back(model, TIMES)) < SAME


# --- refusals -------------------------------------------------------------------------------------
def test_a_network_from_sbml_is_not_written_again() -> None:
    network = replace(b.immigration_death(), plain=True)
    with pytest.raises(SenescapeError, match=r"export\.plain"):
        exported(network, Start((), ()), Labels("x", "x"))


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"format": "cellml"}, "export.format"),
        ({"regimen": "151nM"}, "regimen"),
        ({"variant": "none"}, "unknown-variant"),
    ],
)
def test_what_is_not_known_is_refused(changes: dict[str, str], check: str) -> None:
    given: dict[str, Any] = {"regimen": "150nM", **changes}
    with pytest.raises(SenescapeError, match=check):
        export_scenario(read_scenario("mcf7-doxorubicin"), **given)


def test_what_libsbml_does_not_take_is_an_error_of_ours() -> None:
    model = model_of(b.immigration_death())
    with pytest.raises(SenescapeError, match=r"export\.libsbml"):
        sbml_text(replace(model, species=(replace(model.species[0], id="not an id"),)))
