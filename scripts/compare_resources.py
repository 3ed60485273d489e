#!/usr/bin/env python3
"""Compare what CUDA kernels take with the committed file, which may only improve.

usage: compare_resources.py COMMITTED MEASURED [--accept]

Lines of both: architecture, kernel, registers of a thread, bytes spilled, bytes of stack. A number that rose, a spill or a
kernel that is not in the file is an error. `--accept` writes numbers that fell and kernels that are new; whoever wants a
number to rise edits the file by hand, and says why in the commit.
"""

import pathlib
import sys

HEADER = "# What the CUDA kernels take, by architecture: registers of a thread, bytes spilled, bytes of stack.\n# May only improve: scripts/build_cubins.sh compares, and writes improvements with --accept.\n"


def read(path):
    lines = path.read_text().splitlines() if path.exists() else []
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {(row[0], row[1]): tuple(map(int, row[2:])) for row in rows}


def by_number(key):
    return int(key[0].split("_")[1]), key[1]


def main():
    committed_path, accept = pathlib.Path(sys.argv[1]), "--accept" in sys.argv
    committed, measured = read(committed_path), read(pathlib.Path(sys.argv[2]))
    faults = [f"{' '.join(key)} spills {now[1]} bytes" for key, now in measured.items() if now[1] > 0]
    new = [key for key in measured if key not in committed]
    for key, before in committed.items():
        now = measured.get(key)
        if now is not None and any(after > was for after, was in zip(now, before)):
            faults.append(f"{' '.join(key)} went from {before} to {now} (registers, spilled bytes, stack bytes)")
    better = [key for key, now in measured.items() if key in committed and now != committed[key]]
    gone = [key for key in committed if key not in measured]
    if accept and not faults:
        rows = [f"{architecture} {kernel} {' '.join(map(str, measured[architecture, kernel]))}\n" for architecture, kernel in sorted(measured, key=by_number)]
        committed_path.write_text(HEADER + "".join(rows))
        print(f"{committed_path} holds {len(rows)} kernels: {len(new)} new, {len(better)} better, {len(gone)} gone")
        return
    if (new or gone) and not accept:
        faults.append(f"{len(new)} kernels are not in {committed_path} and {len(gone)} of it are gone: run scripts/build_cubins.sh --accept")
    print("\n".join(faults) or f"{len(measured)} kernels take no more than {committed_path} says, {len(better)} of them less")
    sys.exit(bool(faults))


main()
