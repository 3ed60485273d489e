// What is in the map where a vertex is seen.
#pragma once

#include "arguments.cuh"

// The centres before and after a coordinate, and how far it is from one to the other.
struct Between {
    u32 before, after;
    float part;
    bool exists;
};

__device__ __forceinline__ Between between(float coordinate, u32 count) {
    const u32 last = count - 1;
    const float from_first = coordinate - 0.5f;
    // False for NaN.
    if (!(from_first >= 0.0f && from_first <= static_cast<float>(last))) return {0, 0, 0.0f, false};
    const u32 before = min(static_cast<u32>(from_first), last > 0 ? last - 1 : 0);
    return {before, min(before + 1, last), from_first - static_cast<float>(before), true};
}

// Grid: x over vertices, a warp each.
__device__ __forceinline__ void compare(const Arguments& a) {
    const u32 lane = threadIdx.x % 32, vertex = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (vertex >= a.vertex_count) return;
    const Placed placed = place(a.placement, a.coordinates, a.stride, vertex);
    const Between x = between(placed.u, a.width), y = between(placed.v, a.height);
    if (!placed.faces_viewer() || !x.exists || !y.exists) {
        const float nan = __int_as_float(0x7fc00000);
        if (lane == 0) a.matches[vertex] = {nan, nan};
        return;
    }
    const float* cells[4] = {
        a.map + (y.before * a.width + x.before) * a.dim, a.map + (y.before * a.width + x.after) * a.dim,
        a.map + (y.after * a.width + x.before) * a.dim, a.map + (y.after * a.width + x.after) * a.dim};
    const float weights[4] = {(1.0f - x.part) * (1.0f - y.part), x.part * (1.0f - y.part), (1.0f - x.part) * y.part,
                              x.part * y.part};
    const float* feature = a.features + vertex * a.dim;
    const float* gradients = a.gradients + static_cast<u64>(vertex) * 2 * a.dim;
    float similarity = 0.0f, clutter = 0.0f, first = 0.0f, second = 0.0f, squared = 0.0f;
    for (u32 e = lane; e < a.dim; e += 32) {
        const float sample = fmaf(weights[0], cells[0][e], weights[1] * cells[1][e]) +
                             fmaf(weights[2], cells[2][e], weights[3] * cells[3][e]);
        similarity = fmaf(sample, feature[e], similarity);
        clutter = fmaf(sample, a.clutter[e], clutter);
        first = fmaf(sample, gradients[e], first);
        second = fmaf(sample, gradients[a.dim + e], second);
        squared = fmaf(sample, sample, squared);
    }
    similarity = total_of_warp(similarity);
    clutter = total_of_warp(clutter);
    first = total_of_warp(first);
    second = total_of_warp(second);
    squared = total_of_warp(squared);
    if (lane != 0) return;
    a.matches[vertex] = {similarity, clutter};
    a.products[vertex] = make_float4(first, second, squared, 0.0f);
}
