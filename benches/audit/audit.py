#!/usr/bin/env python3
"""Is a release as private as it says? Judged by releases alone, without a line of the engine.

`audit-releases` draws releases over two tables that differ by all rows of one unit. For every event S

    P(release of one table in S) <= e^epsilon P(release of the other in S) + delta

must hold, in both directions. The event is chosen on one half of the samples and judged on the other half, with exact
(Clopper-Pearson) confidence bounds: when even the lower bound of the left side minus the upper bound of the right side's
first term is above delta, the claim is false, and this script ends with exit code 1.

    cargo build --release -p tidegate-benches
    pip install numpy dp-accounting
    python3 benches/audit/audit.py --bin target/release
    python3 benches/audit/audit.py --bin target/release --case count --break half-noise      # must fail
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

# A true claim is called false this often, per case.
ERROR = 0.001
# Values of a column are told apart by so many quantiles.
BINS = 64
# Thresholds of the score that are tried.
EVENTS = 400
ABSENT = "-"


# Exact confidence bounds.


def beta_fraction(x, a, b):
    """The continued fraction of the incomplete beta function (Lentz)."""
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + step * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + step / c
            c = c if abs(c) > tiny else tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return value


def beta_cdf(x, a, b):
    """The chance that a beta variable is at most x."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * beta_fraction(x, a, b) / a
    return 1.0 - front * beta_fraction(1.0 - x, b, a) / b


def beta_quantile(p, a, b):
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_cdf(middle, a, b) < p else (low, middle)
    return low, high


def at_least(hits, n, error):
    """A chance is below this with at most `error`, when it hit `hits` times of `n`."""
    return 0.0 if hits == 0 else beta_quantile(error, hits, n - hits + 1)[0]


def at_most(hits, n, error):
    return 1.0 if hits == n else beta_quantile(1.0 - error, hits + 1, n - hits)[1]


# Events.


def read(path):
    """Releases by row; a group that was not kept is below every number."""
    lines = path.read_text().split()
    rows = [[-math.inf if value == ABSENT else float(value) for value in line.split(",")] for line in lines]
    return np.array(rows)


class Score:
    """How much likelier a release is under the first table than under the second: log ratios of histograms, column by
    column, added up. Noise of columns is independent, so little is lost by it."""

    def __init__(self, first, second):
        self.columns = []
        for column in range(first.shape[1]):
            both = np.concatenate([first[:, column], second[:, column]])
            values = np.unique(both)
            if len(values) > BINS:
                present = both[np.isfinite(both)]
                values = np.unique(np.quantile(present, np.linspace(0, 1, BINS), method="lower"))
                values = np.concatenate([[-np.inf], values]) if len(present) < len(both) else values
            counts = [
                np.bincount(self.place(values, side[:, column]), minlength=len(values)) + 0.5 for side in (first, second)
            ]
            totals = [count.sum() for count in counts]
            self.columns.append((values, np.log(counts[0] / totals[0]) - np.log(counts[1] / totals[1])))

    @staticmethod
    def place(values, column):
        return np.clip(np.searchsorted(values, column, side="right") - 1, 0, len(values) - 1)

    def of(self, releases):
        places = (ratios[self.place(values, releases[:, i])] for i, (values, ratios) in enumerate(self.columns))
        return sum(places)


def hits(score, threshold):
    return int(np.count_nonzero(score >= threshold))


def judge(first, second, epsilon, delta):
    """Lower and upper bound of the delta that is needed at epsilon, and the epsilon that is proved at delta."""
    # Of two possible outcomes there is nothing to choose: every sample judges.
    if len(np.unique(np.concatenate([first, second]))) <= 2:
        halves = [(first, first), (second, second)]
    else:
        halves = [(side[: len(side) // 2], side[len(side) // 2 :]) for side in (first, second)]
    (chosen_first, judged_first), (chosen_second, judged_second) = halves
    score = Score(chosen_first, chosen_second)
    # Four bounds: two directions, two chances.
    error = ERROR / 4
    scored = [score.of(side) for side in (chosen_first, chosen_second, judged_first, judged_second)]
    thresholds = np.unique(np.concatenate(scored[:2]))
    if len(thresholds) > EVENTS:
        thresholds = thresholds[np.linspace(0, len(thresholds) - 1, EVENTS).astype(int)]
    n, m = len(scored[0]), len(scored[1])
    tried = [(threshold, hits(scored[0], threshold), hits(scored[1], threshold)) for threshold in thresholds]
    deviation = lambda p, size: math.sqrt(max(p * (1 - p), 1 / size) / size)

    def delta_gain(event):
        p, q = event[1] / n, event[2] / m
        return p - deviation(p, n) - math.exp(epsilon) * (q + deviation(q, m))

    def epsilon_gain(event):
        p, q = event[1] / n, event[2] / m
        return math.log(max(p - 3 * deviation(p, n) - delta, 1e-12) / (q + 3 * deviation(q, m)))

    def bounds(event):
        p, q = hits(scored[2], event[0]), hits(scored[3], event[0])
        n, m = len(scored[2]), len(scored[3])
        return at_least(p, n, error), at_most(p, n, error), at_least(q, m, error), at_most(q, m, error)

    p_least, p_most, q_least, q_most = bounds(max(tried, key=delta_gain))
    needed = p_least - math.exp(epsilon) * q_most, p_most - math.exp(epsilon) * q_least
    p_least, _, _, q_most = bounds(max(tried, key=epsilon_gain))
    proved = math.log((p_least - delta) / q_most) if p_least > delta else 0.0
    return needed, max(proved, 0.0)


def audit(folder):
    """What the samples of a folder say of its claim."""
    claim = json.loads((folder / "claim.json").read_text())
    samples = read(folder / "with.csv"), read(folder / "without.csv")
    epsilon, delta = claim["claimed"]["epsilon"], claim["claimed"]["delta"]
    both = [judge(*samples, epsilon, delta), judge(*reversed(samples), epsilon, delta)]
    least = max(needed[0] for needed, _ in both)
    most = max(needed[1] for needed, _ in both)
    return {
        "case": claim["case"],
        "epsilon": epsilon,
        "delta": delta,
        "delta_least": max(least, 0.0),
        "delta_most": max(most, 0.0),
        "epsilon_proved": max(proved for _, proved in both),
        "releases": min(map(len, samples)),
        "is_false": least > delta,
        "claim": claim,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--releases", type=int, default=100_000)
    parser.add_argument("--case", action="append", help="a case's name; all by default")
    parser.add_argument("--break", dest="broken", choices=["half-noise", "bound", "threshold"], help="a false claim")
    parser.add_argument("--samples", type=pathlib.Path, help="a folder of samples that are there already")
    options = parser.parse_args()
    program = options.bin / "audit-releases"

    results = []
    with tempfile.TemporaryDirectory(prefix="tidegate-audit-") as work:
        if options.samples:
            results.append(audit(options.samples))
        else:
            listed = subprocess.run([program, "list", work], check=True, capture_output=True, text=True).stdout
            for case in options.case or listed.splitlines():
                print(f"drawing {case} ...", file=sys.stderr)
                folder = pathlib.Path(work) / case.replace(" ", "-")
                command = [program, case, folder, "--releases", str(options.releases)]
                subprocess.run(command + (["--break", options.broken] if options.broken else []), check=True)
                results.append(audit(folder))
    print("| case | claimed epsilon, delta | delta needed at that epsilon, with confidence | epsilon proved | verdict |")
    print("|---|---|---|---|---|")
    for result in results:
        verdict = "FALSE" if result["is_false"] else "holds"
        print(
            f"| {result['case']} | {result['epsilon']:g}, {result['delta']:.2g} "
            f"| {result['delta_least']:.2g} to {result['delta_most']:.2g} | {result['epsilon_proved']:.3f} | {verdict} |"
        )
    wrong = [result["case"] for result in results if result["is_false"]]
    # A gate that stands one too low shows a lone unit too rarely for releases to tell: the arithmetic does.
    if options.broken in (None, "threshold"):
        import accounting

        wrong += accounting.check([result["claim"] for result in results])
    if wrong:
        sys.exit(f"not as private as claimed: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
