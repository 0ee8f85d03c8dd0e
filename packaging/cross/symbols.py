#!/usr/bin/env python3
"""The symbols of a build, which its executables are handed out without.

  symbols.py of FILE...             the symbols of thin executables, a line each: processor, address and name
  symbols.py name SYMBOLS PANICS    what osawatch keeps of its panics, panics.ndjson, with the names in its backtraces

SYMBOLS may be compressed with gzip.
"""
import bisect
import gzip
import json
import re
import struct
import sys

LC_SYMTAB = 0x2
PROCESSORS = {0x0100000C: "aarch64", 0x01000007: "x86_64"}
# Of a symbol that lies in a section, and is not a debugger's.
TYPE, IN_SECTION, DEBUGGER = 0x0E, 0x0E, 0xE0
# A build that was stripped has a few that others link to.
LEAST = 100
# The function whose place a panic states: `keep` of src/cli/panics.rs.
ANCHOR = "osawatch::cli::panics::keep"
ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}


def fail(why):
    raise SystemExit(f"symbols.py: {why}")


def symbols(path):
    """(processor, address, name) of each symbol, in the order of addresses."""
    with open(path, "rb") as file:
        data = file.read()
    magic, cpu = struct.unpack_from("<II", data)
    if magic != 0xFEEDFACF or cpu not in PROCESSORS:
        fail(f"{path} is not a thin executable for arm64 or x86_64")
    (count,) = struct.unpack_from("<I", data, 16)
    at, found = 32, []
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, at)
        if command == LC_SYMTAB:
            table, number, names, _ = struct.unpack_from("<IIII", data, at + 8)
            for entry in range(number):
                name, kind, _, _, value = struct.unpack_from("<IBBHQ", data, table + 16 * entry)
                if kind & DEBUGGER == 0 and kind & TYPE == IN_SECTION:
                    start = names + name
                    found.append((value, data[start:data.index(b"\0", start)].decode("utf-8", "replace")))
        at += size
    if len(found) < LEAST:
        fail(f"{path} is stripped: remove it and build it again")
    return [(PROCESSORS[cpu], address, name) for address, name in sorted(found)]


def plain(name):
    """The path of a function without its hash, as rustc's first mangling has it; any other name as it is."""
    found = re.fullmatch(r"_?_ZN(.*)17h[0-9a-f]{16}E", name)
    if not found:
        return name
    rest, parts = found[1], []
    while length := re.match(r"\d+", rest):
        end = length.end() + int(length[0])
        part = rest[length.end():end]
        # What begins with an escape has a letter before it.
        parts.append(part[1:] if part.startswith("_$") else part)
        rest = rest[end:]
    text = "::".join(parts)
    text = re.sub(r"\$u([0-9a-f]+)\$", lambda code: chr(int(code[1], 16)), text)
    text = re.sub(r"\$([A-Z]+)\$", lambda escape: ESCAPES.get(escape[1], escape[0]), text)
    return text.replace("..", "::")


def named(panic, known):
    """The backtrace of a panic, each address with the function that it is in."""
    table = known.get(panic.get("processor"), [])
    anchors = [address for address, name in table if name == ANCHOR]
    if not anchors or "keep_at" not in panic:
        fail("the panic is of another version, or its processor has no symbols in the file")
    moved = int(panic["keep_at"], 16) - anchors[0]
    addresses = [address for address, _ in table]

    def function(frame):
        address = int(frame[1], 16) - moved
        if not addresses[0] <= address <= addresses[-1]:
            # In a library, which has its own symbols.
            return frame[0]
        # What the system said is the nearest of the few symbols that are left.
        return f"{frame[1]} - {table[bisect.bisect_right(addresses, address) - 1][1]}"

    return re.sub(r"(0x[0-9a-f]+) - .*", function, panic["backtrace"])


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    known = {}
    for line in (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().splitlines():
        processor, address, name = line.split(" ", 2)
        known.setdefault(processor, []).append((int(address, 16), plain(name)))
    return known


def main():
    match sys.argv[1:]:
        case ["of", path, *more]:
            for processor, address, name in (symbol for path in [path, *more] for symbol in symbols(path)):
                print(f"{processor} {address:x} {name}")
        case ["name", symbols_file, panics]:
            known = read(symbols_file)
            with open(panics, encoding="utf-8", errors="replace") as file:
                for line in file:
                    panic = json.loads(line)
                    print(panic["time"], panic["version"], panic["panic"], named(panic, known), "", sep="\n")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
