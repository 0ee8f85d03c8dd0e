#!/usr/bin/env bash
# The keychain, the provisioning profile and the notary's credentials of a release, from the environment of the release
# workflow; what build.sh is to be told is left in $RUNNER_TEMP/signing.sh.
set -euo pipefail
: "${APPLICATION_P12:?}" "${INSTALLER_P12:?}" "${P12_PASSWORD:?}" "${PROFILE:?}"
: "${NOTARY_KEY:?}" "${NOTARY_KEY_ID:?}" "${NOTARY_ISSUER:?}" "${RUNNER_TEMP:?}"
umask 077
trap 'rm -f "$RUNNER_TEMP/certificate.p12" "$RUNNER_TEMP/notary.p8"' EXIT
keychain=$RUNNER_TEMP/signing.keychain-db
password=$(openssl rand -hex 16)
security create-keychain -p "$password" "$keychain"
security set-keychain-settings -lut 21600 "$keychain"
security unlock-keychain -p "$password" "$keychain"
for certificate in APPLICATION_P12 INSTALLER_P12; do
    printf '%s' "${!certificate}" | base64 --decode >"$RUNNER_TEMP/certificate.p12"
    security import "$RUNNER_TEMP/certificate.p12" -k "$keychain" -P "$P12_PASSWORD" \
        -T /usr/bin/codesign -T /usr/bin/productsign
done
security set-key-partition-list -S apple-tool:,apple: -s -k "$password" "$keychain" >/dev/null
security list-keychains -d user -s "$keychain" login.keychain-db

# The name of the identity of this kind.
identity() {
    security find-identity -v "$keychain" | sed -n "s/.*\"\(Developer ID $1: .*\)\"/\1/p" | head -1
}
application=$(identity Application)
installer=$(identity Installer)
if [ -z "$application" ] || [ -z "$installer" ]; then
    echo 'keychain.sh: the certificates are not valid ones for Developer ID Application and Installer: expired?' >&2
    exit 1
fi
printf '%s' "$PROFILE" | base64 --decode >"$RUNNER_TEMP/osawatch.provisionprofile"
printf '%s' "$NOTARY_KEY" >"$RUNNER_TEMP/notary.p8"
xcrun notarytool store-credentials osawatch --key "$RUNNER_TEMP/notary.p8" --key-id "$NOTARY_KEY_ID" \
    --issuer "$NOTARY_ISSUER"
options=(--flavour release --profile "$RUNNER_TEMP/osawatch.provisionprofile" --certificate "$application"
    --installer-certificate "$installer" --notary-profile osawatch)
declare -p options >"$RUNNER_TEMP/signing.sh"
