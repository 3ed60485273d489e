// How well placements of a surface fit a feature map, on a CUDA device. The law is at the head of src/feature_score.rs.
//
// compare  every vertex with every cell: a small matrix product, with the gain made on the way out
// score    a block for each placement: projects the vertices and adds what they gain
#include "feature_score/arguments.cuh"
#include "feature_score/compare.cuh"
#include "feature_score/score.cuh"

KERNEL(feature_score_compare, 256, 2)(const Arguments a) { compare(a); }
KERNEL(feature_score_score, 128, 4)(const Arguments a) { score(a); }
