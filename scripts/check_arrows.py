#!/usr/bin/env python3
"""Compare the crates' dependencies on each other with the arrows drawn in ARCHITECTURE.md, and keep zenoh in its room."""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def drawn():
    """Arrows of the fenced block after the heading `Arrows`: `node -> models, kernels`."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = re.search(r"## Arrows\n.*?```\n(.*?)```", text, re.S).group(1)
    arrows = {}
    for line in block.splitlines():
        source, targets = line.split("->")
        arrows[source.strip()] = {t.strip() for t in targets.split(",")} - {"nothing"}
    return arrows


def actual():
    """Arrows of the manifests, dev-dependencies included."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    ours = {p["name"] for p in packages}
    return {p["name"]: {d["name"] for d in p["dependencies"]} & ours for p in packages}


def strangers():
    """Source files that name zenoh outside node/src/transport and hil_tests."""
    for path in ROOT.glob("*/src/**/*.rs"):
        place = path.relative_to(ROOT).as_posix()
        allowed = place.startswith(("node/src/transport", "hil_tests/"))
        if not allowed and re.search(r"\bzenoh::", path.read_text()):
            yield place


def main():
    wanted, found = drawn(), actual()
    faults = [f"{name}: drawn {sorted(wanted.get(name, []))}, found {sorted(targets)}"
              for name, targets in sorted(found.items()) if wanted.get(name) != targets]
    faults += [f"{place} names zenoh" for place in strangers()]
    print("\n".join(faults) or f"{len(found)} crates point where ARCHITECTURE.md says")
    sys.exit(bool(faults))


main()
