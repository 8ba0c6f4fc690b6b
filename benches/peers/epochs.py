#!/usr/bin/env python3
"""What do epochs cost? The same rows by Tidegate in 100 epochs, a file each, and in one.

The aggregate and its rows are those of side_by_side.py. Both ways must release the same bytes, and 100 epochs may cost at
most 1.25 times the CPU seconds of one; else the exit code is 1.

    cargo build --release -p tidegate
    python3 benches/peers/epochs.py --bin target/release
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import statistics
import sys
import tempfile

from measure import Failed, measure
from side_by_side import SQL, generate

RATIO_MAX = 1.25
KEYS = ["wall_s", "cpu_s", "peak_mib"]
# More memory than any input here has, so that nothing but the end of input ends an epoch.
NEVER_MIB = 1 << 20


def fingerprint(folder):
    """One digest of all released files, names and bytes."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    work = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    project = work / "project"
    try:
        print(f"generating {options.rows} rows in {options.epochs} files ...", file=sys.stderr)
        generate(project / "landing", options.rows, options.epochs, options.keys, options.minutes)
        (project / "sql").mkdir()
        (project / "sql/minutes.sql").write_text(SQL)
        files_per_epoch = {"many": 1, "one": options.epochs}
        figures, released = {name: [] for name in files_per_epoch}, {}
        for turn in range(options.rounds + 1):
            # The first round warms the page cache and is left out; the order changes from round to round.
            for name in sorted(files_per_epoch, reverse=turn % 2 == 1):
                settings = f"[epoch]\nmax_files = {files_per_epoch[name]}\nmax_mib = {NEVER_MIB}\n"
                (project / "tidegate.toml").write_text(settings)
                root = work / f"{name}-{turn}"
                command = [options.bin / "tidegate", "run", "--until-end", "--json"]
                figures[name].append(measure([*command, "--project", project, "--root", root]))
                released[name] = fingerprint(root / "released")
        if released["many"] != released["one"]:
            sys.exit(f"{options.epochs} epochs and one released different bytes")
        medians = {
            name: {key: statistics.median(figure[key] for figure in all_figures[1:]) for key in KEYS}
            for name, all_figures in figures.items()
        }
        print(f"{options.rows:,} rows, {options.keys} keys, {options.minutes} minutes, {options.rounds} rounds\n")
        print("| epochs | wall s | CPU s | peak MiB |")
        print("|---|---|---|---|")
        for name, figure in medians.items():
            epochs = json.loads(figures[name][0]["stdout"])["epochs"]
            print(f"| {epochs} | {figure['wall_s']:.2f} | {figure['cpu_s']:.2f} | {figure['peak_mib']:.0f} |")
        ratio = medians["many"]["cpu_s"] / medians["one"]["cpu_s"]
        print(f"\nCPU ratio {ratio:.2f}, at most {RATIO_MAX} wanted; released bytes are the same")
        sys.exit(0 if ratio <= RATIO_MAX else 1)
    except Failed as failed:
        sys.exit(str(failed))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
