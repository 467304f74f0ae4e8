"""Constructs of SBML beyond plain reactions: does the mean field solve them as libRoadRunner does?

Usage, with the other tools in an environment of their own:

    python3 -m venv other && other/bin/pip install libroadrunner antimony
    other/bin/python verification/sbml_constructs.py theirs FOLDER
    .venv/bin/python verification/sbml_constructs.py ours FOLDER

`theirs` translates small models from Antimony to SBML and solves them with CVODE (relative
tolerance 1e-11, steps of at most 0.05, so that no short event is stepped over) to 10, at 21 times;
`ours` reads the SBML files and prints the largest difference of each species, parameter and
compartment that may change, relative to its largest value.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

UNTIL, EVERY = 10.0, 0.5
LIMIT = 1e-5
FACTOR = '<parameter id="cf" value="2.5" constant="true"/>'
MODELS = {
    "growing compartment": """
        compartment C=1; C' = 0.3; species S in C; S=5; J: S=>; k*S*C; k=0.2;
    """,
    "growing conc rule": """
        compartment C=1; C' = 0.3; species S in C; S=5; S' = -0.1*S;
    """,
    "assigned compartment": """
        compartment C; C := 1+0.5*sin(time); species S in C; S=5; J: S=>; k*S; k=0.2;
    """,
    "event compartment": """
        compartment C=1; species S in C; S=5; J: S=>; k*S; k=0.2; at time>2: C=3;
    """,
    "event compartment species": """
        compartment C=1; species S in C; S=5; J: S=>; k*S; k=0.2; at time>2: C=3, S=4;
    """,
    "fractional": """
        species A=10,B=0; J: 1.5 A => 0.5 B; k*A; k=0.1;
    """,
    "var stoich": """
        species A=10, B=0; n := 1 + 0.5*time; J: A => n B; k*A; k=0.1;
    """,
    "rate stoich": """
        species A=10, B=0; n = 1; n' = 0.3; J: A => n B; k*A; k=0.1;
    """,
    "event stoich": """
        species A=10, B=0; n = 1; at time > 3: n = 4; J: A => n B; k*A; k=0.1;
    """,
    "init stoich": """
        species A=10, B=0; n = 2*k; J: A => n B; k*A; k=0.1;
    """,
    "trig": """
        x=0; x' = sin(time)+cos(2*time)*tan(time/20);
        y := arcsin(time/20) + arccos(time/30)+arctan(time);
        z := sec(time/20)+csc(1+time/20)+cot(1+time/20); species S=1; J: =>S; 1+sin(time);
    """,
    "hyper": """
        y := sinh(time/5)+cosh(time/5)+tanh(time-5)+sech(time/5)+csch(1+time)+coth(1+time);
        z := arcsinh(time-5)+arccosh(1+time)+arctanh(time/20)+arcsech(0.5/(1+time));
        u := arccsch(1+time)+arccoth(2+time);
        species S=1; J: =>S; 1;
    """,
    "floor": """
        y := floor(time) + ceil(time/2+0.01) + factorial(floor(time/3));
        species S=1; J: =>S; 1 + 0*y;
    """,
    "quotient": """
        y := quotient(10*time+1, 3) + rem(7*time+0.5, 3) + min(time,3,5)+max(time,2);
        species S=1; J: =>S; 1;
    """,
    "rateof species": """
        species A=10, B=0; J: A => B; k*A; k=0.1; y := rateOf(A)*2; x=0; x' = rateOf(B);
    """,
    "rateof param": """
        x = 1; x' = 0.2*x; y := rateOf(x); species S=1; J: =>S; rateOf(x);
    """,
    "rateof comp": """
        compartment C=1; C' = 0.3*C; species S in C; S=5; J: S=>; k*S*C; k=0.2; y := rateOf(S);
        z := rateOf(C);
    """,
    "rateof event": """
        species A=10, B=0; J: A => B; k*A; k=0.1; z=0; at rateOf(A) > -0.5: z = 7;
    """,
    "rateof init": """
        species A=10, B=0; J: A => B; k*A; k=0.1; z = rateOf(B);
    """,
    "piecewise floor event": """
        species S=1; J: =>S; 1; p=0; at floor(time) >= 3: p = p+1;
    """,
    "conv": """
        species A=10,B=0; J: A => B; k*A; k=0.1;
    """,
    "implies": """
        species S=1; J: =>S; 1; p := piecewise(1, time>3 && !(time>5), 2, time > 6, 3);
    """,
    "event priority": """
        species S=1; J: =>S; 1; p=0; q=0; at (time>3), priority=2: p=p+1;
        at (time>3), priority=1: p=p*10;
    """,
    "event persist": """
        species S=1; J: =>S; 1; p=0; at (S>4), t0=true: p=p+1, S=1;
    """,
    "boundary": """
        compartment C=2; species $X in C; X=4; species S in C; S=0; J: X=>S; k*X*C; k=0.1;
        X' = -0.05*X;
    """,
    "conc event only": """
        compartment C=1; C'=0.1; species $X in C; X=4; at time>2: X=9; species S in C; S=0;
        J: =>S; X;
    """,
    "neg": """
        x = -1; x' = -0.1; species S=1; J: =>S; -0.05;
    """,
    "subst only comp": """
        compartment C=2; substanceOnly species A in C; A=10; J: A=>; k*A; k=0.1; C'=0.1;
        y := A/C;
    """,
    "zero comp rate": """
        compartment C=1; C' = -0.05*C; species A in C, B in C; A=3; B=1; J1: 2A=>B; k*A*A*C;
        J2: B=>; 0.2*B*C; k=0.05;
    """,
}


def theirs(folder: Path) -> None:
    """Write the models as SBML, and libRoadRunner's solutions."""
    import antimony
    import numpy as np
    import roadrunner

    folder.mkdir(parents=True, exist_ok=True)
    solutions = {}
    for name, body in MODELS.items():
        antimony.clearPreviousLoads()
        if antimony.loadAntimonyString(f"model m\n{body}\nend") < 0:
            raise RuntimeError(f"{name}: {antimony.getLastError()}")
        text = antimony.getSBMLString("m")
        if name == "conv":  # Antimony has no word for a conversion factor
            text = text.replace("<model ", '<model conversionFactor="cf" ', 1)
            text = text.replace("<listOfParameters>", f"<listOfParameters>{FACTOR}", 1)
        (folder / f"{name.replace(' ', '-')}.xml").write_text(text, encoding="utf-8")
        solver = roadrunner.RoadRunner(text)
        solver.integrator.relative_tolerance = 1e-11
        solver.integrator.absolute_tolerance = 1e-14
        solver.integrator.maximum_time_step = 0.05
        model = solver.model
        names = [*model.getFloatingSpeciesIds(), *model.getBoundarySpeciesIds()]
        names += [*model.getGlobalParameterIds(), *model.getCompartmentIds()]
        solver.timeCourseSelections = ["time", *names]
        path = np.array(solver.simulate(0.0, UNTIL, round(UNTIL / EVERY) + 1))
        solutions[name] = dict(zip(names, path[:, 1:].T.tolist(), strict=True))
    (folder / "solutions.json").write_text(json.dumps(solutions), encoding="utf-8")
    print(f"libRoadRunner {roadrunner.__version__}: {len(solutions)} models")


def ours(folder: Path) -> None:
    """Solve the models and print the largest differences."""
    import numpy as np

    from senescape.compile import lower
    from senescape.files import read_sbml
    from senescape.run import engine_named, output_times, run_network

    solutions = json.loads((folder / "solutions.json").read_text(encoding="utf-8"))
    worst = 0.0
    for name, solution in solutions.items():
        program = lower(read_sbml(folder / f"{name.replace(' ', '-')}.xml"))
        times = output_times(UNTIL, EVERY)
        found = run_network(engine_named("mean-field"), program, times, replicates=1, seed=1)
        gaps = {}
        for own, mean in zip(found.names, found.mean, strict=True):
            if own not in solution:  # a stoichiometry: libRoadRunner does not list it
                continue
            other = np.array(solution[own])
            gaps[own] = float(np.abs(mean - other).max() / max(np.abs(other).max(), 1e-9))
        largest = max(gaps, key=gaps.__getitem__)
        worst = max(worst, gaps[largest])
        known = "" if gaps[largest] < LIMIT else "  <- differs"
        print(f"{name}: {gaps[largest]:.1e} ({largest}){known}")
    print(f"{len(solutions)} models, largest difference {worst:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("who", choices=("ours", "theirs"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    (theirs if options.who == "theirs" else ours)(options.folder)


if __name__ == "__main__":
    main()
