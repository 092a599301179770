#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Far end of the network test: stores 64 MiB from stdin in a file and answers
with their sum. Counts bytes, as the end of a stream does not come through."""
import hashlib
import os
import sys

left = 64 << 20
h = hashlib.md5()
with open(sys.argv[1], "wb") as out:
    while left:
        data = os.read(0, min(left, 1 << 16))
        if not data:
            break
        out.write(data)
        h.update(data)
        left -= len(data)
os.write(1, h.hexdigest().encode() + b"\n")
