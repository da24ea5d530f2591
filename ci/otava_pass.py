"""Prints the milliseconds in which apache-otava looks for the best split of so many values."""

import sys
import time

import numpy as np
from otava.change_point_divisive.calculator import PairDistanceCalculator

PASSES = 50
values = np.arange(int(sys.argv[1])) * 7919.0 % 1009.0
start = time.perf_counter()
for _ in range(PASSES):
    PairDistanceCalculator(values).get_candidate_change_point(slice(0, len(values)))
print((time.perf_counter() - start) * 1e3 / PASSES)
