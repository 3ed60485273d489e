#!/usr/bin/env python3
"""Runs a search of ours and FAISS's exact ones in turn on the same files, and compares them.

    cargo build --release
    B="target/release/azimuth bench top-k"
    $B --make 178000 --table /tmp/t.npy --queries /tmp/q.npy
    scripts/bench_faiss.py --table /tmp/t.npy --queries /tmp/q.npy -- $B

Needs `pip install faiss-cpu==1.15.1 numpy`. The command after `--` is called with `--table F
--queries F --k K --batch B --threads N --precision f32|f16|int8 --repetitions R --neighbors F
--json`, and prints one JSON object a call, with at least these fields:

    ms.min, ms.p50, ms.p99      milliseconds of one call
    bytes_read, gb_per_s, read_bandwidth_gb_per_s, fraction, reranked, rows, dim, batch, k, threads
    neighbors                   the file named by --neighbors: (u32 row, f32 squared distance), little
                                endian, [queries, k], for as many groups of --batch as were searched

`f32`, `f16`: a table in that precision; `int8`: a single-precision table with a sketch, whose answer
must be that of `f32`, bit for bit. Both sides get the same files, as many threads, and the same
number of repetitions in every round. FAISS's flat index is run with its default threshold for BLAS
and with 20, and the faster one counts. Ends with status 1 when an answer is wrong.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import faiss
    import numpy as np
except ImportError as error:
    sys.exit(f"{error}: pip install faiss-cpu==1.15.1 numpy")

NEIGHBOR = np.dtype([("row", "<u4"), ("distance", "<f4")])
# Of FAISS's own settings: at most so many queries are compared one by one, more by matrix products.
BLAS_THRESHOLDS = {"default": faiss.cvar.distance_compute_blas_threshold, "20": 20}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", required=True, help=".npy file of f32, [rows, dim]")
    parser.add_argument("--queries", required=True, help=".npy file of f32, [queries, dim]")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=9, help="timed calls of each side in a round")
    parser.add_argument("--precisions", nargs="+", default=["f32", "f16", "int8"])
    parser.add_argument("command", nargs="+", help="what runs our search, after --")
    return parser.parse_args()


class Faiss:
    """One of FAISS's exact indices, and a threshold for BLAS."""

    def __init__(self, name, index, threshold):
        self.name, self.index, self.threshold = name, index, threshold
        self.medians, self.minima = [], []

    def run(self, groups, k, repetitions):
        faiss.cvar.distance_compute_blas_threshold = self.threshold
        self.index.search(groups[0], k)
        seconds = []
        for repetition in range(repetitions):
            start = time.perf_counter()
            self.index.search(groups[repetition % len(groups)], k)
            seconds.append(time.perf_counter() - start)
        self.medians.append(statistics.median(seconds) * 1e3)
        self.minima.append(min(seconds) * 1e3)

    def search(self, queries, k):
        faiss.cvar.distance_compute_blas_threshold = self.threshold
        distances, rows = self.index.search(queries, k)
        return rows, distances


def ours(options, precision, batch, neighbors_file):
    command = options.command + ["--table", options.table, "--queries", options.queries, "--json"]
    values = {"k": options.k, "batch": batch, "threads": options.threads, "precision": precision}
    values |= {"repetitions": options.repetitions, "neighbors": neighbors_file}
    for name, value in values.items():
        command += [f"--{name}", str(value)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def exact(table, query, rows):
    """Squared distances in double precision."""
    return ((table[rows].astype(np.float64) - query.astype(np.float64)) ** 2).sum(axis=1)


def differences(table, queries, neighbors, faiss_rows, faiss_distances):
    """What is wrong, as lines of text.

    Ours must be within the bound of its law. FAISS may compute `|q|^2 + |r|^2 - 2 q.r`, which errs by
    a fraction of the norms. Rows may differ only where exact distances do not, by more than both.
    """
    dim, wrong = table.shape[1], []
    unit = (dim + 4) * np.finfo(np.float32).eps / 2
    for index, (query, found) in enumerate(zip(queries, neighbors)):
        mine, theirs = exact(table, query, found["row"]), exact(table, query, faiss_rows[index])
        norms = (query.astype(np.float64) ** 2).sum() + (table[found["row"]].astype(np.float64) ** 2).sum(axis=1)
        if (np.abs(found["distance"] - mine) > unit * mine + 1e-37).any():
            wrong.append(f"query {index}: our distances are off")
        if (np.abs(faiss_distances[index] - theirs) > 2 * unit * (norms + theirs)).any():
            wrong.append(f"query {index}: FAISS's distances are off")
        allowed = 2 * unit * (norms + mine)
        differ = found["row"] != faiss_rows[index]
        if (differ & (np.abs(mine - theirs) > allowed)).any():
            wrong.append(f"query {index}: rows {found['row']} and {faiss_rows[index]}")
    return wrong


def compare(options, table, queries, precision, batch, rivals, found):
    """Runs both sides in turn; returns lines of text about what is wrong. The first rival judges."""
    groups = [queries[start : start + batch] for start in range(0, len(queries) - batch + 1, batch)]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "neighbors")
        for _ in range(options.rounds):
            results.append(ours(options, precision, batch, file))
            for rival in rivals:
                rival.run(groups, options.k, options.repetitions)
        neighbors = np.fromfile(file, dtype=NEIGHBOR).reshape(-1, options.k)
    found[precision, batch] = neighbors
    median = statistics.median(result["ms"]["p50"] for result in results)
    minimum = min(result["ms"]["min"] for result in results)
    best = min(rivals, key=lambda rival: statistics.median(rival.medians))
    theirs = statistics.median(best.medians)
    fraction = statistics.median(result["fraction"] for result in results)
    print(
        f"{precision:5} batch {batch:3}: ours {median:9.3f} ms, {best.name} {theirs:9.3f} ms,"
        f" ratio {theirs / median:6.2f} (of minima {min(best.minima) / minimum:5.2f}),"
        f" {100 * fraction:5.1f} % of read bandwidth,"
        f" {results[-1]['gb_per_s']:6.1f} GB/s, reranked {results[-1]['reranked']}"
    )
    queries = queries[: len(neighbors)]
    wrong = differences(table, queries, neighbors, *rivals[0].search(queries, options.k))
    single = found.get(("f32", batch))
    if precision == "int8" and single is not None and single.tobytes() != neighbors.tobytes():
        wrong.append("int8: not the neighbors of f32, bit for bit")
    return [f"{precision} batch {batch}, {line}" for line in wrong]


def main():
    options = arguments()
    faiss.omp_set_num_threads(options.threads)
    table, queries = np.load(options.table), np.load(options.queries)
    dim = table.shape[1]
    print(f"{len(table)} x {dim}, k {options.k}, {options.threads} threads, faiss {faiss.__version__}, {options.rounds} rounds")
    flat, half = None, None
    if {"f32", "int8"} & set(options.precisions):
        flat = faiss.IndexFlatL2(dim)
        flat.add(table)
    if "f16" in options.precisions:
        half = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
        half.train(table[:1000])
        half.add(table)
    wrong, found = [], {}
    for batch in options.batches:
        for precision in options.precisions:
            rivals = [Faiss(f"FlatL2 (blas {name})", flat, value) for name, value in BLAS_THRESHOLDS.items() if flat]
            exact_table = table
            if precision == "f16":
                exact_table = table.astype(np.float16).astype(np.float32)
                # The flat index holds other numbers: it is a rival for batches only, and no judge.
                rivals = [Faiss("SQ fp16", half, BLAS_THRESHOLDS["default"])] + (rivals if batch > 1 else [])
            wrong += compare(options, exact_table, queries, precision, batch, rivals, found)
    for line in wrong:
        print("WRONG:", line)
    print("all neighbors agree" if not wrong else f"{len(wrong)} differences")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
