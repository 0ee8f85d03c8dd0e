#!/usr/bin/env python3
"""Writes what the kernel's network statistics say, as they say it, one JSON line for each datagram.

  sudo ntstat_dump.py FILE     until SIGTERM
  ntstat_dump.py --requests    the requests it would send, in hex: on any system

Layouts: bsd/net/ntstat.h of XNU. Flows in user space are decoded beside their bytes.
"""
import json
import signal
import socket
import struct
import sys
import time

CONTROL = "com.apple.network.statistics"
SYSPROTO_CONTROL = 2
PF_SYSTEM = 32
ADD_ALL_SRCS, GET_UPDATE = 1002, 1007
SRC_UPDATE, SRC_EXTENDED_UPDATE = 10006, 10007
ALL = 0xFFFFFFFFFFFFFFFF
PROVIDERS = (2, 3, 4, 5, 8, 10)
EVENTS = 0x3000
# Where pid and epid are in a descriptor, and state and uid of those that have them; from macOS 14 on.
TCP = {"pid": 116, "epid": 120, "state": 76, "uid": 328}
UDP = {"pid": 128, "epid": 196, "uid": 268}
LAYOUTS = {2: TCP, 3: TCP, 8: TCP, 4: UDP, 5: UDP, 10: UDP}


def header(context, kind, length):
    return struct.pack("=QIHH", context, kind, length, 0)


def requests():
    watch = [
        header(provider, ADD_ALL_SRCS, 56) + struct.pack("=QQIi16x", 0, EVENTS, provider, 0) for provider in PROVIDERS
    ]
    return watch + [header(100, GET_UPDATE, 24) + struct.pack("=Q", ALL)]


def flow(message):
    """The members that questions.py asks about, of an update."""
    provider, descriptor = struct.unpack_from("=I", message, 144)[0], message[152:]
    layout = LAYOUTS.get(provider)
    if layout is None:
        return None
    members = {name: struct.unpack_from("=I", descriptor, at)[0] for name, at in layout.items() if at + 4 <= len(descriptor)}
    upid, eupid = struct.unpack_from("=QQ", descriptor)
    return {"provider": provider, "upid": upid, "eupid": eupid, **members}


def messages(datagram):
    at = 0
    while at + 16 <= len(datagram):
        kind, length = struct.unpack_from("=IH", datagram, at + 8)
        if length < 16 or at + length > len(datagram):
            return
        yield kind, datagram[at:at + length]
        at += length


def dump(path):
    try:
        control = socket.socket(PF_SYSTEM, socket.SOCK_DGRAM, SYSPROTO_CONTROL)
        control.connect(CONTROL)
    except OSError as error:
        raise SystemExit(f"ntstat_dump.py: the kernel's network statistics are unavailable: {error}")
    control.settimeout(1)
    with open(path, "w") as out:
        for request in requests():
            control.send(request)
        last = time.monotonic()
        while True:
            try:
                datagram = control.recv(65536)
            except socket.timeout:
                datagram = b""
            if time.monotonic() - last > 1:
                control.send(requests()[-1])
                last = time.monotonic()
            if datagram:
                line = {"time": time.time(), "hex": datagram.hex()}
                updates = [m for kind, m in messages(datagram) if kind in (SRC_UPDATE, SRC_EXTENDED_UPDATE)]
                flows = [found for found in map(flow, updates) if found and found["provider"] in (3, 5, 8)]
                out.write(json.dumps({**line, **({"flow": flows[0]} if flows else {})}) + "\n")
                out.flush()


def main():
    if sys.argv[1:] == ["--requests"]:
        print("\n".join(request.hex() for request in requests()))
    elif len(sys.argv) == 2:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        dump(sys.argv[1])
    else:
        raise SystemExit(__doc__)


main()
