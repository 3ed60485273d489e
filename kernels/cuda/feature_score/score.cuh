// One placement a block.
#pragma once

#include "arguments.cuh"

// Adds what the vertices gain, always in the same order. Shared memory: a number for each warp.
__device__ __forceinline__ void score(const Arguments& a) {
    SHARED_BYTES(shared);
    float* warps = reinterpret_cast<float*>(shared);
    const Placement placement = a.placements[blockIdx.x];
    const float width = static_cast<float>(a.width), height = static_cast<float>(a.height);
    float sum = 0.0f;
    for (u32 vertex = threadIdx.x; vertex < a.vertex_count; vertex += blockDim.x) {
        const Placed placed = place(placement, a.coordinates, a.stride, vertex);
        // False for NaN, in each.
        const bool is_inside = placed.u >= 0.0f && placed.v >= 0.0f && placed.u < width && placed.v < height;
        if (!placed.faces_viewer() || !is_inside) continue;
        const u32 cell = static_cast<u32>(placed.v) * a.width + static_cast<u32>(placed.u);
        const float covered = a.coordinates[AREA * a.stride + vertex] * placed.area_scale();
        sum = fmaf(covered, a.gains[vertex * a.cell_count + cell], sum);
    }
    sum = total_of_warp(sum);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
#ifndef PLANTED_MISSING_BARRIER
    __syncthreads();
#endif
    if (threadIdx.x != 0) return;
    float total = 0.0f;
    for (u32 warp = 0; warp < blockDim.x / 32; warp++) total += warps[warp];
    a.scores[blockIdx.x] = total;
}
