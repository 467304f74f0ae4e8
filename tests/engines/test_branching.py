"""The branching law: chances of extinction against Kendall, Lea and Coulson, and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from tests.engines import builders as b

from senescape.engines.branching import branching_law, probability_none
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import BirthLaw, Breakpoint, Forcing, Kind, Network, Redistribute


def none_left(network: Network, until: float, *states: str) -> float:
    program = b.program_of(network)
    places = [program.compartment(s) for s in states or ("A",)]
    return probability_none(program, b.lanes_of(program), until=until, compartments=places)


@pytest.mark.parametrize("cells", [1.0, 10.0, 1e6])
def test_a_supercritical_line_dies_out_with_chance_d_over_b(cells: float) -> None:
    """(d / b)^n in the end; at 1e6 cells the logarithm is right."""
    found = none_left(
        b.birth_death(birth=1.0, death=0.99999, start=cells), 4e6 if cells < 2 else 200.0
    )
    if cells < 2:
        assert found == pytest.approx(0.99999, rel=1e-4)
        return
    e = math.exp(1e-5 * 200.0)
    line = 0.99999 * (e - 1) / (e - 0.99999)
    assert found == pytest.approx(line**cells, rel=1e-3, abs=1e-300)


@pytest.mark.parametrize("until", [0.5, 3.0, 9.0])
def test_kendall_with_doses(until: float) -> None:
    """Time-dependent death: p0 = 1 - 1 / (e^rho + integral of birth e^(rho(t) - rho(s)))."""
    birth, death, kill, on, off = 0.6, 0.1, 1.1, 1.0, 4.0
    network = b.treated_birth_death(birth=birth, death=death, kill=kill, start=5.0, on=on, off=off)

    def rho(t: float) -> float:
        treated = max(0.0, min(t, off) - on)
        return (death - birth) * t + kill * treated

    inner, _ = quad(
        lambda s: (death + kill * (on <= s < off)) * math.exp(rho(s)),
        0.0,
        until,
        points=[p for p in (on, off) if p < until],
        epsabs=1e-12,
    )
    # Kendall 1948: p0 = J / (1 + J) with J = integral of death(s) e^rho(s)
    line = inner / (1.0 + inner)
    assert none_left(network, until) == pytest.approx(line**5, rel=1e-5)


def test_two_types_solve_their_own_equations() -> None:
    """Backward equations of both types, integrated by scipy without the engine."""

    def slope(_: float, q: np.ndarray) -> list[float]:
        a, m = q
        return [
            0.5 * (0.9 * a * a + 0.1 * a * m) + 0.2 - 0.7 * a,
            0.6 * m * m + 0.1 - 0.7 * m,
        ]

    found = none_left(b.two_types(start=3.0, mutation=0.1), 4.0, "A", "M")
    a, _ = solve_ivp(slope, (0.0, 4.0), [0.0, 0.0], rtol=1e-11, atol=1e-13).y[:, -1]
    assert found == pytest.approx(a**3, rel=1e-6)


def test_rare_escape_is_poisson() -> None:
    """P(no regrowth) = exp(-N p (1 - d / b)): N cells leave for a growing type with chance p."""
    cells, share, birth, death = 1e5, 2e-5, 0.8, 0.2
    network = Network(
        (
            b.rate("out", 3.0),
            b.number("p", share),
            b.rate("birth", birth),
            b.rate("death", death),
            b.cells("n0", cells),
        ),
        (b.state("A"), b.state("M")),
        (
            b.exit_of(1, "leave", "A", "out", b.outcome("1 - p"), b.outcome("p", M=1)),
            b.exit_of(2, "birth", "M", "birth", b.outcome(M=2)),
            b.exit_of(3, "death", "M", "death", b.outcome()),
        ),
        assays=(b.assay("live", "A", "M"),),
        births=(b.born("n0", A=1),),
    )
    expected = math.exp(-cells * share * (1 - death / birth))
    assert none_left(network, 60.0, "A", "M") == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("law", "chance"),
    [
        (BirthLaw.POISSON, lambda m, e: math.exp(-m * e)),
        (BirthLaw.LURIA_DELBRUECK, lambda m, e: e ** (m * e / (1 - e))),
        (BirthLaw.FIXED, lambda m, e: (1 - e) ** m),
    ],
)
def test_laws_of_the_number_at_the_start(law: BirthLaw, chance: object) -> None:
    """Pure death with survival e = exp(-d t): E[(1 - e)^N] by each law; Lea & Coulson's pgf."""
    survive = math.exp(-0.5 * 3.0)
    found = none_left(b.birth_death(birth=0.0, death=0.5, start=4.0, law=law), 3.0)
    assert found == pytest.approx(chance(4.0, survive), rel=1e-6)  # type: ignore[operator]


def test_mutants_that_never_die_give_exp_minus_m() -> None:
    """Luria-Delbrueck: no mutant at all with chance exp(-m)."""
    network = b.birth_death(birth=0.3, death=0.0, start=2.5, law=BirthLaw.LURIA_DELBRUECK)
    assert none_left(network, 5.0) == pytest.approx(math.exp(-2.5), rel=1e-6)


def test_radiation_controls_as_the_linear_quadratic_law_says() -> None:
    """TCP = exp(-N SF) in the limit; here (1 - SF)^N exactly, through a redistribution."""
    dose, alpha, beta, cells = 6.0, 0.35, 0.05, 200.0
    survive = math.exp(-alpha * dose - beta * dose**2)
    base = b.birth_death(birth=0.0, death=0.0, start=cells)
    move = Redistribute("A", ((None, parse(repr(1.0 - survive))),), 0)
    network = Network(
        base.parameters,
        base.compartments,
        base.transitions,
        assays=base.assays,
        births=base.births,
        forcing=Forcing((Breakpoint(1.0, (move,)),)),
    )
    assert none_left(network, 2.0) == pytest.approx((1 - survive) ** cells, rel=1e-6)


def test_arrivals_count() -> None:
    """Immigration i, death d: nobody there at t with chance exp(-i / d (1 - e^-dt)) (1 - e^-dt)^n."""
    found = none_left(b.immigration_death(inflow=0.8, death=0.4, start=2.0), 5.0)
    gone = 1 - math.exp(-2.0)
    assert found == pytest.approx(math.exp(-2.0 * gone) * gone**2, rel=1e-6)


def test_a_staged_state_is_left_at_the_end_of_its_stages() -> None:
    from scipy.stats import gamma

    found = none_left(b.erlang_chain(stages=4, mean=2.0, start=3.0), 2.5, "W")
    assert found == pytest.approx(gamma(4, scale=0.5).cdf(2.5) ** 3, rel=1e-6)


def test_questions_that_cannot_be_answered_are_refused() -> None:
    program = b.program_of(b.birth_death())
    for options, check in (
        ({"until": -1.0, "compartments": [0]}, "run.output-times"),
        ({"until": 1.0, "compartments": [5]}, "run.unknown-compartment"),
    ):
        with pytest.raises(SenescapeError) as caught:
            branching_law(program, b.lanes_of(program), **options)  # type: ignore[arg-type]
        assert caught.value.check == check
    base = b.birth_death()
    from dataclasses import replace

    general = replace(base.transitions[0], kind=Kind.GENERAL)
    program = b.program_of(replace(base, transitions=(general, base.transitions[1])))
    with pytest.raises(SenescapeError) as caught:
        branching_law(program, b.lanes_of(program), until=1.0, compartments=[0])
    assert caught.value.check == "run.general-transition"
