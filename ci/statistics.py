"""Compares the answers of our `statistics` program with scipy and apache-otava.

Usage: statistics.py PROGRAM. Exits 1 at the first difference, naming it.
"""

import json
import subprocess
import sys
import time

import numpy as np
from otava.analysis import compute_change_points
from otava.change_point_divisive.calculator import PairDistanceCalculator
from scipy import stats

# Numbers agree to this, relative to the larger of 1 and the number.
PRECISION = 1e-9
# A change is found this near to where otava finds it.
PLACE_ERROR = 1


def ask(program, values, confidence=0.95, quantile=0.5):
    request = {"values": list(values), "confidence": confidence, "quantile": quantile}
    done = subprocess.run(
        [program], input=json.dumps(request) + "\n", capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def agree(what, ours, theirs, precision=PRECISION):
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if not np.all(np.abs(ours - theirs) <= precision * np.maximum(1.0, np.abs(theirs))):
        sys.exit(f"real-statistics: {what}: ours {ours}, theirs {theirs}")


def estimates(program, values, confidence, quantile):
    ours = ask(program, values, confidence, quantile)
    n, tail = len(values), (1 - confidence) / 2
    i, j = np.triu_indices(n)
    agree("median", ours["median"], np.median(values))
    agree("Hodges-Lehmann", ours["hodges_lehmann"], np.median((values[i] + values[j]) / 2))
    error = stats.sem(values)
    agree("t interval", ours["mean"], stats.t.interval(confidence, n - 1, values.mean(), error))
    d = values - values.mean()
    agree("lag-1 autocorrelation", ours["lag1"], (d[1:] @ d[:-1]) / (d @ d))
    low, high = stats.binom.ppf([tail, 1 - tail], n, quantile)
    ranks = [low if low > 0 else None, high + 1 if high < n else None]
    if ours["ranks"] != ranks:
        sys.exit(f"real-statistics: ranks: ours {ours['ranks']}, theirs {ranks}")
    share = stats.binomtest(n // 10, n).proportion_ci(confidence, method="exact")
    agree("Clopper-Pearson", ours["share"], [share.low, share.high])
    signed_rank(values, ours["signed_rank"], tail)
    # otava also tries parts of a single value, which have no distance within.
    q = PairDistanceCalculator(values)._get_Q_vals(0, n)
    taus = np.arange(1, n)[:, None]
    ends = np.arange(2, n + 1)[None, :]
    q = np.where((taus >= 2) & (ends - taus >= 2), q, -np.inf)
    at = np.unravel_index(np.argmax(q), q.shape)
    agree("energy statistic", ours["split"], [at[0] + 1, q[at]])


def signed_rank(values, interval, tail):
    """Just outside of the interval the exact test rejects, just inside it does not."""
    low, high = interval
    step = 1e-9 * max(1.0, abs(low), abs(high))

    def p(centre, alternative):
        return stats.wilcoxon(values - centre, alternative=alternative, method="exact").pvalue

    outside = p(low - step, "greater"), p(high + step, "less")
    inside = p(low + step, "greater"), p(high - step, "less")
    if max(outside) > tail or min(inside) <= tail:
        sys.exit(f"real-statistics: signed rank: {outside} outside, {inside} inside, of {tail}")


def histories(program, random):
    cases = {
        "a step": [(60, 100.0), (40, 105.0)],
        "up and down": [(40, 100.0), (40, 107.0), (40, 100.0)],
        "stair": [(50, 100.0), (50, 108.0), (50, 116.0)],
    }
    for name, levels in cases.items():
        level = np.concatenate([np.full(count, value) for count, value in levels])
        values = level + random.standard_normal(len(level))
        ours = ask(program, values)["changes"]
        # Of an array otava would look at the whole in every window.
        theirs = [point.index for point in compute_change_points(list(values), max_pvalue=1e-4)[0]]
        near = len(ours) == len(theirs) and all(
            abs(a - b) <= PLACE_ERROR for a, b in zip(ours, theirs)
        )
        if not near:
            sys.exit(f"real-statistics: changes of {name}: ours {ours}, otava {theirs}")
        print(f"changes of {name}: {ours}, otava {theirs}")


def speed(program, random):
    values = random.standard_normal(200)
    ours_ms = ask(program, values)["pass_s"] * 1e3
    start = time.perf_counter()
    for _ in range(50):
        PairDistanceCalculator(values).get_candidate_change_point(slice(0, len(values)))
    theirs_ms = (time.perf_counter() - start) * 1e3 / 50
    print(f"a pass over 200 values: {ours_ms:.3f} ms, otava {theirs_ms:.3f} ms")
    if ours_ms >= theirs_ms:
        sys.exit("real-statistics: our pass is slower than otava's")


def main():
    program = sys.argv[1]
    random = np.random.default_rng(20260101)
    for n in (12, 25, 60, 99):
        for confidence in (0.9, 0.99):
            estimates(program, random.standard_normal(n), confidence, 0.5)
            estimates(program, random.lognormal(3.0, 1.0, n), confidence, 0.9)
    histories(program, random)
    speed(program, random)


main()
