"""Evidently: its statistical tests for each group, without the figures that a report draws. `evidently_peer.py FOLDER`"""

import math
import sys

from evidently.legacy.calculations.stattests import jensenshannon_stat_test, ks_stat_test, wasserstein_stat_test

from rows import pairs, show


def drift(group, reference, current):
    def score(test, column, kind):
        return test(reference[column], current[column], kind, None).drift_score

    # Told in standard deviations of the reference, and in nats.
    return {
        "g": group,
        "ks_p": score(ks_stat_test, "x", "num"),
        "w1": score(wasserstein_stat_test, "x", "num") * reference["x"].std(ddof=0),
        "cat_js": score(jensenshannon_stat_test, "cat", "cat") / math.sqrt(math.log(2)),
    }


show(drift(*pair) for pair in pairs(sys.argv[1]))
