"""One peer in a process of its own, told what to run line by line.

Usage, in the peers' environment:
python benchmarks/peer.py copasi|copasi-adaptive|rebop|libroadrunner|cvode|diffrax FILE.json

The file holds SBML text and, for rebop, which reads none, the reactions. Each line of standard
input is "N SEED": run N trajectories, one after the other on one thread, and print one line of
JSON: CPU seconds, final numbers of every species (cvode, diffrax: numbers at every output).
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


def diffrax(job: dict):
    """Solve as differential equations in batches, every trajectory with parameters of its own."""
    import os

    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import diffrax as dx
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    names, values = list(job["parameters"]), np.array(list(job["parameters"].values()))
    species = list(job["species"])
    lines = ["def slope(t, x, p):"]
    lines += [f"    {name} = p[{i}]" for i, name in enumerate(names)]
    lines += [f"    {name} = x[{i}]" for i, name in enumerate(species)]
    change: dict[str, str] = dict.fromkeys(species, "0.0")
    for number, (consumed, made, rate) in enumerate(job["laws"]):
        lines.append(f"    v{number} = {rate}")
        for name in {*consumed, *made}:
            times = made.get(name, 0) - consumed.get(name, 0)
            change[name] += f" + {times} * v{number}" if times else ""
    lines.append(f"    return jnp.stack([{', '.join(change.values())}])")
    space: dict = {"jnp": jnp}
    exec("\n".join(lines), space)
    times = jnp.linspace(0.0, job["until"], job["outputs"])
    start = jnp.array([float(x) for x in job["species"].values()])
    solver = dx.Kvaerno5() if job["stiff"] else dx.Tsit5()
    tolerance = job["tolerance"]

    def one(p):
        return dx.diffeqsolve(
            dx.ODETerm(space["slope"]), solver, 0.0, job["until"], None, start, args=p,
            saveat=dx.SaveAt(ts=times), max_steps=100_000,
            stepsize_controller=dx.PIDController(rtol=tolerance, atol=tolerance),
        ).ys  # fmt: skip

    solve = jax.jit(jax.vmap(one))

    def run(factors: np.ndarray) -> np.ndarray:
        return np.array(solve(jnp.array(values * factors)).block_until_ready())

    run(np.ones((job["batch"], len(names))))  # compiles for this size of a batch
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


SOLVERS = ("cvode", "diffrax")  # of differential equations
TOOLS = {
    "copasi": copasi,
    "copasi-adaptive": copasi_adaptive,
    "cvode": cvode,
    "diffrax": diffrax,
    "libroadrunner": libroadrunner,
    "rebop": rebop,
}


def main() -> None:
    tool, path = sys.argv[1:3]
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    run = TOOLS[tool](job)
    numbers = len(job["parameters"])
    if tool == "cvode":
        run(1, spread(1, numbers))
    elif tool != "diffrax":
        run(1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        number, first = int(line.split()[0]), 1000 * int(line.split()[1])
        factors = [spread(first + i, numbers) for i in range(number)] if tool in SOLVERS else []
        began = time.process_time()
        if tool == "diffrax":
            import numpy as np

            ends = run(np.array(factors))
        elif tool == "cvode":
            ends = [run(first + i, own) for i, own in enumerate(factors)]
        else:
            ends = [run(first + i) for i in range(number)]
        spent = time.process_time() - began
        if tool == "diffrax":
            ends = ends.reshape(number, -1).tolist()
        print(json.dumps({"cpu": spent, "ends": ends}), flush=True)


if __name__ == "__main__":
    main()
