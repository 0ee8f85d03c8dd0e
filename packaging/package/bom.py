"""The bill of materials of an installer package, as mkbom writes it: a store of numbered blocks, and a tree of paths."""
import stat
import struct
import zlib

# Paths in one leaf of the tree.
LEAF = 256
FILE, FOLDER, LINK = 1, 2, 3
TRAILING_ZEROS = {FILE: 4, FOLDER: 0, LINK: 8}


class Entry:
    """A file, folder or link of the payload."""

    def __init__(self, path, mode, data, parent, number):
        self.path, self.mode, self.data, self.parent, self.number = path, mode, data, parent, number
        self.name = path.rsplit("/", 1)[-1]


# Each byte with its bits in the opposite order: zlib's CRC-32 is that of POSIX read from the other end.
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def cksum(data):
    """cksum(1), as POSIX has it: of the data and of its length."""
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "little")
    crc = zlib.crc32((data + length).translate(REVERSED), 0xFFFFFFFF)
    return int(f"{crc:032b}"[::-1], 2)


class Store:
    """Blocks by number, some of them by name; block 0 is empty."""

    def __init__(self):
        self.blocks, self.names = [b""], []

    def add(self, block):
        self.blocks.append(block)
        return len(self.blocks) - 1

    def tree(self, pairs, block_size):
        """A tree of (value, key) blocks: leaves, and one branch above them when there are several."""
        head = self.add(b"")
        chunks = [pairs[at:at + LEAF] for at in range(0, len(pairs), LEAF)] or [[]]
        leaves = [self.add(b"") for _ in chunks]
        for at, chunk in enumerate(chunks):
            after = leaves[at + 1] if at + 1 < len(leaves) else 0
            before = leaves[at - 1] if at else 0
            self.blocks[leaves[at]] = node(1, after, before, chunk, block_size)
        child = leaves[0]
        if len(leaves) > 1:
            last_keys = [(leaf, chunk[-1][1]) for leaf, chunk in zip(leaves, chunks)]
            child = self.add(node(0, 0, 0, last_keys, block_size))
        self.blocks[head] = b"tree" + struct.pack(">IIIIB", 1, child, block_size, len(pairs), 0)
        return head

    def bytes(self):
        addresses, body = [(0, 0)], bytearray()
        for block in self.blocks[1:]:
            addresses.append((512 + len(body), len(block)))
            body += block
        names = struct.pack(">I", len(self.names))
        for name, number in self.names:
            names += struct.pack(">IB", number, len(name)) + name.encode()
        index = struct.pack(">I", len(addresses)) + b"".join(struct.pack(">II", *address) for address in addresses)
        # Two empty entries of the list of free blocks.
        index += struct.pack(">IIIII", 2, 0, 0, 0, 0)
        names_at = 512 + len(body)
        sizes = (1, len(self.blocks) - 1, names_at + len(names), len(index), names_at, len(names))
        head = b"BOMStore" + struct.pack(">IIIIII", *sizes)
        return head.ljust(512, b"\0") + bytes(body) + names + index


def node(is_leaf, after, before, pairs, block_size):
    head = struct.pack(">HHII", is_leaf, len(pairs), after, before)
    return (head + b"".join(struct.pack(">II", *pair) for pair in pairs)).ljust(block_size, b"\0")


def path_info(entry, epoch):
    kind = FOLDER if stat.S_ISDIR(entry.mode) else LINK if stat.S_ISLNK(entry.mode) else FILE
    target = entry.data + b"\0" if kind == LINK else b""
    checksum = 0 if kind == FOLDER else cksum(entry.data)
    fields = (kind, 1, 15, entry.mode, 0, 0, epoch, len(entry.data), 1, checksum, len(target))
    return struct.pack(">BBHHIIIIBII", *fields) + target + bytes(TRAILING_ZEROS[kind])


def write(entries, epoch):
    """The bill of these entries, parents before children."""
    store = Store()
    total = sum(len(entry.data) for entry in entries if stat.S_ISREG(entry.mode))
    store.names.append(("BomInfo", store.add(struct.pack(">IIIIIII", 1, len(entries) + 1, 1, 0, 0, total, 0))))
    pairs = []
    for entry in entries:
        parent = entry.parent.number if entry.parent else 0
        details = store.add(path_info(entry, epoch))
        value = store.add(struct.pack(">II", entry.number, details))
        key = store.add(struct.pack(">I", parent) + entry.name.encode() + b"\0")
        pairs.append((parent, entry.name.encode(), value, key))
    pairs.sort(key=lambda pair: pair[:2])
    store.names.append(("Paths", store.tree([(value, key) for _, _, value, key in pairs], 4096)))
    store.names.append(("HLIndex", store.tree([], 4096)))
    store.names.append(("VIndex", store.add(struct.pack(">IIIB", 1, store.tree([], 128), 0, 0))))
    store.names.append(("Size64", store.tree([], 4096)))
    return store.bytes()
