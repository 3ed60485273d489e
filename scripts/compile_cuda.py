#!/usr/bin/env python3
"""Compile CUDA code with NVRTC, which needs no GPU: one cubin or PTX file an architecture, and what its kernels take."""

import argparse
import ctypes
import pathlib
import re
import sys


class Program:
    """One source, compiled for one architecture."""

    def __init__(self, nvrtc, source, options):
        self.nvrtc, self.handle = nvrtc, ctypes.c_void_p()
        self.call("CreateProgram", ctypes.byref(self.handle), source.read_bytes(), source.name.encode(), 0, None, None)
        encoded = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
        status = nvrtc.nvrtcCompileProgram(self.handle, len(options), encoded)
        self.log = self.text("ProgramLog").rstrip(b"\0").decode()
        if status != 0:
            sys.exit(f"error: NVRTC refused {source} with {' '.join(options)}:\n{self.log}")

    def call(self, name, *arguments):
        status = getattr(self.nvrtc, f"nvrtc{name}")(*arguments)
        if status != 0:
            sys.exit(f"error: nvrtc{name} failed with code {status}")

    def text(self, what):
        size = ctypes.c_size_t()
        self.call(f"Get{what}Size", self.handle, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self.call(f"Get{what}", self.handle, buffer)
        return buffer.raw


def resources(log):
    """Kernel, registers, spilled bytes, stack bytes, of each entry function that ptxas tells of."""
    blocks = re.split(r"Compiling entry function '(\w+)'", log)[1:]
    for kernel, text in zip(blocks[::2], blocks[1::2]):
        stack, stores, loads = map(int, re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", text).groups())
        registers = int(re.search(r"Used (\d+) registers", text).group(1))
        yield kernel, registers, stores + loads, stack


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nvrtc", required=True, type=pathlib.Path, help="folder that holds libnvrtc.so.12 and its builtins")
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for the images")
    parser.add_argument("--report", required=True, type=pathlib.Path, help="file to append the kernels' resources to")
    parser.add_argument("--define", action="append", default=[], help="NAME=VALUE, to try another number")
    parser.add_argument("architectures", nargs="+", help="sm_90 for machine code, compute_75 for PTX")
    arguments = parser.parse_args()
    # NVRTC looks for its builtins by name: they must be loaded already.
    for builtins in arguments.nvrtc.glob("libnvrtc-builtins.so.*"):
        ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
    nvrtc = ctypes.CDLL(str(arguments.nvrtc / "libnvrtc.so.12"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for architecture in arguments.architectures:
        options = [f"--gpu-architecture={architecture}", "--std=c++17", f"-I{arguments.source.parent}", *(f"-D{define}" for define in arguments.define), "--ptxas-options=-v"]
        machine_code = architecture.startswith("sm_")
        program = Program(nvrtc, arguments.source, options if machine_code else options[:-1])
        image = program.text("CUBIN") if machine_code else program.text("PTX").rstrip(b"\0")
        path = arguments.out / f"{arguments.source.stem}.{architecture}.{'cubin' if machine_code else 'ptx'}"
        path.write_bytes(image)
        print(f"{path}: {len(image)} bytes")
        with arguments.report.open("a") as report:
            for kernel, registers, spilled, stack in sorted(resources(program.log)):
                report.write(f"{architecture} {kernel} {registers} {spilled} {stack}\n")


main()
