#!/usr/bin/env python3
"""zip.py FOLDER OUT: a zip of a folder that is the same for the same files; times are SOURCE_DATE_EPOCH."""
import os
import sys
import time
import zipfile
from pathlib import Path


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    folder, out = Path(sys.argv[1]), sys.argv[2]
    # A zip knows no time before 1980.
    moment = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # The mode of a file on Unix.
            entry.create_system = 3
            entry.external_attr = path.stat().st_mode << 16
            archive.writestr(entry, path.read_bytes())


main()
