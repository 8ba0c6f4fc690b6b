"""whylogs: two profiles for each group, and the scores of their drift. `whylogs_peer.py FOLDER`"""

import os
import sys
import warnings

# It calls home otherwise.
os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
warnings.filterwarnings("ignore")

import whylogs  # noqa: E402
from whylogs.viz.drift.column_drift_algorithms import KS, ChiSquare  # noqa: E402

from rows import pairs, show  # noqa: E402


def drift(group, reference, current):
    profiles = [whylogs.log(pandas=rows.reset_index(drop=True)).view() for rows in (reference, current)]
    x, cat = ([profile.get_column(name) for profile in profiles] for name in ("x", "cat"))
    ks = KS().calculate(target_column_view=x[1], reference_column_view=x[0])
    chi2 = ChiSquare().calculate(target_column_view=cat[1], reference_column_view=cat[0])
    return {"g": group, "ks": ks.statistic, "cat_chi2": chi2.statistic}


show(drift(*pair) for pair in pairs(sys.argv[1]))
