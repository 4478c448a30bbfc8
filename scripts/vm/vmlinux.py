#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vmlinux.py BZIMAGE FILE: writes the kernel that a bzImage holds, uncompressed, to a new file.

An emulated machine takes two seconds to uncompress a kernel. QEMU starts an ELF file by its PVH note,
without that step (Documentation/arch/x86/boot.rst describes a bzImage). Exit status 1: the image is
compressed in a way that nothing here reads, or its kernel has no such note."""
import gzip
import lzma
import os
import struct
import subprocess
import sys

SETUP_SECTORS, MAGIC, PAYLOAD = 0x1f1, 0x202, 0x248  # fields of the bzImage's header
NOTE = struct.pack("<III4s", 4, 4, 18, b"Xen")        # of QEMU: where it begins, an address of 4 or 8 octets
LONG_NOTE = struct.pack("<III4s", 4, 8, 18, b"Xen")


def zstd(data):
    return subprocess.run(["zstd", "-dqc"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout


def uncompressed(image):
    if image[MAGIC:MAGIC + 4] != b"HdrS":
        raise ValueError("no bzImage")
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = (image[SETUP_SECTORS] + 1) * 512 + offset
    payload = image[start:start + length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(payload)
    # behind these two the kernel's build writes the size
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return zstd(payload[:-4])
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload[:-4])
    raise ValueError("compressed in a way that is not known here")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.partition("\n")[0])
    try:
        with open(sys.argv[1], "rb") as file:
            kernel = uncompressed(file.read())
        if not kernel.startswith(b"\x7fELF") or not (NOTE in kernel or LONG_NOTE in kernel):
            raise ValueError("the kernel has no PVH note")
        with open(sys.argv[2], "xb") as file:
            file.write(kernel)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError, IndexError, EOFError, struct.error, lzma.LZMAError, subprocess.SubprocessError) as error:
        print(f"vmlinux.py: {sys.argv[1]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
