#!/usr/bin/env python3
"""Drift of a float and a category in 100 groups, by Tidegate and four Python tools, one after the other in one run.

Each engine is a process of its own over the same Parquet files: half of the rows are reference, half current, in groups
of which some drifted. pandas with scipy has every value, and so the exact answers; those of the others are held against
them before figures are printed: a statistic that differs by more than its tool allows ends the run. The floor is what
DataFusion takes to read the same columns and group the same rows for a sum and a count. Figures are medians, ratios are
to Tidegate; CPU seconds are user and system of all threads, with the start of the process, which is measured over a
thousandth of the rows and shown beside.

    python3 benches/peers/drift/run.py --bin target/release --pandas-python ... --evidently-python ...
"""

import argparse
import csv
import pathlib
import shutil
import statistics
import sys
import tempfile

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))
import measure  # noqa: E402

FILES = 8
CATEGORIES = 1_000

DRIFT = """
SELECT g, x['ks_lo'] AS ks_lo, x['ks_hi'] AS ks_hi, x['w1'] AS w1, x['w1_error'] AS w1_error, x['psi'] AS psi, cat['js'] AS cat_js
FROM (
  SELECT g, drift(reference_x, current_x) AS x, drift(reference_cat, current_cat) AS cat
  FROM ({sketches})) ORDER BY g"""

# A sketch per group and part; the reference stands in the row before.
BY_PART = """
  SELECT g, reference_x, x AS current_x, reference_cat, cat AS current_cat
  FROM (
    SELECT g, part, x, cat, lag(x) OVER parts AS reference_x, lag(cat) OVER parts AS reference_cat
    FROM (SELECT g, part, ddsketch(x) AS x, freq(cat) AS cat FROM '{folder}/*.parquet' GROUP BY g, part)
    WINDOW parts AS (PARTITION BY g ORDER BY part DESC))
  WHERE part = 'current'"""

# The same in one aggregation, which looks at every row four times.
FILTERED = """
  SELECT g,
    ddsketch(x) FILTER (WHERE part = 'reference') AS reference_x,
    ddsketch(x) FILTER (WHERE part = 'current') AS current_x,
    freq(cat) FILTER (WHERE part = 'reference') AS reference_cat,
    freq(cat) FILTER (WHERE part = 'current') AS current_cat
  FROM '{folder}/*.parquet' GROUP BY g"""

FLOOR = "SELECT g, part, sum(x) AS s, count(cat) AS n FROM {table} GROUP BY g, part ORDER BY g, part"

# What the tools that have every value may differ by: the last digits.
EXACT = 1e-6


def generate(folder, rows, groups):
    """Lognormal numbers and Zipf categories; of ten groups one drifts in the number and another in the category."""
    import numpy
    import pyarrow
    import pyarrow.parquet

    folder.mkdir(parents=True)
    draw = numpy.random.default_rng(20261121)
    names = pyarrow.array([f"category {at}" for at in range(CATEGORIES)])
    shares = {exponent: numpy.arange(1, CATEGORIES + 1) ** -exponent for exponent in (1.1, 1.2)}
    edges = {exponent: numpy.cumsum(share) / share.sum() for exponent, share in shares.items()}
    for file in range(FILES):
        size = rows // FILES
        group = draw.integers(0, groups, size)
        current = draw.integers(0, 2, size) == 1
        x = numpy.exp(draw.normal(3.0, 1.0, size) + numpy.where(current & (group % 10 == 3), 0.1, 0.0))
        place = draw.random(size)
        drifted = numpy.searchsorted(edges[1.2], place, side="right")
        key = numpy.where(current & (group % 10 == 7), drifted, numpy.searchsorted(edges[1.1], place, side="right"))
        part = pyarrow.DictionaryArray.from_arrays(
            pyarrow.array(current.astype("int8")), pyarrow.array(["reference", "current"])
        )
        cat = pyarrow.DictionaryArray.from_arrays(pyarrow.array(numpy.minimum(key, CATEGORIES - 1).astype("int16")), names)
        table = pyarrow.table(
            {"g": group, "part": part.cast(pyarrow.string()), "x": x, "cat": cat.cast(pyarrow.string())}
        )
        pyarrow.parquet.write_table(table, folder / f"part-{file}.parquet", compression="zstd")


def answers(printed):
    """By group, what was printed as CSV with a header that begins with `g`."""
    lines = printed.splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("g,"))
    rows = csv.DictReader(lines[head:])
    return {int(float(row.pop("g"))): {name: float(value) for name, value in row.items()} for row in rows}


def held(name, found, exact, allowed):
    """Compares every statistic of a tool with the exact one; gives the greatest difference of each."""
    if found.keys() != exact.keys():
        sys.exit(f"{name}: {len(found)} groups, expected {len(exact)}")
    greatest = {}
    for group, row in found.items():
        for statistic, value in row.items():
            if statistic not in exact[group]:
                continue
            difference = abs(value - exact[group][statistic])
            greatest[statistic] = max(greatest.get(statistic, 0.0), difference)
            # "Not above" would let NaN pass.
            if not difference <= allowed.get(statistic, EXACT):
                sys.exit(f"{name}: {statistic} of group {group} is {value}, exactly {exact[group][statistic]}")
    return greatest


def within_bounds(found, exact):
    """Whether the exact answers lie in the intervals that sketches give."""
    for group, row in found.items():
        true = exact[group]
        if not row["ks_lo"] - EXACT <= true["ks"] <= row["ks_hi"] + EXACT:
            sys.exit(f"Tidegate: KS of group {group} is {true['ks']}, not from {row['ks_lo']} to {row['ks_hi']}")
        if abs(row["w1"] - true["w1"]) > row["w1_error"]:
            sys.exit(f"Tidegate: W1 of group {group} is {true['w1']}, not {row['w1']} within {row['w1_error']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    for peer in ("pandas", "evidently", "nannyml", "whylogs"):
        parser.add_argument(f"--{peer}-python", help=f"a Python with {peer}, see the README")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=1, help="rounds of the Python tools")
    parser.add_argument("--folder", type=pathlib.Path, help="where rows are kept for the next run")
    options = parser.parse_args()

    work = options.folder or pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    try:
        for rows in (options.rows, options.rows // 1000):
            if not (work / str(rows)).exists():
                generate(work / str(rows), rows, options.groups)
        compare(options, work)
    finally:
        if not options.folder:
            shutil.rmtree(work, ignore_errors=True)


def commands(options, folder, out):
    """How each engine is started over the rows in `folder`."""
    ours = [options.bin / "tidegate", "sql", "--format", "csv", "--project", out]
    files = f"'{folder}/*.parquet'"
    found = {
        "Tidegate": [*ours, DRIFT.format(sketches=BY_PART.format(folder=folder))],
        "Tidegate, FILTER": [*ours, DRIFT.format(sketches=FILTERED.format(folder=folder))],
        "sum and count, Tidegate": [*ours, FLOOR.format(table=files)],
        "sum and count, DataFusion": [options.bin / "plain-datafusion", folder, out / "sums.parquet", FLOOR.format(table="t")],
    }
    for peer, file in (("pandas", "pandas_peer"), ("evidently", "evidently_peer"), ("nannyml", "nannyml_peer"), ("whylogs", "whylogs_peer")):
        if python := getattr(options, f"{peer}_python"):
            found[PEERS[peer]] = [python, FOLDER / f"{file}.py", folder]
    return found


PEERS = {"pandas": "pandas, scipy", "evidently": "Evidently", "nannyml": "NannyML", "whylogs": "whylogs"}

# By how much a tool may differ from the exact answer, where it does not have every value. NannyML bins numbers of 10,000
# rows and more; whylogs keeps a KLL sketch of them, and the 128 most frequent categories.
ALLOWED = {
    # A PSI in bins of its own edges: another number, nearly.
    "Tidegate": {"psi": 0.002},
    "Tidegate, FILTER": {"psi": 0.002},
    "NannyML": {"ks": 0.02, "w1": 1.0},
    "whylogs": {"ks": 0.05},
}


def compare(options, work):
    engines = commands(options, work / str(options.rows), work)
    starts = commands(options, work / str(options.rows // 1000), work)
    figures = {name: [] for name in engines}
    printed = {}
    # Warms the page cache and is left out.
    measure.measure(engines["sum and count, Tidegate"])
    for turn in range(options.rounds):
        names = [name for name in engines if name not in PEERS.values() or turn < options.peer_rounds]
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            try:
                figure = measure.measure(engines[name])
            except measure.Failed as failed:
                print(f"{name}: {str(failed)[-1200:]}", file=sys.stderr)
                continue
            printed[name] = figure.pop("stdout")
            figures[name].append(figure)
    start = {name: measure.measure(starts[name])["cpu_s"] for name in figures if figures[name]}
    differences = compared(printed)

    base = statistics.median(figure["cpu_s"] for figure in figures["Tidegate"])
    print("| engine | wall s | CPU s | of it start | peak MiB | CPU to Tidegate | greatest difference from the exact answer |")
    print("|---|---|---|---|---|---|---|")
    for name, rounds in figures.items():
        if not rounds:
            continue
        wall, cpu, peak = (statistics.median(figure[key] for figure in rounds) for key in ("wall_s", "cpu_s", "peak_mib"))
        differs = ", ".join(f"{statistic} {value:.2g}" for statistic, value in differences.get(name, {}).items())
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {start[name]:.2f} | {peak:.0f} | {cpu / base:.2f} | {differs} |")


def compared(printed):
    """The greatest differences of each tool from pandas with scipy, if that is there."""
    if PEERS["pandas"] not in printed:
        print("no --pandas-python: answers are not compared", file=sys.stderr)
        return {}
    exact = answers(printed[PEERS["pandas"]])
    differences = {}
    for name, text in printed.items():
        if name.startswith("sum and count") or name == PEERS["pandas"]:
            continue
        found = answers(text)
        if name.startswith("Tidegate"):
            within_bounds(found, exact)
            for row in found.values():
                row["ks"] = (row["ks_lo"] + row["ks_hi"]) / 2
            allowed = ALLOWED[name] | {"ks": 1.0, "w1": float("inf")}
        else:
            allowed = ALLOWED.get(name, {})
        differences[name] = held(name, found, exact, allowed)
    return differences


if __name__ == "__main__":
    main()
