#!/usr/bin/env python3
"""A flat installer package on any system, from the same files always the same bytes.

  flatpkg.py --root DIR --scripts DIR --identifier ID --version V --title T --out FILE

As pkgbuild and productbuild make it: a xar archive of Distribution and one component, whose Payload and Scripts are
cpio archives and whose Bom lists the payload. All belongs to root:wheel. Times are SOURCE_DATE_EPOCH.
"""
import argparse
import gzip
import hashlib
import io
import os
import plistlib
import stat
import struct
import sys
import time
import zlib
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

sys.dont_write_bytecode = True
import bom  # noqa: E402

MIN_OS = "13.0"
COMPONENT = "osawatch.pkg"


def tree(root):
    """The files below a folder in the order of mkbom: depth first, names sorted, "." first."""
    entries = []

    def add(path, name, parent):
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            mode, data = stat.S_IFLNK | 0o755, os.readlink(path).encode()
        elif stat.S_ISDIR(info.st_mode):
            mode, data = info.st_mode, b""
        elif stat.S_ISREG(info.st_mode):
            mode, data = info.st_mode, path.read_bytes()
        else:
            raise SystemExit(f"flatpkg.py: neither file, folder nor link: {path}")
        if not stat.S_ISLNK(mode) and mode & 0o022:
            raise SystemExit(f"flatpkg.py: writable by group or others: {path}")
        entry = bom.Entry(name, mode, data, parent, len(entries) + 1)
        entries.append(entry)
        if stat.S_ISDIR(mode):
            for child in sorted(path.iterdir(), key=lambda child: os.fsencode(child.name)):
                add(child, child.name if name == "." else f"{name}/{child.name}", entry)

    add(root, ".", None)
    return entries


def cpio(entries, epoch):
    """An archive in the portable format (odc)."""
    out = io.BytesIO()

    def record(name, mode, links, inode, data):
        name = name.encode() + b"\0"
        out.write(b"070707" + b"".join(b"%06o" % field for field in (0, inode, mode, 0, 0, links, 0)))
        out.write(b"%011o%06o%011o" % (epoch, len(name), len(data)) + name + data)

    for entry in entries:
        folders = sum(1 for child in entries if child.parent is entry and stat.S_ISDIR(child.mode))
        links = 2 + folders if stat.S_ISDIR(entry.mode) else 1
        record("." if entry.path == "." else f"./{entry.path}", entry.mode, links, entry.number, entry.data)
    record("TRAILER!!!", 0, 1, 0, b"")
    return gzip.compress(out.getvalue(), 9, mtime=0)


def package_info(root, entries, identifier, version):
    kilobytes = sum(-(-len(entry.data) // 1024) for entry in entries if stat.S_ISREG(entry.mode))
    bundle = next(root.glob("Library/*/*.app"))
    info = plistlib.loads((bundle / "Contents/Info.plist").read_bytes())
    path, name = f"./{bundle.relative_to(root)}", quoteattr(info["CFBundleIdentifier"])
    # An empty bundle-version: the installer replaces the bundle whatever its version; preinstall refuses a downgrade.
    # No relocate: the bundle is installed where it belongs, not where someone moved a copy.
    return f"""<?xml version="1.0" encoding="utf-8"?>
<pkg-info overwrite-permissions="true" relocatable="false" identifier={quoteattr(identifier)} \
postinstall-action="none" version={quoteattr(version)} format-version="2" generator-version="osawatch" \
install-location="/" auth="root">
    <payload numberOfFiles="{len(entries)}" installKBytes="{kilobytes}"/>
    <bundle path={quoteattr(path)} id={name} CFBundleShortVersionString={quoteattr(info["CFBundleShortVersionString"])} \
CFBundleVersion={quoteattr(info["CFBundleVersion"])}/>
    <bundle-version/>
    <upgrade-bundle><bundle id={name}/></upgrade-bundle>
    <update-bundle/>
    <atomic-update-bundle/>
    <strict-identifier><bundle id={name}/></strict-identifier>
    <relocate/>
    <scripts>
        <preinstall file="./preinstall"/>
        <postinstall file="./postinstall"/>
    </scripts>
</pkg-info>
""".encode(), kilobytes


def distribution(title, identifier, version, kilobytes):
    # Without arm64 the installer runs translated on Apple silicon.
    return f"""<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
    <title>{escape(title)}</title>
    <options customize="never" require-scripts="false" rootVolumeOnly="true" allow-external-scripts="false" \
hostArchitectures="arm64,x86_64"/>
    <domains enable_anywhere="false" enable_currentUserHome="false" enable_localSystem="true"/>
    <volume-check>
        <allowed-os-versions><os-version min="{MIN_OS}"/></allowed-os-versions>
    </volume-check>
    <choices-outline>
        <line choice="default">
            <line choice={quoteattr(identifier)}/>
        </line>
    </choices-outline>
    <choice id="default"/>
    <choice id={quoteattr(identifier)} visible="false">
        <pkg-ref id={quoteattr(identifier)}/>
    </choice>
    <pkg-ref id={quoteattr(identifier)} version={quoteattr(version)} installKBytes="{kilobytes}" \
onConclusion="none" auth="root">#{COMPONENT}</pkg-ref>
</installer-gui-script>
""".encode()


def xar(files, epoch):
    """An archive of (name, bytes, or such a list for a folder); nothing is compressed, as pkgbuild has it."""
    heap, number = bytearray(20), 0

    def node(name, content, indent):
        nonlocal number
        number += 1
        head = f'{indent}<file id="{number}">\n{indent} <name>{escape(name)}</name>\n'
        if isinstance(content, list):
            inner = "".join(node(*child, indent + " ") for child in content)
            return f"{head}{indent} <type>directory</type>\n{indent} <mode>0755</mode>\n{inner}{indent}</file>\n"
        offset, digest = len(heap), hashlib.sha1(content).hexdigest()
        heap.extend(content)
        return (
            f"{head}{indent} <type>file</type>\n{indent} <mode>0644</mode>\n{indent} <data>\n"
            f'{indent}  <archived-checksum style="sha1">{digest}</archived-checksum>\n'
            f'{indent}  <extracted-checksum style="sha1">{digest}</extracted-checksum>\n'
            f'{indent}  <encoding style="application/octet-stream"/>\n'
            f"{indent}  <size>{len(content)}</size>\n{indent}  <offset>{offset}</offset>\n"
            f"{indent}  <length>{len(content)}</length>\n{indent} </data>\n{indent}</file>\n"
        )

    listed = "".join(node(name, content, "  ") for name, content in files)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    toc = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<xar>\n <toc>\n  <checksum style="sha1">\n   <offset>0</offset>\n'
        f"   <size>20</size>\n  </checksum>\n  <creation-time>{created}</creation-time>\n{listed} </toc>\n</xar>\n"
    ).encode()
    packed = zlib.compress(toc, 9)
    heap[:20] = hashlib.sha1(packed).digest()
    return struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed), len(toc), 1) + packed + heap


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("root", "scripts", "identifier", "version", "title", "out"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    root = Path(args.root)
    entries = tree(root)
    info, kilobytes = package_info(root, entries, args.identifier, args.version)
    component = [
        ("Bom", bom.write(entries, epoch)),
        ("PackageInfo", info),
        ("Payload", cpio(entries, epoch)),
        ("Scripts", cpio(tree(Path(args.scripts)), epoch)),
    ]
    head = distribution(args.title, args.identifier, args.version, kilobytes)
    Path(args.out).write_bytes(xar([("Distribution", head), (COMPONENT, component)], epoch))


main()
