#!/usr/bin/env bash
# Everything that needs a CUDA device, in one go of about four minutes: the laws of search, scores and residuals, their speed,
# the search's beside the device's own copy bandwidth, the same search in PyTorch, and compute-sanitizer. The machine with the
# device needs neither cargo nor a network: what runs there is packed beforehand into target/gpu_check.
#
# usage: scripts/gpu_check.sh --pack     here: builds the programs and the device code
#        scripts/gpu_check.sh            there: every step has its time, and a failing one does not stop the next
#
# Folders target/gpu_check/images* are benched one after the other: the first alphabetically is the one that counts, the others
# are attempts with other numbers (scripts/compile_cuda.py --define).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pack=target/gpu_check

pack_up() {
    set -e
    scripts/build_cubins.sh
    rm -rf "$pack"
    mkdir -p "$pack"
    cp -r target/cuda_images "$pack/images"
    local attempt
    for attempt in SCAN_BLOCKS=4 SCAN_BLOCKS=2; do
        python3 scripts/compile_cuda.py --nvrtc target/nvrtc/12.6.85/nvidia/cuda_nvrtc/lib --source kernels/cuda/top_k.cu \
            --out "$pack/images_${attempt/=/_}" --report /dev/null --define "$attempt" sm_90
    done
    cargo build --release -p kernels --features cuda --example cuda_top_k_bench --example cuda_feature_bench
    cp "${CARGO_TARGET_DIR:-target}"/release/examples/cuda_{top_k,feature}_bench "$pack/"
    local law
    law="$(cargo test --release -p kernels --features cuda --test conformance_cuda --no-run 2>&1 | tee /dev/stderr |
        sed -n 's/.*(\(.*conformance_cuda-[0-9a-f]*\)).*/\1/p')"
    cp "$law" "$pack/conformance_cuda"
    strip "$pack"/cuda_{top_k,feature}_bench "$pack/conformance_cuda"
    du -sh "$pack"
}

failed=()
# step NAME SECONDS COMMAND...
step() {
    local name="$1" limit_s="$2" began=$SECONDS
    shift 2
    printf '\n=== %s (at %s s)\n' "$name" "$SECONDS"
    timeout --kill-after 5 "$limit_s" "$@"
    local status=$?
    printf -- '--- %s: status %s after %s s\n' "$name" "$status" "$((SECONDS - began))"
    if ((status != 0)); then failed+=("$name"); fi
}

# Without packed images, the toolkit of the machine makes one.
make_image() {
    local capability
    capability="$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)"
    mkdir -p "$pack/images"
    local operation
    for operation in top_k feature_score feature_residual; do
        nvcc -cubin -std=c++17 -arch="sm_$capability" -o "$pack/images/$operation.sm_$capability.cubin" "kernels/cuda/$operation.cu"
    done
}

check() {
    # Some machines keep the driver's library where the loader does not look.
    if ! ldconfig -p | grep -q libcuda.so.1; then export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}:/usr/local/nvidia/lib64:/usr/local/nvidia/lib"; fi
    step "device" 20 nvidia-smi
    export -f make_image
    export pack
    if ! compgen -G "$pack/images/*" >/dev/null; then step "device code by nvcc" 120 bash -c make_image; fi
    export AZIMUTH_CUDA_IMAGES="$PWD/$pack/images"
    step "law" 120 "$pack/conformance_cuda" --include-ignored --test-threads 8
    local exported
    exported="$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)"
    step "speed" 120 "$pack/cuda_top_k_bench" --export "$exported"
    step "speed of scores and residuals" 60 "$pack/cuda_feature_bench"
    step "torch.topk over a matrix product" 90 python3 scripts/bench_torch_topk.py "$exported"
    rm -rf "$exported"
    local folder tool
    for folder in "$pack"/images_*; do
        [[ -d "$folder" ]] || continue
        AZIMUTH_CUDA_IMAGES="$PWD/$folder" step "speed of ${folder##*/}" 60 "$pack/cuda_top_k_bench" --only f16
    done
    if command -v compute-sanitizer >/dev/null; then
        for tool in memcheck racecheck synccheck; do
            step "$tool" 60 compute-sanitizer --tool "$tool" --error-exitcode 9 "$pack/cuda_top_k_bench" --rows 4000 --repetitions 1
            step "$tool, scores and residuals" 60 compute-sanitizer --tool "$tool" --error-exitcode 9 "$pack/cuda_feature_bench" 1
        done
    else
        echo "compute-sanitizer is not on this machine"
    fi
    printf '\n=== %s s; failed: %s\n' "$SECONDS" "${failed[*]:-nothing}"
    ((${#failed[@]} == 0))
}

case "${1:-}" in
--pack) pack_up ;;
"") check ;;
*) sed -n 's/^# \(usage.*\)/\1/p' "$0" >&2 && exit 2 ;;
esac
