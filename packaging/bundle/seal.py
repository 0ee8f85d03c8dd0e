#!/usr/bin/env python3
"""The ad-hoc signature of an application bundle, as codesign --sign - makes it, where Apple's tools are not.

  seal.py BUNDLE      writes _CodeSignature/CodeResources and signs the main executable with it

A bundle that carries a provisioning profile is signed with a certificate, which this cannot do.
"""
import hashlib
import plistlib
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cross"))
import macho  # noqa: E402

# The rules that codesign writes; what they leave out is sealed by the executable itself.
RULES = {
    "^Resources/": True,
    "^Resources/.*\\.lproj/": {"optional": True, "weight": 1000.0},
    "^Resources/.*\\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    "^Resources/Base\\.lproj/": {"weight": 1010.0},
    "^version.plist$": True,
}
RULES_2 = {
    ".*\\.dSYM($|/)": {"weight": 11.0},
    "^(.*/)?\\.DS_Store$": {"omit": True, "weight": 2000.0},
    "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/":
        {"nested": True, "weight": 10.0},
    "^.*": True,
    "^Info\\.plist$": {"omit": True, "weight": 20.0},
    "^PkgInfo$": {"omit": True, "weight": 20.0},
    "^Resources/": {"weight": 20.0},
    "^Resources/.*\\.lproj/": {"optional": True, "weight": 1000.0},
    "^Resources/.*\\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    "^Resources/Base\\.lproj/": {"weight": 1010.0},
    "^[^/]+$": {"nested": True, "weight": 10.0},
    "^embedded\\.provisionprofile$": {"weight": 20.0},
    "^version\\.plist$": {"weight": 20.0},
}


def resources(contents):
    """CodeResources: the hash of each file under Resources, the only sealed files that osawatch has."""
    files, files2 = {}, {}
    for path in sorted((contents / "Resources").rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise SystemExit(f"seal.py: neither a file nor a folder: {path}")
        if path.is_file():
            name, data = path.relative_to(contents).as_posix(), path.read_bytes()
            files[name] = hashlib.sha1(data).digest()
            files2[name] = {"hash2": hashlib.sha256(data).digest()}
    return plistlib.dumps({"files": files, "files2": files2, "rules": RULES, "rules2": RULES_2})


def seal(bundle):
    contents = bundle / "Contents"
    if (contents / "embedded.provisionprofile").exists():
        raise SystemExit("seal.py: a bundle with a provisioning profile is signed with a certificate, not ad hoc")
    info = (contents / "Info.plist").read_bytes()
    names = plistlib.loads(info)
    code_resources = resources(contents)
    folder = contents / "_CodeSignature"
    folder.mkdir(exist_ok=True)
    (folder / "CodeResources").write_bytes(code_resources)
    executable = contents / "MacOS" / names["CFBundleExecutable"]
    macho.sign_universal(names["CFBundleIdentifier"], str(executable), (info, code_resources))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    seal(Path(sys.argv[1]))
