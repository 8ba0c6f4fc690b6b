"""NannyML: univariate drift of one chunk for each group. `nannyml_peer.py FOLDER`"""

import os
import sys
import warnings

# It calls home otherwise, and waits for an answer.
os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

from nannyml import UnivariateDriftCalculator  # noqa: E402

from rows import pairs, show  # noqa: E402


def drift(group, reference, current):
    calculator = UnivariateDriftCalculator(
        column_names=["x", "cat"],
        treat_as_categorical=["cat"],
        continuous_methods=["kolmogorov_smirnov", "wasserstein"],
        categorical_methods=["jensen_shannon"],
        chunk_number=1,
    )
    found = calculator.fit(reference).calculate(current).filter(period="analysis").to_df().iloc[0]
    return {
        "g": group,
        "ks": found["x", "kolmogorov_smirnov", "value"],
        "w1": found["x", "wasserstein", "value"],
        "cat_js": found["cat", "jensen_shannon", "value"],
    }


show(drift(*pair) for pair in pairs(sys.argv[1]))
