#!/usr/bin/env python3
"""What an MDM needs to know of the configuration, from the keys that osawatch itself lists.

  osawatch config keys --json | packaging/mdm/make.py [FOLDER]

writes into the folder, by default that of this program:
  osawatch.mobileconfig     a profile with every key at its default; fill.sh puts team and requirement in
  io.osawatch.agent.plist   a manifest of every key with type, default and range, for profile editors
"""
import json
import plistlib
import sys
import uuid
from pathlib import Path

IDENTIFIER = "io.osawatch.agent"
TEAM = "@TEAM@"
REQUIREMENT = "@REQUIREMENT@"
# Stands for the id of a rule.
ANY = "<ID>"
PFM_TYPES = {"string": "string", "boolean": "boolean", "integer": "integer", "array": "array"}
SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, IDENTIFIER)


def neutral(key):
    """The value that changes nothing."""
    if key["default"] is not None:
        return key["default"]
    if key["plist_type"] == "array":
        return []
    raise SystemExit(f"make.py: {key['key']} has no default: say in settings() which value changes nothing")


def settings(keys):
    """Every key with the value that changes nothing, as osawatch reads it from the managed preferences."""
    out = {}
    for key in keys:
        *above, last = key["key"].split(".")
        at = out
        if ANY in above:
            # A table of rules, which is empty.
            for part in above[: above.index(ANY)]:
                at = at.setdefault(part, {})
            continue
        for part in above:
            at = at.setdefault(part, {})
        # Without this key nothing is compressed; nothing is either when all that are kept stay as they are.
        at[last] = at["keep_files"] if key["key"] == "alerts.compress_after" else neutral(key)
    return out


def payload(kind, name, display, content):
    return {
        "PayloadType": kind,
        "PayloadIdentifier": f"{IDENTIFIER}.profile.{name}",
        "PayloadUUID": str(uuid.uuid5(SPACE, name)).upper(),
        "PayloadVersion": 1,
        "PayloadDisplayName": f"osawatch: {display}",
        **content,
    }


def mobileconfig(keys):
    access = {
        "Identifier": IDENTIFIER,
        "IdentifierType": "bundleID",
        "CodeRequirement": REQUIREMENT,
        "StaticCode": False,
        "Authorization": "Allow",
    }
    rule = {
        "RuleType": "Label",
        "RuleValue": IDENTIFIER,
        "TeamIdentifier": TEAM,
        "Comment": "The LaunchDaemon of osawatch",
    }
    forced = {"Forced": [{"mcx_preference_settings": settings(keys)}]}
    payloads = [
        payload("com.apple.TCC.configuration-profile-policy", "access", "Full Disk Access",
                {"Services": {"SystemPolicyAllFiles": [access]}}),
        payload("com.apple.servicemanagement", "background", "the background item cannot be switched off",
                {"Rules": [rule]}),
        payload("com.apple.ManagedClient.preferences", "settings", "settings",
                {"PayloadContent": {IDENTIFIER: forced}}),
    ]
    top = payload("Configuration", "all", "profile", {"PayloadContent": payloads})
    top |= {
        "PayloadIdentifier": f"{IDENTIFIER}.profile",
        "PayloadDisplayName": "osawatch",
        "PayloadDescription": "Full Disk Access, the background item and the settings of osawatch.",
        "PayloadOrganization": "osawatch",
        "PayloadRemovalDisallowed": True,
        "PayloadScope": "System",
    }
    return top


def described(key, name):
    """A key as profile editors describe it."""
    out = {
        "pfm_name": name,
        "pfm_title": name.replace("_", " ").capitalize(),
        "pfm_description": key["description"] + (" Applied at the next start." if key["applied"] == "at start" else ""),
        "pfm_type": PFM_TYPES[key["plist_type"]],
        "pfm_require": "never",
    }
    if key["default"] is not None:
        out["pfm_default"] = key["default"]
    if "choices" in key:
        out["pfm_range_list"] = key["choices"]
    if key["plist_type"] == "integer" and "minimum" in key:
        out |= {"pfm_range_min": key["minimum"], "pfm_range_max": key["maximum"]}
    elif "minimum" in key:
        out["pfm_description"] += f" {key['minimum']} to {key['maximum']}."
    if key["type"] == "list of texts":
        out["pfm_subkeys"] = [{"pfm_type": "string"}]
    if key["type"] == "list of tables":
        columns = [{"pfm_name": column, "pfm_type": exception_type(column)} for column in key["keys"]]
        out["pfm_subkeys"] = [{"pfm_type": "dictionary", "pfm_subkeys": columns}]
    return out


def exception_type(column):
    return {"rules": "array", "expires": "date"}.get(column, "string")


def tree(keys):
    """The keys as dictionaries in dictionaries."""
    root = []
    for key in keys:
        *above, last = key["key"].split(".")
        at = root
        for part in above:
            name = "{{key}}" if part == ANY else part
            found = next((entry for entry in at if entry["pfm_name"] == name), None)
            if found is None:
                title = "Id of a rule" if part == ANY else part.capitalize()
                found = {"pfm_name": name, "pfm_title": title, "pfm_type": "dictionary", "pfm_subkeys": []}
                at.append(found)
            at = found["pfm_subkeys"]
        at.append(described(key, last))
    return root


def manifest(keys):
    return {
        "pfm_format_version": 1,
        "pfm_version": 1,
        "pfm_domain": IDENTIFIER,
        "pfm_platforms": ["macOS"],
        "pfm_macos_min": "13.0",
        "pfm_targets": ["system-managed"],
        "pfm_unique": True,
        "pfm_title": "osawatch",
        "pfm_description": "The configuration of osawatch; what is set here takes precedence over its files.",
        "pfm_subkeys": tree(keys),
    }


def main():
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1]) if len(sys.argv) == 2 else Path(__file__).resolve().parent
    keys = json.load(sys.stdin)
    for name, content in (("osawatch.mobileconfig", mobileconfig(keys)), (f"{IDENTIFIER}.plist", manifest(keys))):
        (folder / name).write_bytes(plistlib.dumps(content, sort_keys=False))


main()
