// What the host tells a kernel: the twin of `Arguments` in src/cuda/feature_score/arguments.rs, field by field.
#pragma once

#include "../feature/placement.cuh"

struct Arguments {
    const float* coordinates;     // [at least 7, stride]: position, normal, area
    const float* features;        // [vertex_count, dim]
    const float* clutter;         // [dim]
    const float* map;             // [cell_count, dim]
    float* gains;                 // [vertex_count, cell_count]
    const Placement* placements;  // one for each block of `score`
    float* scores;                // the same
    u32 vertex_count;
    u32 stride;
    u32 dim;
    u32 cell_count;
    u32 width;   // cells
    u32 height;  // cells
    float floor;
    u32 unused;
};
