#!/usr/bin/env bash
# What each part of the method is worth, on renderings alone (Kouros et al. 2022, Table 4, in small): trains variants of
# trainer/runs/synth.toml, and prints ACC30, ACC10, median and flips of each on rendered cars that none of them saw.
#
#   scripts/ablate.sh [STEPS] [OUT] [VARIANT ...]   # needs a trainer with the feature torch in target/release;
#                                                   # COCO=/path adds pasted objects of that folder as a variant
set -eu
steps=${1:-300} out=${2:-runs/ablations}
shift $(($# < 2 ? $# : 2))
variants=${*:-full dynamic fixed triplet discretised ${COCO:+occluders}}
trainer=target/release/trainer
mkdir -p "$out"
[ -d runs/synth ] || $trainer synth --out runs/synth --frames 240 --seed 1
[ -d runs/synth_val ] || $trainer synth --out runs/synth_val --frames 60 --seed 9000

describe() {
  case $1 in
    full) cat trainer/runs/synth.toml ;;
    dynamic) sed 's/^listwise = .*/listwise = 0.0/' trainer/runs/synth.toml ;;
    fixed) describe dynamic | sed 's/^\[loss\]/[loss]\npair = "contrastive_fixed"/' ;;
    triplet) describe dynamic | sed 's/^\[loss\]/[loss]\npair = "triplet_dynamic"/' ;;
    discretised) describe dynamic | sed 's/^\[loss\]/[loss]\npair = "contrastive_discretised"/' ;;
    occluders) describe full | sed "s#^root = .*#&\ncoco = \"$COCO\"#" ;;
    *) echo "no variant $1" >&2; return 1 ;;
  esac
}

for variant in $variants; do
  run=$out/$variant
  mkdir -p "$run"
  describe "$variant" > "$run/ablation.toml"
  [ -e "$run/query_encoder.onnx" ] || $trainer train retrieval --config "$run/ablation.toml" --out "$run" --steps "$steps" 2> "$run/log.txt"
  [ -e "$run/model/manifest.toml" ] || $trainer table --run "$run" --out "$run/model" --azimuth-step-deg 6 --elevations-deg 0,6 2>> "$run/log.txt"
  for set in "--kitti runs/synth_val --sequence 0000" "--synthetic-occlusion --objects 40"; do
    # shellcheck disable=SC2086 # the set is several words
    $trainer eval $set --model "$run/model" 2>> "$run/log.txt" | sed -n "s/^\(L[0-3]\|fully_visible\|partly_occluded\|largely_occluded\|all\) /$variant\t\1 /p"
  done
done
