"""Writes annotations like those of PASCAL3D+ with SciPy, and archives like those of NeMo with NumPy, into the folder argv[1].

The values are those that scipy_files.rs expects.
"""

import pathlib
import sys

import numpy as np
import scipy.io

out = pathlib.Path(sys.argv[1])

viewpoint = {
    "azimuth_coarse": np.uint16(270),
    "elevation_coarse": np.uint8(0),
    "azimuth": 266.5,
    "elevation": -4.75,
    "distance": 5.875,
    "focal": np.uint8(1),
    "px": 256.5,
    "py": 165.25,
    "theta": np.float32(-0.5),
    "viewport": np.uint16(3000),
    "error": np.float32(1.5),
    "interval_azimuth": np.int8(5),
    "num_anchor": np.int64(6),
}
anchors = {"left_front_wheel": {"status": np.uint8(1), "location": np.array([[128.5, 99.25]])}}


def car(view):
    return {
        "class": "car",
        "bbox": np.array([[45.5, 86.75, 490.0, 245.5]]),
        "truncated": np.uint8(0),
        "occluded": np.bool_(True),
        "difficult": np.int16(0),
        "cad_index": np.uint8(9),
        "viewpoint": view,
        "anchors": anchors,
    }


def record(objects):
    row = np.empty((1, len(objects)), dtype=[(name, object) for name in objects[0]])
    for index, value in enumerate(objects):
        row[0, index] = tuple(value.values())
    return {
        "filename": "n02958343_2202.JPEG",
        "imgsize": np.array([[500, 334, 3]], dtype=np.uint16),
        "database": "ImageNet",
        "parts": np.array([["bonnet", 3.5]], dtype=object),
        "objects": row,
    }


for compressed in (False, True):
    for name, objects in (("one", [car(viewpoint)]), ("two", [car(viewpoint), car(np.zeros((0, 0)))])):
        path = out / f"{name}_{'compressed' if compressed else 'plain'}.mat"
        scipy.io.savemat(path, {"record": record(objects)}, do_compression=compressed)

numeric = {
    f"x_{kind}": np.array([[1, 2], [3, 100]], dtype=kind)
    for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
}
others = {"z": np.array([[1 + 2j]]), "s": scipy.sparse.eye(3).tocsc(), "t": np.array(["ab", "cd"]), "none": np.zeros((0, 0))}
scipy.io.savemat(out / "numeric.mat", {**numeric, **others}, do_compression=True)

crop = {
    "name": "n02958343_2202",
    "azimuth": 4.5,
    "elevation": -0.0625,
    "theta": 0.25,
    "distance": 5.875,
    "viewport": np.uint16(3000),
    "box_obj": np.array([35, 222, 74, 598, 256, 672], dtype=np.float32),
    "occ_mask": None,
}
np.savez(out / "stored.npz", **crop)
np.savez_compressed(out / "deflated.npz", **crop)

inside = np.zeros((40, 60), dtype=np.uint8)
inside[:, :20] = 255
over = np.zeros((40, 60), dtype=bool)
over[:, 15:50] = True
np.savez(out / "masks.npz", source="a.JPEG", mask=inside, occluder_mask=over, box=np.array([0, 40, 0, 20, 40, 60]))
