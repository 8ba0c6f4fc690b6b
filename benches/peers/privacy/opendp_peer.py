"""OpenDP's Polars context: rows truncated per user, keys per user bounded, keys chosen by a threshold on a noisy count.

A count of rows and a sum of values that are clamped by row (0 to 1,000): OpenDP bounds rows, and not a user's sum.
"""

import sys

import opendp.prelude as dp
import polars as pl

dp.enable_features("contrib")

context = dp.Context.compositor(
    data=pl.scan_parquet(sys.argv[1]).select("u", "k", "x"),
    privacy_unit=dp.unit_of(contributions=1, identifier="u"),
    privacy_loss=dp.loss_of(epsilon=10.0, delta=1e-8),
    split_evenly_over=1,
    margins=[dp.polars.Margin(by=["k"], max_length=20_000_000, max_groups=10_000)],
)
query = (
    context.query()
    .truncate_per_group(50, by=["k"])
    .truncate_num_groups(5, by=["k"], keep="first")
    .group_by("k")
    .agg(
        dp.len().alias("n"),
        pl.col("x").fill_nan(0.0).fill_null(0.0).dp.sum(bounds=(0.0, 1000.0)).alias("s"),
    )
)
for row in query.release().collect().sort("k").iter_rows():
    print(*row, sep=",")
