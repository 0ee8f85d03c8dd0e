#!/usr/bin/env python3
"""sbom.py VERSION: the crates that are in the macOS executables, as CycloneDX 1.5 JSON on standard output.

The same commit gives the same bytes: there is no serial number, and the time is SOURCE_DATE_EPOCH.
"""
import json
import os
import subprocess
import sys
import time
import tomllib

TARGETS = ("aarch64-apple-darwin", "x86_64-apple-darwin")


def metadata():
    filters = [f"--filter-platform={target}" for target in TARGETS]
    command = ["cargo", "metadata", "--format-version=1", "--locked", *filters]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def linked(data):
    """Each crate that the executable is linked from or built with, by id, and what it depends on."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    root = next(package["id"] for package in data["packages"] if package["name"] == "osawatch")
    found, waiting = {}, [root]
    while waiting:
        crate = waiting.pop()
        if crate in found:
            continue
        kinds = {dep["pkg"]: [kind["kind"] for kind in dep["dep_kinds"]] for dep in nodes[crate]["deps"]}
        found[crate] = sorted(name for name, kind in kinds.items() if any(one != "dev" for one in kind))
        waiting.extend(found[crate])
    return root, found


def component(package, checksums):
    url = f"pkg:cargo/{package['name']}@{package['version']}"
    out = {"type": "library", "bom-ref": url, "name": package["name"], "version": package["version"], "purl": url}
    if package.get("license"):
        # Some crates still write "/" for OR.
        out["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        out["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package.get("repository"):
        out["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return out


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    data = metadata()
    root, found = linked(data)
    with open("Cargo.lock", "rb") as file:
        lock = tomllib.load(file)["package"]
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in lock}
    packages = {package["id"]: package for package in data["packages"]}
    parts = {crate: component(packages[crate], checksums) for crate in found}
    top = parts.pop(root) | {"type": "application", "version": sys.argv[1]}
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    refs = {crate: part["bom-ref"] for crate, part in parts.items()} | {root: top["bom-ref"]}
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": created, "component": top},
        "components": sorted(parts.values(), key=lambda part: part["bom-ref"]),
        "dependencies": sorted(
            ({"ref": refs[crate], "dependsOn": sorted(refs[dep] for dep in deps)} for crate, deps in found.items()),
            key=lambda one: one["ref"],
        ),
    }
    print(json.dumps(bill, indent=1, ensure_ascii=False))


main()
