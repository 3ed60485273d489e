// What the host tells a kernel: the twin of `Arguments` in src/cuda/feature_residual/arguments.rs, field by field.
#pragma once

#include "../feature/placement.cuh"

// How much of the mean squared stretch is added before a projection is inverted.
constexpr float DAMPING = 1e-2f;

// Numbers of the normal equations.
constexpr u32 SUM_COUNT = 31;

// NaN where the vertex is not seen.
struct Match {
    float similarity;
    float clutter;
};

struct Arguments {
    const float* coordinates;  // [19, stride]
    const float* features;     // [vertex_count, dim]
    const float* gradients;    // [vertex_count, 2, dim]
    const float* clutter;      // [dim]
    const float* map;          // [height, width, dim]
    Match* matches;            // [vertex_count]
    float4* products;          // [vertex_count]: the sample with both gradients, and with itself
    float* sums;               // [SUM_COUNT]
    Placement placement;
    u32 vertex_count;
    u32 stride;
    u32 dim;
    u32 width;   // cells
    u32 height;  // cells
    float floor;
    float temperature;
};
