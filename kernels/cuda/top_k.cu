// The nearest rows of a table, on a CUDA device. The law is at the head of src/top_k.rs.
//
// Without a filter:  scan -> merge.
// With one:          prepare -> filter -> probe -> rerank -> merge.
//
// scan     measures every row against every query and keeps a sorted list in each warp
// prepare  turns queries into the codes of the filter
// filter   bounds every distance from below with matrix instructions; reads halves, or the sketch at half of their bytes
// probe    measures the most promising rows, which tells how far the nearest can be
// rerank   measures every group of rows that could still hold one of the nearest
// merge    merges the blocks' lists into the answer
//
// All distances of an answer come from the one function that scan, probe and rerank share (distance.cuh), so the filter
// changes the time a search takes and nothing else. src/cuda/top_k/plan.rs decides which kernels run, and how large.
#include "top_k/arguments.cuh"
#include "top_k/distance.cuh"
#include "top_k/filter.cuh"
#include "top_k/prepare.cuh"
#include "top_k/queue.cuh"
#include "top_k/rerank.cuh"
#include "top_k/scan.cuh"

// A kernel of `threads` a block, of which so many blocks must fit a multiprocessor's registers.
#define STEP(name, threads, blocks, ...) \
    KERNEL(name, threads, blocks)(const Arguments a) { __VA_ARGS__(a); }

// Blocks a multiprocessor, of the kernels that matter most: three where the compiler needs no more registers than that
// leaves, 84, and can still begin all loads of a step before it uses the first. A build may try other numbers.
#ifndef SCAN_BLOCKS
#define SCAN_BLOCKS 3
#endif
#ifndef FILTER_HALVES_BLOCKS
#define FILTER_HALVES_BLOCKS (__CUDA_ARCH__ >= 800 && __CUDA_ARCH__ < 1000 ? 3 : 2)
#endif
#ifndef FILTER_BYTES_BLOCKS
#define FILTER_BYTES_BLOCKS (__CUDA_ARCH__ >= 900 ? 3 : 2)
#endif

// Names: top_k_STEP_ELEMENTS_QUERIES_WIDTH, as far as a step has variants. Width is the longest list it can keep.
STEP(top_k_scan_f32_1_32, 256, 2, scan<Single, 1, 1>)
STEP(top_k_scan_f32_1_128, 256, 2, scan<Single, 1, 4>)
STEP(top_k_scan_f32_4_32, 256, 2, scan<Single, 4, 1>)
STEP(top_k_scan_f32_4_128, 256, 2, scan<Single, 4, 4>)
STEP(top_k_scan_f16_1_32, 256, SCAN_BLOCKS, scan<Half, 1, 1>)
STEP(top_k_scan_f16_1_128, 256, 3, scan<Half, 1, 4>)
STEP(top_k_scan_f16_4_32, 256, 2, scan<Half, 4, 1>)
STEP(top_k_scan_f16_4_128, 256, 2, scan<Half, 4, 4>)
STEP(top_k_merge_32, 1024, 1, merge<1>)
STEP(top_k_merge_128, 1024, 1, merge<4>)
STEP(top_k_norms_f32, 256, 4, measure_norms<Single>)
STEP(top_k_norms_f16, 256, 4, measure_norms<Half>)

#if MATRIX_GENERATION > 0
STEP(top_k_prepare_halves, 32, 1, prepare<HalfCodes>)
STEP(top_k_prepare_bytes, 32, 1, prepare<ByteCodes>)
STEP(top_k_filter_halves_8, 256, 3, filter<HalfFilter, 1>)
STEP(top_k_filter_halves_32, 256, FILTER_HALVES_BLOCKS, filter<HalfFilter, 4>)
STEP(top_k_filter_bytes_8, 256, FILTER_BYTES_BLOCKS, filter<ByteFilter, 1>)
STEP(top_k_filter_bytes_32, 256, 2, filter<ByteFilter, 4>)
STEP(top_k_probe_f32_32, 512, 1, probe<Single, 1>)
STEP(top_k_probe_f32_128, 512, 1, probe<Single, 4>)
STEP(top_k_probe_f16_32, 512, 1, probe<Half, 1>)
STEP(top_k_probe_f16_128, 512, 1, probe<Half, 4>)
STEP(top_k_rerank_f32_32, 256, 2, rerank<Single, 1>)
STEP(top_k_rerank_f32_128, 256, 2, rerank<Single, 4>)
STEP(top_k_rerank_f16_32, 256, 2, rerank<Half, 1>)
STEP(top_k_rerank_f16_128, 256, 2, rerank<Half, 4>)
#endif
