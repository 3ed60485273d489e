#!/usr/bin/env bash
# Compiles the CUDA code of kernels/cuda for every device the node runs on, into target/cuda_images/. Needs no GPU and no CUDA
# toolkit: the compiler is the library NVRTC, taken out of its Python wheel (114 MB in all, kept in target/nvrtc/).
#
# Machine code for Jetson Xavier (sm_72) and Orin (87), for Turing (75), Ampere (86), Ada (89) and Hopper (90) cards, and PTX for
# all others comes from NVRTC 12.6, whose PTX the drivers of JetPack 6 still read; for Blackwell cards (120) from 12.9, which
# is the first that knows them and, with 12.6, the last that knows Xavier.
#
# The node looks for the images in the folder that AZIMUTH_CUDA_IMAGES names, else in `cuda` beside its program, else in
# target/cuda_images of the source tree.
#
# What the kernels take is compared with kernels/cuda/resources.txt, which may only improve: --accept writes improvements.
#
# usage: scripts/build_cubins.sh [--accept]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

images=target/cuda_images
if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "error: python3 with pip is needed to fetch NVRTC (Debian: apt-get install python3-pip)" >&2
    exit 1
fi
report="$(mktemp)"
trap 'rm -f "$report"' EXIT

# nvrtc VERSION: prints the folder with the library, fetching it first if need be.
nvrtc() (
    # A function whose output is taken does not inherit it.
    set -e
    folder="target/nvrtc/$1"
    if [[ ! -e "$folder/nvidia/cuda_nvrtc/lib/libnvrtc.so.12" ]]; then
        rm -rf "$folder"
        rm -rf "$folder.partial"
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
            --dest "$folder.partial" "nvidia-cuda-nvrtc-cu12==$1" >&2
        python3 -m zipfile --extract "$folder.partial"/nvidia_cuda_nvrtc_cu12-*.whl "$folder.partial"
        rm "$folder.partial"/*.whl
        mv "$folder.partial" "$folder"
    fi
    echo "$folder/nvidia/cuda_nvrtc/lib"
)

compile() {
    local library="$1" source
    shift
    for source in kernels/cuda/*.cu; do
        python3 scripts/compile_cuda.py --nvrtc "$library" --source "$source" --out "$images" --report "$report" "$@"
    done
}

# Found before the old images go.
library_12_6="$(nvrtc 12.6.85)"
library_12_9="$(nvrtc 12.9.86)"
rm -rf "$images"
compile "$library_12_6" sm_72 sm_75 sm_86 sm_87 sm_89 sm_90 compute_72 compute_75 compute_80
compile "$library_12_9" sm_120
python3 scripts/compare_resources.py kernels/cuda/resources.txt "$report" "$@"
