# shellcheck shell=bash
# Signing, for build.sh: with Apple's tools on a Mac, elsewhere ad hoc by seal.py and with a certificate by rcodesign.
# shellcheck disable=SC2154  # flavour, profile, certificate, installer, notary, identifier, work, out, name, app
team=''
rcodesign_version=0.29.0
# Hardened runtime, libraries of Apple and of the same team alone, and an end rather than a page that was changed.
rcodesign_flags=(--code-signature-flags runtime --code-signature-flags library --code-signature-flags kill)

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
    [ -z "$certificate" ] || check_certificate "$certificate" 'Code Signing' code --certificate
    [ -z "$installer" ] || check_certificate "$installer" 1.2.840.113635.100.4.13 packages --installer-certificate
}

# check_certificate FILE USAGE WHAT OPTION: a certificate with its key that is valid now and may sign that. USAGE is what
# openssl prints for the purpose; a certificate that names no purpose is taken for both.
check_certificate() {
    [ -f "$1" ] || fail "$1 does not exist"
    local until usage its_team
    until=$(openssl x509 -in "$1" -noout -enddate 2>/dev/null) || fail "$1 holds no certificate in PEM"
    openssl x509 -in "$1" -noout -checkend 0 >/dev/null || fail "the certificate $1 expired on ${until#notAfter=}"
    openssl pkey -in "$1" -noout -passin pass: 2>/dev/null || fail "$1 holds no private key, or one with a passphrase"
    usage=$(openssl x509 -in "$1" -noout -ext extendedKeyUsage 2>/dev/null) || usage=''
    case $usage in
        '' | *"$2"*) ;;
        *) fail "$1 is not a certificate for $3: $4 cannot use it" ;;
    esac
    its_team=$(certificate_team "$1")
    [ -z "$team" ] || [ "$its_team" = "$team" ] ||
        fail "$1 is a certificate of team ${its_team:-unknown}; the profile is of team $team"
    rcodesign --version >/dev/null 2>&1 ||
        fail "signing with a certificate needs rcodesign $rcodesign_version here: run packaging/bundle/rcodesign.sh"
}

# The team that a certificate names, if it does.
certificate_team() {
    openssl x509 -in "$1" -noout -subject -nameopt multiline | sed -n 's/.*organizationalUnitName *= //p' | head -1
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
        rcodesign_sign "$certificate" "${rcodesign_flags[@]}" "${options[@]+"${options[@]}"}" "$1"
    fi
}

# The executable outside of a bundle.
sign_bare() {
    if [ -z "$certificate" ]; then
        python3 packaging/cross/macho.py sign-universal "$identifier" "$1"
    elif on_mac; then
        codesign --force --sign "$certificate" --timestamp --options runtime,library,kill --identifier "$identifier" "$1"
    else
        rcodesign_sign "$certificate" "${rcodesign_flags[@]}" --binary-identifier "$identifier" "$1"
    fi
}

# The time of the commit as that of signing, so that the same certificate makes the same signature.
rcodesign_sign() {
    local pem=$1 time its_team options=()
    shift
    time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
    # A certificate that Apple did not issue names its team only where it is told.
    its_team=$(certificate_team "$pem")
    [ -z "$its_team" ] || options=(--team-name "$its_team")
    quietly rcodesign sign --pem-file "$pem" --timestamp-url none --signing-time "$time" "${options[@]+"${options[@]}"}" "$@"
}

# What it says is worth reading only when it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$1 failed"; }
}

sign_package() {
    [ -n "$installer" ] || return 0
    if on_mac; then
        productsign --sign "$installer" --timestamp "$1" "$work/signed.pkg"
    else
        # Its CMS signature holds the time of signing: two signed packages differ.
        quietly rcodesign sign --pem-file "$installer" --timestamp-url none "$1" "$work/signed.pkg"
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
