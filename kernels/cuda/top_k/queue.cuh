// Sorted lists of the nearest, one for each warp, in its lanes' registers.
//
// A neighbor is one 64-bit key, its distance above its row, so that the order of the law is the order of integers:
// distances are sums of squares, never negative, and the bits of such floats ascend with them. Ties, infinities and the
// order in which rows arrive then need no thought.
#pragma once

#include "../machine.cuh"

constexpr u32 ALL_LANES = 0xffffffffu;
constexpr u64 NO_KEY = ~0ull;

__device__ __forceinline__ u64 key_of(float squared_distance, u32 row) {
    return static_cast<u64>(__float_as_uint(squared_distance)) << 32 | row;
}

__device__ __forceinline__ u64 smaller(u64 a, u64 b) { return a < b ? a : b; }
__device__ __forceinline__ u64 larger(u64 a, u64 b) { return a < b ? b : a; }

// One key a lane, ascending by lane afterwards (Batcher's bitonic network).
__device__ __forceinline__ u64 sorted_lanes(u64 key, int lane) {
#pragma unroll
    for (int run = 2; run <= 32; run *= 2) {
#pragma unroll
        for (int stride = run / 2; stride > 0; stride /= 2) {
            const u64 other = __shfl_xor_sync(ALL_LANES, key, stride);
            const bool ascending = (lane & run) == 0, first = (lane & stride) == 0;
            key = ascending == first ? smaller(key, other) : larger(key, other);
        }
    }
    return key;
}

// The 32 * S smallest keys offered so far; slot 32 * s + lane is `keys[s]` of that lane.
template <int S>
struct Queue {
    u64 keys[S];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int s = 0; s < S; s++) keys[s] = NO_KEY;
    }

    // The k-th smallest key, in all lanes; k is the same in all lanes and at least one.
    __device__ __forceinline__ u64 worst(u32 k) const {
        u64 slot = __shfl_sync(ALL_LANES, keys[0], (k - 1) % 32);
#pragma unroll
        for (int s = 1; s < S; s++) {
            // Exchanged before it is chosen: a choice among registers would become an index into memory.
            const u64 other = __shfl_sync(ALL_LANES, keys[s], (k - 1) % 32);
            slot = (k - 1) / 32 == static_cast<u32>(s) ? other : slot;
        }
        return slot;
    }

    // One key, the same in all lanes.
    __device__ __forceinline__ void insert(u64 key, int lane) {
        int place = 0;
#pragma unroll
        for (int s = 0; s < S; s++) place += __popc(__ballot_sync(ALL_LANES, keys[s] < key));
#pragma unroll
        for (int s = S - 1; s >= 0; s--) {
            u64 before = __shfl_up_sync(ALL_LANES, keys[s], 1);
            if (s > 0) {
                const u64 carried = __shfl_sync(ALL_LANES, keys[s > 0 ? s - 1 : 0], 31);
                before = lane == 0 ? carried : before;
            }
            const int slot = 32 * s + lane;
            keys[s] = slot < place ? keys[s] : slot == place ? key : before;
        }
    }

    // Another sorted list, laid out as this one. Against the other one reversed, the smaller of each pair of slots are
    // the smallest of all, as a bitonic sequence, which is then sorted.
    __device__ __forceinline__ void absorb(const u64 (&other)[S], int lane) {
#pragma unroll
        for (int s = 0; s < S; s++) keys[s] = smaller(keys[s], __shfl_sync(ALL_LANES, other[S - 1 - s], 31 - lane));
#pragma unroll
        for (int stride = S / 2; stride > 0; stride /= 2) {
#pragma unroll
            for (int s = 0; s < S; s++) {
                if ((s & stride) == 0) {
                    const u64 a = keys[s], b = keys[s + stride];
                    keys[s] = smaller(a, b);
                    keys[s + stride] = larger(a, b);
                }
            }
        }
#pragma unroll
        for (int stride = 16; stride > 0; stride /= 2) {
#pragma unroll
            for (int s = 0; s < S; s++) {
                const u64 across = __shfl_xor_sync(ALL_LANES, keys[s], stride);
                keys[s] = (lane & stride) == 0 ? smaller(keys[s], across) : larger(keys[s], across);
            }
        }
    }

    // One key of each lane, NO_KEY for none; `worst` is kept up to date.
    __device__ __forceinline__ void offer(u64 key, u64& worst_key, u32 k, int lane) {
        u32 better = __ballot_sync(ALL_LANES, key < worst_key);
        // Above a few keys, one sort is cheaper than as many insertions.
        if (__popc(better) > 6) {
            u64 all[S];
#pragma unroll
            for (int s = 1; s < S; s++) all[s] = NO_KEY;
            all[0] = sorted_lanes(key, lane);
            absorb(all, lane);
            worst_key = worst(k);
            return;
        }
        if (better == 0) return;
        while (better != 0) {
            const int source = __ffs(better) - 1;
            better &= better - 1;
            insert(__shfl_sync(ALL_LANES, key, source), lane);
        }
        worst_key = worst(k);
    }

    __device__ __forceinline__ void store(u64* list, int lane) const {
#pragma unroll
        for (int s = 0; s < S; s++) list[32 * s + lane] = keys[s];
    }

    __device__ __forceinline__ void absorb_stored(const u64* list, int lane) {
        u64 other[S];
#pragma unroll
        for (int s = 0; s < S; s++) other[s] = list[32 * s + lane];
        absorb(other, lane);
    }
};

// Merges the lists of all warps into that of warp 0. `lists` is shared memory for half as many lists as there are
// warps; their number is a power of two. All threads of the block take part.
template <int S>
__device__ __forceinline__ void merge_warps(Queue<S>& queue, u64* lists, int warp, int warp_count, int lane) {
    for (int half = warp_count / 2; half > 0; half /= 2) {
        if (warp >= half && warp < 2 * half) queue.store(lists + (warp - half) * 32 * S, lane);
#ifndef PLANTED_MISSING_BARRIER
        __syncthreads();
#endif
        if (warp < half) queue.absorb_stored(lists + warp * 32 * S, lane);
        // The lists are written again in the next round.
        __syncthreads();
    }
}
