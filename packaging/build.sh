#!/usr/bin/env bash
# build.sh: dist/ with the application bundle, the installer package, the zip for responders, the list of components
# (SBOM) and the checksums; on Linux or on a Mac, from the same inputs.
#
#   --flavour default   (the default) no entitlement, so Apple's eslogger delivers the process events. Signed ad hoc, or
#                       with --certificate under a name that lasts from build to build.
#   --flavour release   Developer ID, the entitlement of Endpoint Security, hardened runtime, notarised and stapled.
#   --flavour dev       a development certificate and the entitlement, for the Macs that the profile names.
#   --profile FILE      the provisioning profile that allows the entitlement; release and dev need it
#   --certificate X     signs the code: on a Mac the name of an identity in a keychain, on Linux a PEM file with its key
#   --installer-certificate X     signs the package, likewise
#   --notary-profile NAME         the credentials that `notarytool store-credentials` keeps; a release on a Mac
#   --executable FILE   a universal executable that packaging/cross/build.sh has made; without it that is run first. What
#                       lies beside it as FILE.symbols is kept for the backtraces of panics
#   --command FILE      an osawatch that runs on this system, for the completions; without it cargo builds one
#   --out DIR           in place of dist; a build that fails leaves it as it was
set -euo pipefail
umask 022
start=$PWD
cd "$(dirname "$0")/.."
identifier=io.osawatch.agent
flavour=default profile='' certificate='' installer='' notary='' executable='' command='' result=$PWD/dist

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

# A path as it was given, seen from here.
path() { case $1 in /*) echo "$1" ;; *) echo "$start/$1" ;; esac; }

while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$1 needs a value"
    case $1 in
        --flavour) flavour=$2 ;;
        --profile) profile=$(path "$2") ;;
        --certificate) certificate=$2 ;;
        --installer-certificate) installer=$2 ;;
        --notary-profile) notary=$2 ;;
        --executable) executable=$(path "$2") ;;
        --command) command=$(path "$2") ;;
        --out) result=$(path "$2") ;;
        *) fail "unknown option $1" ;;
    esac
    shift 2
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
# shellcheck source=packaging/bundle/sign.sh
. packaging/bundle/sign.sh
if ! on_mac; then
    [ -z "$certificate" ] || certificate=$(path "$certificate")
    [ -z "$installer" ] || installer=$(path "$installer")
fi
check_flavour
# It is replaced as a whole.
[ ! -e "$result" ] || [ -f "$result/SHA256SUMS" ] || rmdir "$result" 2>/dev/null ||
    fail "$result holds something other than an earlier build: give another folder"
# The time of the commit: two builds of it are alike.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} || fail 'SOURCE_DATE_EPOCH is not set, and git has none'
export SOURCE_DATE_EPOCH

name=osawatch-$version-macos-universal
[ "$flavour" != dev ] || name=$name-dev
if [ -z "$executable" ]; then
    packaging/cross/build.sh
    executable=$PWD/target/universal2-apple-darwin/release/osawatch
fi
[ -f "$executable" ] || fail "$executable does not exist"
if [ -z "$command" ]; then
    cargo build --quiet
    command=$PWD/target/debug/osawatch
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
app=$work/root/Library/Osawatch/Osawatch.app
out=$work/dist

bundle() {
    local contents=$app/Contents
    local resources=$contents/Resources
    mkdir -p "$contents/MacOS" "$resources/completions" "$resources/exceptions.d" "$resources/man"
    sed "s/@VERSION@/$version/" packaging/bundle/Info.plist >"$contents/Info.plist"
    printf 'APPL????' >"$contents/PkgInfo"
    install -m 0755 "$executable" "$contents/MacOS/osawatch"
    install -m 0644 LICENSE packaging/config.toml "$resources"
    install -m 0644 packaging/exceptions.d/*.toml "$resources/exceptions.d"
    install -m 0755 packaging/uninstall.sh "$resources"
    "$command" completions zsh >"$resources/completions/_osawatch"
    "$command" completions bash >"$resources/completions/osawatch.bash"
    "$command" completions fish >"$resources/completions/osawatch.fish"
    "$command" man --output "$resources/man"
    # Sealed by the signature, so it is there before.
    [ -z "$profile" ] || install -m 0644 "$profile" "$contents/embedded.provisionprofile"
}

package() {
    mkdir -p "$work/root/Library/LaunchDaemons" "$work/root/private/etc/newsyslog.d" "$work/scripts"
    install -m 0644 "launchd/$identifier.plist" "$work/root/Library/LaunchDaemons"
    install -m 0644 packaging/package/newsyslog.conf "$work/root/private/etc/newsyslog.d/$identifier.conf"
    install -m 0755 packaging/package/{preinstall,postinstall} "$work/scripts"
    install -m 0644 packaging/package/mac.sh "$work/scripts"
    local bytes
    bytes=$(find "$work/root" -type f -exec cat {} + | wc -c)
    echo "version=$version kilobytes=$((bytes / 1024 + 1))" >"$work/scripts/version.sh"
    python3 packaging/package/flatpkg.py --root "$work/root" --scripts "$work/scripts" \
        --identifier "$identifier.pkg" --version "$version" --title "Osawatch $version" --out "$out/$name.pkg"
}

# The executable alone, for a USB stick. It has no bundle to carry a profile, so it claims no entitlement.
responders_zip() {
    mkdir -p "$work/osawatch"
    install -m 0755 "$executable" "$work/osawatch/osawatch"
    sign_bare "$work/osawatch/osawatch"
    install -m 0644 LICENSE packaging/bundle/README.txt "$work/osawatch"
    python3 packaging/package/zip.py "$work/osawatch" "$out/$name.zip"
}

mkdir "$out"
bundle
sign_bundle "$app"
# Modes are not sealed, and tools differ in them.
find "$work/root" -type d -exec chmod 0755 {} +
cp -R "$app" "$out/"
package
sign_package "$out/$name.pkg"
responders_zip
python3 packaging/sbom.py "$version" >"$out/osawatch-$version.cdx.json"
[ ! -f "$executable.symbols" ] || gzip -9n <"$executable.symbols" >"$out/osawatch-$version.symbols.gz"
notarise
(
    cd "$out"
    sum=(shasum -a 256)
    ! command -v sha256sum >/dev/null || sum=(sha256sum)
    shopt -s nullglob
    "${sum[@]}" -- *.pkg *.zip *.json *.gz >SHA256SUMS
)
rm -rf "$result"
mkdir -p "$(dirname "$result")"
mv "$out" "$result"
echo "$result: $(cd "$result" && echo *)"
