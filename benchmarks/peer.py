"""One peer in a process of its own, told what to run line by line.

Usage, in the peers' environment:
python benchmarks/peer.py copasi|copasi-adaptive|rebop|libroadrunner|cvode FILE.json

The file holds SBML text and, for rebop, which reads none, the reactions. Each line of standard
input is "N SEED": run N trajectories, one after the other on one thread, and print one line of
JSON: CPU seconds, final numbers of every species (cvode: numbers at every output).
"""

from __future__ import annotations

import json
import sys
import time


def copasi(job: dict, method: str = "directmethod"):
    import basico

    basico.load_model_from_string(job["sbml"])
    options = {
        "duration": job["until"], "intervals": job["outputs"] - 1, "use_numbers": True,
        "start_time": 0, "method": method, "use_seed": True, "max_steps": 2_000_000_000,
    }  # fmt: skip

    def run(seed: int) -> list[float]:
        table = basico.run_time_course(seed=seed, **options)
        return [float(table[name].iloc[-1]) for name in job["species"]]

    return run


def libroadrunner(job: dict):
    import roadrunner

    model = roadrunner.RoadRunner(job["sbml"])
    model.setIntegrator("gillespie")
    model.integrator.variable_step_size = False
    model.integrator.nonnegative = True
    model.timeCourseSelections = ["time", *job["species"]]

    def run(seed: int) -> list[float]:
        model.reset()
        model.integrator.seed = seed
        table = model.simulate(0, job["until"], job["outputs"])
        return [float(x) for x in table[-1][1:]]

    return run


def cvode(job: dict):
    """Solve as differential equations, every trajectory with parameters of its own."""
    import numpy as np
    import roadrunner

    model = roadrunner.RoadRunner(job["sbml"])
    model.integrator.relative_tolerance = job["tolerance"]
    model.integrator.absolute_tolerance = job["tolerance"]
    model.integrator.maximum_num_steps = 1_000_000
    model.timeCourseSelections = ["time", *job["species"]]
    names, values = list(job["parameters"]), np.array(list(job["parameters"].values()))

    def run(seed: int, factors: np.ndarray) -> list[float]:
        model.reset()
        for name, value in zip(names, values * factors, strict=True):
            model[name] = float(value)
        table = np.array(model.simulate(0, job["until"], job["outputs"]))
        return table[:, 1:].ravel().tolist()

    return run


def spread(seed: int, numbers: int):
    """Return what the parameters of a trajectory are multiplied by: 10 % apart."""
    import numpy as np

    return np.exp(0.1 * np.random.default_rng(seed).standard_normal(numbers))


def rebop(job: dict):
    import rebop as tool

    model = tool.Gillespie()
    for rate, reactants, products in job["reactions"]:
        model.add_reaction(rate, reactants, products)

    def run(seed: int) -> list[float]:
        table = model.run(
            job["species"], job["until"], job["outputs"] - 1, params=job["parameters"], rng=seed
        )
        return [float(table[name][-1]) for name in job["species"]]

    return run


def copasi_adaptive(job: dict):
    return copasi(job, "adaptivesa")


TOOLS = {
    "copasi": copasi,
    "copasi-adaptive": copasi_adaptive,
    "cvode": cvode,
    "libroadrunner": libroadrunner,
    "rebop": rebop,
}


def main() -> None:
    tool, path = sys.argv[1:3]
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    run = TOOLS[tool](job)
    run(1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        number, seed = (int(x) for x in line.split())
        began = time.process_time()
        ends = [run(1000 * seed + i) for i in range(number)]
        print(json.dumps({"cpu": time.process_time() - began, "ends": ends}), flush=True)


if __name__ == "__main__":
    main()
