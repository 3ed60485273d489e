#!/usr/bin/env bash
# libtorch 2.11 for tch 0.24, out of the PyTorch wheel: a CPU build that needs no CUDA library to link or load, and finds
# the GPU by itself where the machine's own PyTorch 2.11 with CUDA is on LD_LIBRARY_PATH. 530 MB to download, 1.2 GB on disk.
#
#   source scripts/install_libtorch.sh [folder]     # default third_party/libtorch; sets LIBTORCH and LD_LIBRARY_PATH
#
# A `pip install torch==2.11.0` of your own serves as well: export LIBTORCH_USE_PYTORCH=1 instead.

_azimuth_install_libtorch() {
  local dir=${1:-third_party/libtorch} here
  if [ ! -e "$dir/complete" ]; then
    rm -rf "$dir" && mkdir -p "$dir/wheels" "$dir/site" "$dir/cpu/lib" || return 1
    python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
      --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 -d "$dir/wheels" \
      torch==2.11.0 'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-cupti==13.0.*' || return 1
    local wheel
    for wheel in "$dir"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$dir/site" || return 1; done
    rm -rf "$dir/wheels"
    # The wheel's own CUDA half lacks the libraries it needs here, and would be found before a working one.
    rm -f "$dir"/site/torch/lib/{libtorch_cuda*,libc10_cuda,libcaffe2_nvrtc}.so
    here=$(cd "$dir" && pwd)
    ln -sfn "$here/site/torch/include" "$dir/cpu/include"
    ln -sf "$here"/site/torch/lib/{libc10.so,libtorch_cpu.so,libgomp.so.1} "$dir/cpu/lib/"
    # torch-sys links -ltorch; nothing of it is needed beyond libtorch_cpu.
    ln -sf "$here/site/torch/lib/libtorch_cpu.so" "$dir/cpu/lib/libtorch.so"
    touch "$dir/complete"
  fi
  here=$(cd "$dir" && pwd)
  export LIBTORCH="$here/cpu" LIBTORCH_BYPASS_VERSION_CHECK=1
  export LD_LIBRARY_PATH="$here/site/torch/lib:$here/site/nvidia/cu13/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}
_azimuth_install_libtorch "$@"
