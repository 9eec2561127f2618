"""Pools reproduce the figures that the guideline's panel computed, and statsmodels where two ways meet."""

import dataclasses
import math

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from service.evidence.effect import Interval, normal_quantile, student_cdf, student_quantile
from service.evidence.lint import faults
from service.evidence.pooling import pooled

TATA = Interval(1.04, 0.81, 1.34, 95)
MF_5Y = Interval(0.66, 0.49, 0.88, 95)
MF_10Y = Interval(0.71, 0.59, 0.86, 95)
E2108 = Interval(1.11, 0.82, 1.52, 90)
ABCSG = Interval(1.447, 0.75, 2.793, 95)
JCOG = Interval(0.857, 0.686, 1.072, 90)

# id: trials, fixed, DerSimonian-Laird, Hartung-Knapp, Q, I2, tau2 (computed_pools of the guideline's evidence file)
POOLS = {
    "five_trials_mf5y": (
        (TATA, MF_5Y, E2108, ABCSG, JCOG),
        (0.911, 0.792, 1.047), (0.931, 0.747, 1.161), (0.931, 0.674, 1.287), 8.94, 55.2, 0.0332,
    ),
    "five_trials_mf10y_as_published": (
        (TATA, MF_10Y, E2108, ABCSG, JCOG),
        (0.868, 0.769, 0.98), (0.93, 0.75, 1.154), (0.93, 0.69, 1.254), 10.4, 61.5, 0.0343,
    ),
    "four_trials_without_mf07_01": (
        (TATA, E2108, ABCSG, JCOG),
        (1.002, 0.855, 1.174), (1.002, 0.855, 1.174), (1.002, 0.777, 1.291), 2.91, 0.0, 0.0,
    ),
    "after_systemic_therapy_tata_e2108_jcog": (
        (TATA, E2108, JCOG),
        (0.979, 0.831, 1.153), (0.979, 0.831, 1.153), (0.979, 0.708, 1.354), 1.63, 0.0, 0.0,
    ),
    "non_progressors_e2108_jcog": (
        (E2108, JCOG), (0.937, 0.755, 1.162), (0.944, 0.739, 1.207), None, 1.25, 19.9, None,
    ),
    "upfront_mf5y_abcsg": (
        (MF_5Y, ABCSG), (0.752, 0.575, 0.982), (0.923, 0.431, 1.975), None, 4.57, 78.1, 0.2408,
    ),
}  # fmt: skip


def numbers(interval):
    return (interval.ratio, interval.low, interval.high)


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_reproduces_the_panel_s(name):
    trials, fixed, random, knapp, q, i2, tau2 = POOLS[name]
    pool = pooled(trials)
    assert numbers(pool.fixed) == pytest.approx(fixed, abs=0.0006)
    assert numbers(pool.random) == pytest.approx(random, abs=0.0006)
    if knapp is not None:
        assert numbers(pool.hartung_knapp) == pytest.approx(knapp, abs=0.0006)
    assert pool.q == pytest.approx(q, abs=0.01)
    assert pool.i2 == pytest.approx(i2, abs=0.06)
    if tau2 is not None:
        assert pool.tau2 == pytest.approx(tau2, abs=0.0002)
    assert sum(pool.weights_fixed) == pytest.approx(100)
    assert sum(pool.weights_random) == pytest.approx(100)


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_agrees_with_statsmodels(name):
    trials = POOLS[name][0]
    logs = np.array([math.log(trial.ratio) for trial in trials])
    variances = np.array([trial.standard_error**2 for trial in trials])
    result = combine_effects(logs, variances, method_re="dl", use_t=False)
    frame = result.summary_frame()
    pool = pooled(trials)
    rows = [("fixed effect", pool.fixed), ("random effect", pool.random)]
    if result.tau2 < 0:  # statsmodels goes on with a negative variance; no variance is negative, so ours is fixed then
        rows = rows[:1]
        assert numbers(pool.random) == numbers(pool.fixed)
    for row, interval in rows:
        found = [math.exp(frame.loc[row, column]) for column in ("eff", "ci_low", "ci_upp")]
        assert numbers(interval) == pytest.approx(found, rel=1e-9)
    assert pool.tau2 == pytest.approx(max(0.0, result.tau2), abs=1e-12)
    assert pool.q == pytest.approx(result.q, rel=1e-9)


def test_each_interval_is_read_at_its_own_level():
    assert E2108.standard_error == pytest.approx(0.1876, abs=0.0001)
    assert JCOG.standard_error == pytest.approx(0.1357, abs=0.0001)
    assert numbers(E2108.at(95)) == pytest.approx((1.11, 0.77, 1.6), abs=0.005)
    wrong = pooled([TATA, MF_5Y, Interval(1.11, 0.82, 1.52, 95), ABCSG, Interval(0.857, 0.686, 1.072, 95)])
    assert wrong.random.low == pytest.approx(0.756, abs=0.001)


def test_the_direction_of_abcsg_28_matters():
    wrong = pooled([TATA, MF_5Y, E2108, Interval(0.691, 0.358, 1.333, 95), JCOG])
    assert wrong.random.ratio == pytest.approx(0.875, abs=0.001)


def test_one_study_is_no_pool():
    with pytest.raises(ValueError, match="at least two"):
        pooled([TATA])


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262)])
def test_quantiles_of_student(freedom, quantile):
    assert student_quantile(95, freedom) == pytest.approx(quantile, abs=0.001)
    assert student_cdf(-quantile, freedom) == pytest.approx(0.025, abs=1e-4)


def test_quantiles_of_the_normal_distribution():
    assert normal_quantile(95) == pytest.approx(1.959964, abs=1e-6)
    assert normal_quantile(90) == pytest.approx(1.644854, abs=1e-6)


def test_the_lint_finds_what_cannot_be_right_and_nothing_else():
    for trial, people in ((TATA, 350), (MF_5Y, 274), (E2108, 256), (JCOG, 407)):
        assert not list(faults(trial, people))
    (narrow,) = faults(MF_10Y, 265)
    assert "narrower than 265 people allow" in narrow
    (outside,) = faults(Interval(2.0, 0.5, 1.5, 95), None)
    assert "outside its interval" in outside
    (askew,) = faults(Interval(0.6, 0.5, 1.5, 95), None)
    assert "off the middle" in askew
    assert list(faults(Interval(1.0, 1.5, 0.5, 95), None))


def test_a_small_and_a_wide_quantile_of_student_are_found():
    assert student_quantile(50, 4) == pytest.approx(0.740697, abs=1e-6)
    assert student_quantile(99.99, 1) == pytest.approx(6366.1977, abs=1e-3)


def of_standard_error(error, ratio=1.0):
    """An interval around 1 whose logarithm has this standard error."""
    reach = normal_quantile(95) * error
    return Interval(ratio, math.exp(-reach), math.exp(reach), 95)


def test_an_interval_tells_its_asymmetry_in_standard_errors_and_the_events_it_needs():
    assert of_standard_error(0.5, ratio=math.exp(0.25)).asymmetry == pytest.approx(0.5)
    assert of_standard_error(0.5).events_implied == pytest.approx(16)


def test_an_estimate_at_an_end_of_its_interval_lies_in_it():
    assert Interval(0.5, 0.5, 2.0, 95).inside
    assert Interval(2.0, 0.5, 2.0, 95).inside


@pytest.mark.parametrize(("low", "high"), [(0.0, 2.0), (-1.0, 2.0), (1.0, 1.0)])
def test_an_interval_from_zero_or_of_no_width_cannot_be_right(low, high):
    (found,) = faults(Interval(1.0, low, high, 95), 100)
    assert "empty or not positive" in found


def test_the_lint_allows_for_rounding_and_no_more():
    assert not list(faults(of_standard_error(0.2, ratio=math.exp(0.019)), None))
    assert list(faults(of_standard_error(0.2, ratio=math.exp(0.021)), None)), "a tenth of a standard error"
    assert not list(faults(of_standard_error(0.2), 92)), "100 events of 92 people: unequal arms"
    assert list(faults(of_standard_error(0.2), 90))


def test_studies_that_agree_exactly_have_no_heterogeneity():
    pool = pooled([of_standard_error(0.2), of_standard_error(0.3)])
    assert (pool.q, pool.i2, pool.tau2) == (0.0, 0.0, 0.0)


def test_a_figure_cannot_be_changed():
    for figure in (TATA, pooled([TATA, JCOG])):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(figure, dataclasses.fields(figure)[0].name, None)
