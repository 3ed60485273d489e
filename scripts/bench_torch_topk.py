#!/usr/bin/env python3
"""Search the table of `cuda_top_k_bench --export FOLDER` in PyTorch: torch.topk over |r|^2 - 2 q.r, from a matrix product.

The product runs in half precision with single-precision sums, as a user would write it; ranks are compared with ours, and may
differ where the product's rounding hides a difference. Prints one JSON object a line.
"""

import json
import pathlib
import statistics
import sys

import numpy
import torch


def times_ms(search, repetitions=50):
    for _ in range(5):
        search()
    times = []
    for _ in range(repetitions):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        search()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return min(times), statistics.median(times)


def main():
    folder, k = pathlib.Path(sys.argv[1]), 10
    queries = torch.from_numpy(numpy.fromfile(folder / "queries.f32", dtype=numpy.float32)).cuda().reshape(32, -1)
    table = torch.from_numpy(numpy.fromfile(folder / "table.f16", dtype=numpy.float16)).cuda().reshape(-1, queries.shape[1])
    norms = torch.cat([piece.float().square().sum(1) for piece in table.split(1 << 16)])
    for batch in (1, 8, 32):
        some = queries[:batch].half()
        search = lambda: torch.topk(norms - 2.0 * (some @ table.T).float(), k, largest=False)
        least, median = times_ms(search)
        gb_per_s = table.numel() * 2 / median / 1e6
        print(json.dumps({"torch.topk, batch": batch, "ms_min": round(least, 4), "ms_p50": round(median, 4), "gb_per_s": round(gb_per_s, 1)}))
    ours = numpy.fromfile(folder / "neighbors.u32", dtype=numpy.uint32).reshape(32, -1)
    exact = torch.empty(32, table.shape[0], device="cuda", dtype=torch.float32)
    for start in range(0, table.shape[0], 1 << 16):
        piece = table[start:start + (1 << 16)].double()
        exact[:, start:start + (1 << 16)] = torch.cdist(queries.double(), piece, compute_mode="donot_use_mm_for_euclid_dist").square().float()
    rows = torch.topk(exact, ours.shape[1], largest=False).indices.cpu().numpy()
    print(json.dumps({"slots": ours.size, "rows other than in double precision": int((rows != ours).sum())}))


main()
