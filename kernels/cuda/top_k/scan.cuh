// Every row of the range against every query, exactly: the way without a filter.
#pragma once

#include "arguments.cuh"
#include "distance.cuh"

// Shared memory: the queries, then the lists of half the warps.
//
// Grid: x over the rows, y over tiles of Q queries. Warps take blocks of R rows in turn, so that the rows in flight
// are neighbors in memory.
template <class Chunk, int Q, int S>
__device__ __forceinline__ void scan(const Arguments& a) {
    constexpr int R = Q == 1 ? 8 : 4;
    constexpr int LANES_PER_SUM = 32 / (R * Q);
    SHARED_BYTES(shared);
    float4* staged = reinterpret_cast<float4*>(shared);
    u64* lists = reinterpret_cast<u64*>(staged + Q * 2 * a.chunk_count);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warp_count = blockDim.x / 32;
    const u32 first_query = blockIdx.y * Q;
    stage_queries<Q>(staged, a.queries, first_query, a.batch, a.chunk_count);
    __syncthreads();

    Queue<S> queues[Q];
#pragma unroll
    for (int q = 0; q < Q; q++) queues[q].clear();
    // Which pair this lane holds the total of, and the key it has to beat.
    const u32 query = lane / LANES_PER_SUM / R, row_in_block = lane / LANES_PER_SUM % R;
    u64 worst = NO_KEY;
    for (u32 block = blockIdx.x * warp_count + warp; block * R < a.row_count; block += gridDim.x * warp_count) {
        float sums[Q * R] = {};
        const u32 first_row = a.first_row + block * R;
        add_squares<Chunk, R, Q>(sums, a.rows + static_cast<u64>(first_row) * a.row_words, staged, a.chunk_count, lane);
        const float distance = total_lanes<R * Q>(sums, lane);
        const bool valid = lane % LANES_PER_SUM == 0 && block * R + row_in_block < a.row_count &&
                           first_query + query < a.batch && distance == distance;
        const u64 key = valid ? key_of(distance, first_row + row_in_block) : NO_KEY;
        const u32 better = __ballot_sync(ALL_LANES, key < worst);
        if (better == 0) continue;
#pragma unroll
        for (int q = 0; q < Q; q++) {
            u32 own = better & ALL_LANES >> (32 - 32 / Q) << 32 / Q * q;
            if (own == 0) continue;
            for (; own != 0; own &= own - 1) queues[q].insert(__shfl_sync(ALL_LANES, key, __ffs(own) - 1), lane);
            const u64 fresh = queues[q].worst(a.k);
            if (query == static_cast<u32>(q)) worst = fresh;
        }
    }
#pragma unroll
    for (int q = 0; q < Q; q++) {
        merge_warps(queues[q], lists, warp, warp_count, lane);
        if (warp == 0 && first_query + q < a.batch)
            queues[q].store(a.lists + (static_cast<u64>(first_query + q) * a.list_count + blockIdx.x) * 32 * S, lane);
    }
}

// A list from memory; one that does not exist is empty.
template <int S>
__device__ __forceinline__ void load_list(u64 (&keys)[S], const u64* lists, u32 list, u32 list_count, int lane) {
#pragma unroll
    for (int s = 0; s < S; s++)
        keys[s] = list < list_count ? lists[static_cast<u64>(list) * 32 * S + 32 * s + lane] : NO_KEY;
}

// Merges the lists of one query (one block each) and writes its neighbors. Shared memory: the lists of half the warps.
template <int S>
__device__ __forceinline__ void merge(const Arguments& a) {
    SHARED_BYTES(shared);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warp_count = blockDim.x / 32;
    const u64* lists = a.lists + static_cast<u64>(blockIdx.x) * a.list_count * 32 * S;
    Queue<S> queue;
    queue.clear();
    u64 worst = NO_KEY;
    u64 ahead[S];
    load_list(ahead, lists, warp, a.list_count, lane);
    for (u32 list = warp; list < a.list_count; list += warp_count) {
        u64 other[S];
#pragma unroll
        for (int s = 0; s < S; s++) other[s] = ahead[s];
        // On its way while this one is merged.
        load_list(ahead, lists, list + warp_count, a.list_count, lane);
        // Ascending: a list whose first is too far has nothing to give.
        if (__ballot_sync(ALL_LANES, other[0] < worst) == 0) continue;
        queue.absorb(other, lane);
        worst = queue.worst(a.k);
    }
    merge_warps(queue, reinterpret_cast<u64*>(shared), warp, warp_count, lane);
    if (warp != 0) return;
#pragma unroll
    for (int s = 0; s < S; s++) {
        const u32 slot = 32 * s + lane;
        const u64 key = queue.keys[s];
        if (slot >= a.k) continue;
        Neighbor* neighbor = a.neighbors + static_cast<u64>(blockIdx.x) * a.k + slot;
        neighbor->row = static_cast<u32>(key);
        neighbor->squared_distance =
            key == NO_KEY ? __int_as_float(0x7f800000) : __uint_as_float(static_cast<u32>(key >> 32));
    }
}

// Squared norms of all rows, once a table; NaN for exactly those that hold one, since squares have one sign.
// `row_count` rows from `first_row` on, a warp each.
template <class Chunk>
__device__ __forceinline__ void measure_norms(const Arguments& a) {
    const u32 lane = threadIdx.x % 32, warp_count = blockDim.x / 32;
    for (u32 row = blockIdx.x * warp_count + threadIdx.x / 32; row < a.row_count; row += gridDim.x * warp_count) {
        float sum = 0.0f;
        for (u32 chunk = lane; chunk < a.chunk_count; chunk += 32) {
            Chunk loaded;
            loaded.load(a.rows + static_cast<u64>(a.first_row + row) * a.row_words + chunk * Chunk::WORDS);
            float elements[8];
            loaded.expand(elements);
#pragma unroll
            for (int e = 0; e < 8; e++) sum = fmaf(elements[e], elements[e], sum);
        }
        for (int stride = 16; stride > 0; stride /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, stride);
        if (lane == 0) a.row_norms[a.first_row + row] = sum;
    }
}
