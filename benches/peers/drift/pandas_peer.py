"""pandas and scipy: the exact answers. `pandas_peer.py FOLDER`"""

import sys

import numpy
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance

from rows import pairs, show


def psi(reference, current):
    """With the half row per bin that Tidegate adds: the same formula, to compare with."""
    seen = (reference > 0) | (current > 0)
    p, q = reference[seen] + 0.5, current[seen] + 0.5
    p, q = p / p.sum(), q / q.sum()
    return ((p - q) * numpy.log(p / q)).sum()


def deciles(reference, current):
    edges = numpy.quantile(reference, numpy.linspace(0, 1, 11)[1:-1])
    return (numpy.bincount(numpy.searchsorted(edges, x), minlength=10) for x in (reference, current))


def drift(group, reference, current):
    x = [side["x"].to_numpy() for side in (reference, current)]
    cat = [side["cat"].value_counts(sort=False).to_numpy() for side in (reference, current)]
    ks = ks_2samp(*x, method="asymp")
    return {
        "g": group,
        "ks": ks.statistic,
        "ks_p": ks.pvalue,
        "w1": wasserstein_distance(*x),
        "psi": psi(*deciles(*x)),
        "cat_js": jensenshannon(*cat, base=2),
    }


show(drift(*pair) for pair in pairs(sys.argv[1]))
