// What the host tells a kernel: the twin of `Arguments` in src/cuda/top_k/arguments.rs, field by field.
#pragma once

#include "../machine.cuh"

// Rows whose lower bounds are kept together: the rows of one matrix instruction.
constexpr u32 GROUP_ROWS = 16;

// How a query appears to the filter: query = scale * codes, off by at most `error`.
struct QueryBound {
    float scale;
    float squared_norm;
    float error;
    float unused;
};

struct Neighbor {
    u32 row;
    float squared_distance;
};

struct Arguments {
    const uint4* rows;         // [rows of the table, row_words], padded with zeros
    const uint4* codes;        // [rows of the table, code_words], what the filter reads, padded with zeros
    const float* code_scales;  // [rows of the table]; the sketch alone
    const float* code_errors;  // [rows of the table]; the sketch alone
    const u32* code_norms;     // [rows of the table]; the sketch alone
    float* row_norms;          // [rows of the table], squared
    const float4* queries;     // [batch, chunk_count * 2], padded with zeros
    uint4* query_codes;        // [tiles, ...] as prepare.cuh lays them out
    QueryBound* query_bounds;  // [tiles * tile_queries]
    float* lows;               // [batch, group_count], the least distance in a group
    float* limits;             // [batch], farthest distance that can still win
    u64* lists;                // [batch, list_count, list width], each ascending
    Neighbor* neighbors;       // [batch, k]
    u32* reranked;             // one number: rows measured again
    u32 first_row;             // of the range
    u32 row_count;             // of the range
    u32 row_words;             // 16-byte words of one row
    u32 chunk_count;           // runs of eight elements of one row
    u32 code_words;            // 16-byte words of one row of codes
    u32 step_count;            // runs of four words of a row of codes, padded to a multiple of STEPS_AT_ONCE
    u32 batch;
    u32 k;
    u32 group_count;    // groups of the range
    u32 list_count;     // lists for each query
    u32 tile_queries;   // queries of one tile of the filter
    float norm_slack;   // error of the filter's estimate, as a fraction of both squared norms
    float limit_slack;  // error of a measured distance, as a fraction of it
    u32 unused;
};
