#!/usr/bin/env python3
"""Mach-O files where Apple's tools are not: an ad-hoc signature, and one file for both processors.

  macho.py sign IDENTIFIER FILE...    signs each in place, as codesign --sign - --identifier IDENTIFIER, with a UUID of
                                      what it holds
  macho.py sign-universal IDENTIFIER FILE   every slice of one that holds several
  macho.py universal OUT FILE...      one file with every FILE as a slice, as lipo -create

rcodesign does the same and takes nine minutes to build; a signature with a certificate needs it, or a Mac.
"""
import hashlib
import os
import struct
import sys

MAGIC_64 = 0xFEEDFACF
FAT_MAGIC = 0xCAFEBABE
LC_SEGMENT_64 = 0x19
LC_UUID = 0x1B
LC_CODE_SIGNATURE = 0x1D
ARM64 = 0x0100000C
# log2 of the alignment of a slice: the size of its processor's pages.
PAGE_BITS = {ARM64: 14, 0x01000007: 12}
# Signatures hash pages of 4 KiB on both.
HASH_PAGE_BITS = 12
ADHOC = 0x2
MAIN_BINARY = 0x1


class Slice:
    """One thin executable; its commands by the offsets at which they lie."""

    def __init__(self, data):
        self.data = bytearray(data)
        magic, self.cpu, self.cpu_subtype = struct.unpack_from("<III", self.data)
        if magic != MAGIC_64:
            raise SystemExit("macho.py: not a thin 64-bit Mach-O file")
        self.segments, self.signature, self.uuid, self.first_section = {}, None, None, len(self.data)
        self.bundle = ()
        count, self.commands_size = struct.unpack_from("<II", self.data, 16)
        at = 32
        for _ in range(count):
            command, size = struct.unpack_from("<II", self.data, at)
            if command == LC_SEGMENT_64:
                self._segment(at)
            if command == LC_CODE_SIGNATURE:
                self.signature = at
            if command == LC_UUID:
                self.uuid = at + 8
            at += size

    def _segment(self, at):
        name = bytes(self.data[at + 8:at + 24]).rstrip(b"\0").decode()
        self.segments[name] = at
        (sections,) = struct.unpack_from("<I", self.data, at + 64)
        for number in range(sections):
            section = at + 72 + 80 * number
            (offset,) = struct.unpack_from("<I", self.data, section + 48)
            if offset:
                self.first_section = min(self.first_section, offset)
            if bytes(self.data[section:section + 16]).rstrip(b"\0") == b"__info_plist":
                raise SystemExit("macho.py: an embedded Info.plist has to be signed too, which this does not do")

    def identify(self):
        """Gives it a UUID of what it holds: the linker's is also of the paths of what it was linked from."""
        if self.uuid is None:
            return
        self.data[self.uuid:self.uuid + 16] = bytes(16)
        end = len(self.data) if self.signature is None else struct.unpack_from("<I", self.data, self.signature + 8)[0]
        uuid = bytearray(hashlib.sha256(self.data[:end]).digest()[:16])
        # RFC 9562: version 8, of one's own making.
        uuid[6], uuid[8] = uuid[6] & 0x0F | 0x80, uuid[8] & 0x3F | 0x80
        self.data[self.uuid:self.uuid + 16] = uuid

    def sign(self, identifier, bundle=()):
        """Takes an old signature away and appends a new one; the main executable of a bundle also seals its
        Info.plist and CodeResources."""
        self.bundle = bundle
        if self.signature is None:
            self._add_command()
        else:
            (old,) = struct.unpack_from("<I", self.data, self.signature + 8)
            del self.data[old:]
        self.data.extend(bytes(-len(self.data) % 16))
        limit = len(self.data)
        size = len(self._superblob(identifier, limit))
        struct.pack_into("<II", self.data, self.signature + 8, limit, size)
        link = self.segments["__LINKEDIT"]
        (offset,) = struct.unpack_from("<Q", self.data, link + 40)
        file_size = limit + size - offset
        page = 1 << PAGE_BITS[self.cpu]
        struct.pack_into("<Q", self.data, link + 32, -(-file_size // page) * page)
        struct.pack_into("<Q", self.data, link + 48, file_size)
        # The commands are hashed as they are now.
        self.data.extend(self._superblob(identifier, limit))

    def _add_command(self):
        at, end = 32 + self.commands_size, 32 + self.commands_size + 16
        if end > self.first_section or any(self.data[at:end]):
            raise SystemExit("macho.py: no room for a load command")
        count, size = struct.unpack_from("<II", self.data, 16)
        struct.pack_into("<II", self.data, 16, count + 1, size + 16)
        struct.pack_into("<IIII", self.data, at, LC_CODE_SIGNATURE, 16, 0, 0)
        self.signature = at

    def _superblob(self, identifier, limit):
        requirements = struct.pack(">III", 0xFADE0C01, 12, 0)
        directory = self._code_directory(identifier, limit, requirements)
        blobs = [(0, directory), (2, requirements), (0x10000, struct.pack(">II", 0xFADE0B01, 8))]
        at = 12 + 8 * len(blobs)
        index, body = b"", b""
        for kind, blob in blobs:
            index += struct.pack(">II", kind, at + len(body))
            body += blob
        return struct.pack(">III", 0xFADE0CC0, at + len(body), len(blobs)) + index + body

    def _code_directory(self, identifier, limit, requirements):
        page = 1 << HASH_PAGE_BITS
        # Special slots count down to the pages: -1 is the Info.plist, -2 the requirements, -3 the CodeResources.
        info, resources = self.bundle or (None, None)
        special = [resources, requirements, info] if self.bundle else [requirements, info]
        hashes = [hashlib.sha256(part).digest() if part is not None else bytes(32) for part in special]
        hashes += [hashlib.sha256(self.data[at:min(at + page, limit)]).digest() for at in range(0, limit, page)]
        name = identifier.encode() + b"\0"
        head = 88
        hash_offset = head + len(name) + 32 * len(special)
        text = self.segments["__TEXT"]
        text_offset, text_size = struct.unpack_from("<QQ", self.data, text + 40)
        return struct.pack(
            ">IIIIIIIIIBBBBIIIIQQQQ",
            0xFADE0C02, hash_offset + 32 * (len(hashes) - len(special)), 0x20400, ADHOC, hash_offset, head,
            len(special), len(hashes) - len(special),
            limit, 32, 2, 0, HASH_PAGE_BITS, 0, 0, 0, 0, 0, text_offset, text_size, MAIN_BINARY,
        ) + name + b"".join(hashes)


def slices(data):
    """The thin executables of a file: itself, or what a universal one holds."""
    if struct.unpack_from(">I", data)[0] != FAT_MAGIC:
        return [Slice(data)]
    (count,) = struct.unpack_from(">I", data, 4)
    entries = [struct.unpack_from(">IIIII", data, 8 + 20 * number) for number in range(count)]
    return [Slice(data[offset:offset + size]) for _, _, offset, size, _ in entries]


def write(path, data):
    """In one step, so that nobody starts half of a file."""
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o755)
    os.replace(temporary, path)


def sign(identifier, paths):
    for path in paths:
        with open(path, "rb") as file:
            one = Slice(file.read())
        one.identify()
        one.sign(identifier)
        write(path, one.data)


def sign_universal(identifier, path, bundle=()):
    with open(path, "rb") as file:
        parts = slices(file.read())
    for one in parts:
        one.sign(identifier, bundle)
    write(path, parts[0].data if len(parts) == 1 else joined(parts))


def universal(out, paths):
    parts = []
    for path in paths:
        with open(path, "rb") as file:
            parts.append(Slice(file.read()))
    write(out, joined(parts))


def joined(parts):
    data = bytearray(struct.pack(">II", FAT_MAGIC, len(parts)) + bytes(20 * len(parts)))
    for number, one in enumerate(parts):
        bits = PAGE_BITS[one.cpu]
        data.extend(bytes(-len(data) % (1 << bits)))
        entry = (one.cpu, one.cpu_subtype, len(data), len(one.data), bits)
        struct.pack_into(">IIIII", data, 8 + 20 * number, *entry)
        data.extend(one.data)
    return data


def main():
    match sys.argv[1:]:
        case ["sign", identifier, path, *more]:
            sign(identifier, [path, *more])
        case ["sign-universal", identifier, path]:
            sign_universal(identifier, path)
        case ["universal", out, path, *more]:
            universal(out, [path, *more])
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
