# shellcheck shell=bash
# Signing, for build.sh: with Apple's tools on a Mac, elsewhere ad hoc by seal.py and with a certificate by rcodesign.
# shellcheck disable=SC2154  # flavour, profile, certificate, installer, notary, identifier, work, out, name, app
team=''
rcodesign_version=0.29.0

# rcodesign is kept by version; packaging/bundle/rcodesign.sh builds it.
rcodesign() {
    "${OSAWATCH_CACHE:-$PWD/target/tools}/rcodesign-$rcodesign_version/bin/rcodesign" "$@"
}

on_mac() { [ "$(uname -s)" = Darwin ]; }

# Refuses what could not run: before anything is built.
check_flavour() {
    case $flavour in
        default)
            [ -z "$profile" ] || fail 'the default flavour claims no entitlement, so it takes no --profile; see --flavour'
            ;;
        release | dev)
            [ -n "$profile" ] || fail "the $flavour flavour claims the entitlement of Endpoint Security, and macOS" \
                'kills a program that claims it without a provisioning profile that allows it: give --profile'
            [ -n "$certificate" ] || fail "the $flavour flavour is signed with the certificate of its profile: give --certificate"
            team=$(python3 packaging/bundle/profile.py "$profile" "$identifier" "$flavour") || exit 1
            ;;
        *) fail "unknown flavour $flavour: default, release or dev" ;;
    esac
    on_mac && return
    [ -z "$notary" ] || fail 'notarisation needs a Mac'
    for file in "$certificate" "$installer"; do
        [ -z "$file" ] || check_certificate "$file"
    done
}

check_certificate() {
    [ -f "$1" ] || fail "$1 does not exist"
    local until
    until=$(openssl x509 -in "$1" -noout -enddate 2>/dev/null) || fail "$1 holds no certificate in PEM"
    openssl x509 -in "$1" -noout -checkend 0 >/dev/null || fail "the certificate $1 expired on ${until#notAfter=}"
    rcodesign --version >/dev/null 2>&1 ||
        fail "signing with a certificate needs rcodesign $rcodesign_version here: run packaging/bundle/rcodesign.sh"
}

entitlements() {
    sed "s/@TEAM@/$team/" packaging/bundle/entitlements.plist >"$work/entitlements.plist"
    echo "$work/entitlements.plist"
}

sign_bundle() {
    local options=() arch
    [ "$flavour" = default ] || options=(--entitlements "$(entitlements)")
    if [ -z "$certificate" ]; then
        packaging/bundle/seal.py "$1"
    elif on_mac; then
        codesign --force --sign "$certificate" --timestamp --options runtime,library,kill --identifier "$identifier" \
            "${options[@]+"${options[@]}"}" "$1"
        for arch in arm64 x86_64; do codesign --verify --strict --arch "$arch" "$1"; done
    else
        [ "$flavour" = default ] || options=(--entitlements-xml-file "$work/entitlements.plist")
        rcodesign_sign "$certificate" --code-signature-flags runtime,library,kill "${options[@]+"${options[@]}"}" "$1"
    fi
}

# The executable outside of a bundle.
sign_bare() {
    if [ -z "$certificate" ]; then
        python3 packaging/cross/macho.py sign-universal "$identifier" "$1"
    elif on_mac; then
        codesign --force --sign "$certificate" --timestamp --options runtime,library,kill --identifier "$identifier" "$1"
    else
        rcodesign_sign "$certificate" --code-signature-flags runtime,library,kill --binary-identifier "$identifier" "$1"
    fi
}

# The time of the commit as that of signing, so that the same certificate makes the same signature.
rcodesign_sign() {
    local pem=$1
    shift
    local options=() time
    time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
    # A certificate that Apple did not issue names its team only where it is told.
    local own_team
    own_team=${team:-$(openssl x509 -in "$pem" -noout -subject -nameopt multiline | sed -n 's/.*organizationalUnitName *= //p')}
    [ -z "$own_team" ] || options=(--team-name "$own_team")
    rcodesign sign --pem-file "$pem" --timestamp-url none --signing-time "$time" "${options[@]+"${options[@]}"}" "$@" \
        >/dev/null 2>"$work/rcodesign.log" || { cat "$work/rcodesign.log" >&2; fail 'rcodesign failed'; }
}

sign_package() {
    [ -n "$installer" ] || return 0
    if on_mac; then
        productsign --sign "$installer" --timestamp "$1" "$work/signed.pkg"
    else
        # Its CMS signature holds the time of signing: two signed packages differ.
        rcodesign sign --pem-file "$installer" --timestamp-url none "$1" "$work/signed.pkg" >/dev/null 2>&1 ||
            fail 'rcodesign cannot sign the package'
    fi
    mv "$work/signed.pkg" "$1"
}

# Apple's verdict on each file, and its ticket stapled to what can carry one. A zip cannot.
notarise() {
    [ -n "$notary" ] || return 0
    local file verdict
    for file in "$out/$name.zip" "$out/$name.pkg"; do
        verdict=$(xcrun notarytool submit "$file" --keychain-profile "$notary" --wait) || true
        # notarytool exits 0 for "Invalid" too.
        case $verdict in
            *'status: Accepted'*) ;;
            *) fail "Apple did not notarise $file: $verdict" ;;
        esac
    done
    # The ticket of the package covers the bundle in it.
    xcrun stapler staple "$out/$name.pkg"
    xcrun stapler staple "$out/Osawatch.app"
}
