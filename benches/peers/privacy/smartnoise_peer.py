"""SmartNoise SQL over a Pandas frame: it bounds rows per user by sampling, and charges epsilon per column."""

import sys

import pandas as pd
import snsql
from snsql import Privacy

frame = pd.read_parquet(sys.argv[1], columns=["u", "k", "x"])
meta = {
    "": {
        "t": {
            "d": {
                "max_ids": 5,
                "row_privacy": False,
                "censor_dims": True,
                "clamp_counts": False,
                "clamp_columns": True,
                "rows": len(frame),
                "u": {"type": "int", "private_id": True},
                "k": {"type": "int"},
                "x": {"type": "float", "lower": 0.0, "upper": 1000.0},
            }
        }
    }
}
reader = snsql.from_df(frame, privacy=Privacy(epsilon=10.0, delta=1e-8), metadata=meta)
for row in reader.execute("SELECT k, COUNT(*) AS n, SUM(x) AS s FROM t.d GROUP BY k ORDER BY k")[1:]:
    print(*row, sep=",")
