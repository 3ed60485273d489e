#!/usr/bin/env bash
# Puts the ONNX Runtime library into third_party/onnxruntime/, where the node looks for it.
#
# The library comes out of the Python wheel of the same name: it is a plain shared library that needs no Python. pip picks the
# wheel for this machine (x86-64 or aarch64). For CUDA or TensorRT take your vendor's build of ONNX Runtime (on a Jetson the one
# made for its JetPack) and name it in ORT_DYLIB_PATH instead.
#
# usage: scripts/install_onnxruntime.sh [VERSION]
set -euo pipefail

version="${1:-1.31.1}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="$root/third_party/onnxruntime"

if [[ -f "$target/libonnxruntime.so.$version" ]]; then
    ln -sfn "libonnxruntime.so.$version" "$target/libonnxruntime.so"
    echo "ONNX Runtime $version is already in $target"
    exit 0
fi
if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "error: python3 with pip is needed to fetch the wheel (Debian: apt-get install python3-pip)" >&2
    exit 1
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "onnxruntime==$version"
wheels=("$work"/onnxruntime-*.whl)
python3 -m zipfile --extract "${wheels[0]}" "$work/wheel"

libraries=("$work"/wheel/onnxruntime/capi/libonnxruntime.so.*)
if [[ ! -f "${libraries[0]}" ]]; then
    echo "error: there is no libonnxruntime.so in ${wheels[0]##*/}" >&2
    exit 1
fi
mkdir -p "$target"
# Copied under another name first: a node that runs keeps the library it has opened.
cp "${libraries[0]}" "$target/.partial"
mv "$target/.partial" "$target/libonnxruntime.so.$version"
for notice in LICENSE ThirdPartyNotices.txt; do
    if [[ -f "$work/wheel/onnxruntime/$notice" ]]; then cp "$work/wheel/onnxruntime/$notice" "$target/"; fi
done
ln -sfn "libonnxruntime.so.$version" "$target/libonnxruntime.so"
echo "ONNX Runtime $version is in $target"
