"""Therapy-induced senescence in cancer, simulated and judged: friend or foe.

A research tool, not for decisions about patients. The names re-exported here are the public API;
they are loaded when asked for. No room imports this module.

Examples
--------
>>> import senescape
>>> scenario = senescape.read_scenario("mcf7-doxorubicin")
>>> "125nM" in scenario.regimens
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senescape.lazy import loads
from senescape.version import __version__

if TYPE_CHECKING:
    from senescape.cohort import (
        Checkpoint,
        Passages,
        WellPrediction,
        checkpoint,
        fork,
        observe,
        passages,
        predict_wells,
        surviving_fraction,
    )
    from senescape.cohort.simulate import simulate  # not by the room, which names the module so too
    from senescape.compile import Compiled, Program, compile_scenario, lower, scenario_network
    from senescape.engines.branching import BranchingLaw, branching_law, probability_none
    from senescape.engines.exact import Exact
    from senescape.engines.leap import Leap
    from senescape.engines.mean_field import MeanField
    from senescape.engines.protocol import run_engine
    from senescape.engines.state import Streams
    from senescape.errors import SenescapeError
    from senescape.expressions import parse
    from senescape.files import (
        bundled,
        check_scenario,
        parse_scenario,
        read_observed,
        read_scenario,
        scenario_schema,
    )
    from senescape.model import Scenario
    from senescape.network import Network
    from senescape.report import verdict_page
    from senescape.results import Ensemble, Observed, Provenance
    from senescape.run.exporting import export_scenario
    from senescape.store import Store
    from senescape.units import convert, parse_quantity
    from senescape.verdict import Effect, Rule, Verdict, Word, expect
    from senescape.verdict.contrasts import contrasts
    from senescape.verdict.judge import judge

_HOMES = {
    "BranchingLaw": "senescape.engines.branching",
    "Checkpoint": "senescape.cohort",
    "Compiled": "senescape.compile",
    "Effect": "senescape.verdict",
    "Ensemble": "senescape.results",
    "Exact": "senescape.engines.exact",
    "Leap": "senescape.engines.leap",
    "MeanField": "senescape.engines.mean_field",
    "Network": "senescape.network",
    "Observed": "senescape.results",
    "Passages": "senescape.cohort",
    "Program": "senescape.compile",
    "Provenance": "senescape.results",
    "Rule": "senescape.verdict",
    "Scenario": "senescape.model",
    "SenescapeError": "senescape.errors",
    "Store": "senescape.store",
    "Streams": "senescape.engines.state",
    "Verdict": "senescape.verdict",
    "WellPrediction": "senescape.cohort",
    "Word": "senescape.verdict",
    "branching_law": "senescape.engines.branching",
    "bundled": "senescape.files",
    "check_scenario": "senescape.files",
    "checkpoint": "senescape.cohort",
    "compile_scenario": "senescape.compile",
    "contrasts": "senescape.verdict",
    "convert": "senescape.units",
    "expect": "senescape.verdict",
    "fork": "senescape.cohort",
    "export_scenario": "senescape.run.exporting",
    "judge": "senescape.verdict",
    "lower": "senescape.compile",
    "observe": "senescape.cohort",
    "parse": "senescape.expressions",
    "parse_quantity": "senescape.units",
    "parse_scenario": "senescape.files",
    "passages": "senescape.cohort",
    "predict_wells": "senescape.cohort",
    "probability_none": "senescape.engines.branching",
    "read_observed": "senescape.files",
    "read_scenario": "senescape.files",
    "run_engine": "senescape.engines.protocol",
    "scenario_network": "senescape.compile",
    "scenario_schema": "senescape.files",
    "simulate": "senescape.cohort",
    "surviving_fraction": "senescape.cohort",
    "verdict_page": "senescape.report",
}

__all__ = [
    "BranchingLaw",
    "Checkpoint",
    "Compiled",
    "Effect",
    "Ensemble",
    "Exact",
    "Leap",
    "MeanField",
    "Network",
    "Observed",
    "Passages",
    "Program",
    "Provenance",
    "Rule",
    "Scenario",
    "SenescapeError",
    "Store",
    "Streams",
    "Verdict",
    "WellPrediction",
    "Word",
    "__version__",
    "branching_law",
    "bundled",
    "check_scenario",
    "checkpoint",
    "compile_scenario",
    "contrasts",
    "convert",
    "expect",
    "export_scenario",
    "fork",
    "judge",
    "lower",
    "observe",
    "parse",
    "parse_quantity",
    "parse_scenario",
    "passages",
    "predict_wells",
    "probability_none",
    "read_observed",
    "read_scenario",
    "run_engine",
    "scenario_network",
    "scenario_schema",
    "simulate",
    "surviving_fraction",
    "verdict_page",
]

__getattr__ = loads(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
