#!/usr/bin/env python3
"""A provisioning profile: does it allow osawatch to be an Endpoint Security client?

  profile.py PROFILE IDENTIFIER FLAVOUR      prints the team id, or one sentence with what is wrong

macOS kills at its start a program that claims the entitlement of Endpoint Security and whose profile does not allow it,
so a wrong profile has to be found before anything is signed.
"""
import datetime
import plistlib
import subprocess
import sys

CLIENT = "com.apple.developer.endpoint-security.client"
MAX_BYTES = 1 << 20


class Refused(Exception):
    """Why a profile cannot be used."""


def read(path):
    """The property list inside the signed message; who signed it is for macOS to judge."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"cannot read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise Refused("longer than 1 MiB, so no provisioning profile")
    command = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER"]
    try:
        run = subprocess.run(command, input=data, capture_output=True, timeout=30, check=False)
        profile = plistlib.loads(run.stdout) if run.returncode == 0 else None
    except FileNotFoundError as error:
        raise Refused("openssl is needed to read it") from error
    except (plistlib.InvalidFileException, ValueError, subprocess.TimeoutExpired):
        profile = None
    except Exception as error:  # plistlib lets expat's errors through
        raise Refused(f"not a provisioning profile: {error}") from error
    if not isinstance(profile, dict):
        raise Refused("not a provisioning profile, or damaged")
    return profile


def team(profile, identifier, flavour, now):
    """The team of a profile that allows the entitlement to this identifier now."""
    entitlements = profile.get("Entitlements")
    teams = profile.get("TeamIdentifier")
    if not isinstance(entitlements, dict) or not isinstance(teams, list) or not teams:
        raise Refused("it names no entitlements or no team")
    if entitlements.get(CLIENT) is not True:
        raise Refused(f"it does not allow {CLIENT}: ask Apple for that entitlement first (docs/install.md)")
    wanted = f"{teams[0]}.{identifier}"
    given = entitlements.get("com.apple.application-identifier")
    if given != wanted:
        raise Refused(f"it is for the application identifier {given}; this build is {wanted}")
    expires = profile.get("ExpirationDate")
    if not isinstance(expires, datetime.datetime):
        raise Refused("it has no date of expiry")
    if expires <= now:
        raise Refused(f"it expired on {expires:%Y-%m-%d}: download a new one from developer.apple.com")
    everywhere = profile.get("ProvisionsAllDevices") is True
    if flavour == "release" and not everywhere:
        raise Refused("it is a development profile, for the Macs that it names; a release needs one for Developer ID")
    if flavour == "dev" and everywhere:
        raise Refused("it is a profile for Developer ID; a dev build needs a development profile")
    return teams[0]


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    path, identifier, flavour = sys.argv[1:]
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    try:
        print(team(read(path), identifier, flavour, now))
    except Refused as refused:
        raise SystemExit(f"{path}: {refused}") from refused


main()
