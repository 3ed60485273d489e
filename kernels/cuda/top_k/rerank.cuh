// After the filter: how far the nearest can be, then all groups that could hold one, measured exactly.
#pragma once

#include "arguments.cuh"
#include "distance.cuh"

// Loads on their way at once in the pass over lower bounds.
constexpr u32 LOWS_AT_ONCE = 8;

// The farthest distance, not squared, that the lower bound of a winning row can have, when `squared` is the k-th
// smallest distance measured among some rows.
//
// A row wins only if its measured squared distance is not above `squared`; its true distance is then at most
// sqrt(squared) * (1 + limit_slack), limit_slack above relative_error_max. Below 1e-34 squares of elements underflow and
// the measured distance says little: everything that near is measured. The same far out, where they overflow.
__device__ __forceinline__ float limit_of(float squared, float limit_slack) {
    const float root = sqrtf(squared);
    // False as well where fewer than k rows were found, and the bits are no number.
    if (!(root < 9e18f)) return __int_as_float(0x7f800000);
    return fmaxf(root * (1.0f + limit_slack), 1e-17f);
}

__device__ __forceinline__ u64 low_key(const float* lows, u32 group, u32 group_count) {
    return group < group_count ? key_of(lows[group], group) : NO_KEY;
}

// One block for each query: measures the k groups of least lower bound, whose k nearest rows set the limit for all.
// Whichever groups are taken, the limit is valid: k rows are at least that near.
//
// Shared memory: the query, the lists of half the warps, the groups.
template <class Chunk, int S>
__device__ __forceinline__ void probe(const Arguments& a) {
    SHARED_BYTES(shared);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warp_count = blockDim.x / 32;
    float4* staged = reinterpret_cast<float4*>(shared);
    u64* lists = reinterpret_cast<u64*>(staged + 2 * a.chunk_count);
    u64* nearest_groups = lists + warp_count / 2 * 32 * S;
    stage_queries<1>(staged, a.queries, blockIdx.x, a.batch, a.chunk_count);

    Queue<S> queue;
    queue.clear();
    u64 worst = NO_KEY;
    const float* lows = a.lows + static_cast<u64>(blockIdx.x) * a.group_count;
    for (u32 first = warp * 32 * LOWS_AT_ONCE; first < a.group_count; first += warp_count * 32 * LOWS_AT_ONCE) {
        bool better = false;
#pragma unroll
        for (u32 i = 0; i < LOWS_AT_ONCE; i++) better |= low_key(lows, first + 32 * i + lane, a.group_count) < worst;
        if (__ballot_sync(ALL_LANES, better) == 0) continue;
        // Seldom, so they are loaded again, one at a time.
#pragma unroll 1
        for (u32 i = 0; i < LOWS_AT_ONCE; i++)
            queue.offer(low_key(lows, first + 32 * i + lane, a.group_count), worst, a.k, lane);
    }
    merge_warps(queue, lists, warp, warp_count, lane);
    if (warp == 0) queue.store(nearest_groups, lane);
    __syncthreads();

    queue.clear();
    worst = NO_KEY;
    const u32 end_row = a.first_row + a.row_count;
    for (u32 i = warp; i < 2 * a.k; i += warp_count) {
        const u64 group = nearest_groups[i / 2];
        // The same in all lanes.
        if (group == NO_KEY) continue;
        const u32 row = a.first_row + static_cast<u32>(group) * GROUP_ROWS + i % 2 * ROWS_AT_ONCE;
        queue.offer(measure_rows<Chunk>(a.rows, row, end_row, staged, a.chunk_count, lane), worst, a.k, lane);
    }
    merge_warps(queue, lists, warp, warp_count, lane);
    if (warp != 0) return;
    worst = queue.worst(a.k);
    if (lane == 0) a.limits[blockIdx.x] = limit_of(__uint_as_float(static_cast<u32>(worst >> 32)), a.limit_slack);
}

// Groups that a block looks at between two barriers.
constexpr u32 GROUPS_AT_ONCE = 1024;

// Blocks of 256 threads; grid: x over the groups, y over the queries. Measures all groups within the limit and stores the block's list.
//
// A block takes runs of eight groups (32 bytes of lower bounds) that lie gridDim.x runs apart, since the rows that are
// near one query are often neighbors in the table. It notes the groups within the limit, then its warps share them.
//
// Shared memory: the query, the lists of half the warps, the noted groups, their number.
template <class Chunk, int S>
__device__ __forceinline__ void rerank(const Arguments& a) {
    SHARED_BYTES(shared);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warp_count = blockDim.x / 32;
    float4* staged = reinterpret_cast<float4*>(shared);
    u64* lists = reinterpret_cast<u64*>(staged + 2 * a.chunk_count);
    u32* noted = reinterpret_cast<u32*>(lists + warp_count / 2 * 32 * S);
    u32* noted_count = noted + GROUPS_AT_ONCE;
    const u32 query = blockIdx.y, end_row = a.first_row + a.row_count;
    stage_queries<1>(staged, a.queries, query, a.batch, a.chunk_count);

    const float* lows = a.lows + static_cast<u64>(query) * a.group_count;
    const float limit = a.limits[query];
    const u32 run_count = (a.group_count + 7) / 8;
    const u32 own_groups = (run_count + gridDim.x - 1) / gridDim.x * 8;
    const auto own_group = [](u32 own) { return (own / 8 * gridDim.x + blockIdx.x) * 8 + own % 8; };
    Queue<S> queue;
    queue.clear();
    u64 worst = NO_KEY;
    u32 measured_count = 0;
    for (u32 first = 0; first < own_groups; first += GROUPS_AT_ONCE) {
        if (threadIdx.x == 0) *noted_count = 0;
        __syncthreads();
        float near[GROUPS_AT_ONCE / 256];
#pragma unroll
        for (u32 i = 0; i < GROUPS_AT_ONCE / 256; i++) {
            const u32 own = first + 256 * i + threadIdx.x, group = own_group(own);
            near[i] = own < own_groups && group < a.group_count ? lows[group] : __int_as_float(0x7fffffff);
        }
#pragma unroll
        for (u32 i = 0; i < GROUPS_AT_ONCE / 256; i++) {
            // False where there is no group, and the low is no number.
            if (near[i] <= limit) noted[atomicAdd(noted_count, 1u)] = own_group(first + 256 * i + threadIdx.x);
        }
        __syncthreads();
        const u32 count = *noted_count;
        for (u32 i = warp; i < 2 * count; i += warp_count) {
            const u32 row = a.first_row + noted[i / 2] * GROUP_ROWS + i % 2 * ROWS_AT_ONCE;
            queue.offer(measure_rows<Chunk>(a.rows, row, end_row, staged, a.chunk_count, lane), worst, a.k, lane);
            if (row < end_row) measured_count += min(end_row - row, ROWS_AT_ONCE);
        }
        // The notes are taken anew.
        __syncthreads();
    }
    if (lane == 0 && measured_count != 0) atomicAdd(a.reranked, measured_count);
    merge_warps(queue, lists, warp, warp_count, lane);
    if (warp == 0) queue.store(a.lists + (static_cast<u64>(query) * a.list_count + blockIdx.x) * 32 * S, lane);
}
