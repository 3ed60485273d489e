// The normal equations of a step of one placement, on a CUDA device. The law is at the head of src/feature_residual.rs.
//
// compare  a warp for each vertex: what is in the map where it is seen
// sum      one block: what follows from that, added up
#include "feature_residual/arguments.cuh"
#include "feature_residual/compare.cuh"
#include "feature_residual/sum.cuh"

KERNEL(feature_residual_compare, 256, 4)(const Arguments a) { compare(a); }
KERNEL(feature_residual_sum, 256, 1)(const Arguments a) { sum(a); }
