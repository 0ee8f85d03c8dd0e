#!/bin/sh
# fill.sh TEAM             the profile for a build that is signed with the Developer ID of this team, on standard output
# fill.sh --app FOLDER     for the build that is there, on a Mac: team and requirement are read from its signature
# fill.sh --requirement X  for another requirement, such as that of a self-signed build; the login item names no team then
set -eu
here=$(dirname "$0")
identifier=io.osawatch.agent
team=''

fail() {
    echo "fill.sh: $*" >&2
    exit 1
}

case ${1-} in
    --app)
        [ $# -eq 2 ] || fail '--app needs the folder of the application'
        details=$(codesign -d -r- -v "$2" 2>&1) || fail "$2 is not signed"
        requirement=$(printf '%s\n' "$details" | sed -n 's/^designated => //p')
        team=$(printf '%s\n' "$details" | sed -n 's/^TeamIdentifier=\([A-Z0-9]*\)$/\1/p')
        case $requirement in
            '' | cdhash*) fail "$2 is signed ad hoc: a requirement for it is for this one build; sign it with a certificate" ;;
        esac
        ;;
    --requirement)
        [ $# -eq 2 ] || fail '--requirement needs its text'
        requirement=$2
        ;;
    '' | -*) fail 'give a team id, --app or --requirement' ;;
    *)
        team=$1
        requirement="identifier \"$identifier\" and anchor apple generic and certificate \
1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ \
and certificate leaf[subject.OU] = $team"
        ;;
esac
case $team in
    '') ;;
    *[!A-Z0-9]*) fail "$team is no team id: ten capital letters and digits" ;;
    ??????????) ;;
    *) fail "$team is no team id: ten capital letters and digits" ;;
esac
case $requirement in
    *"identifier \"$identifier\""* | *"identifier $identifier"*) ;;
    *) fail "the requirement names another program than $identifier" ;;
esac
# For XML, and then for sed.
requirement=$(printf '%s' "$requirement" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' | sed 's/[\\&|]/\\&/g')
if [ -n "$team" ]; then
    sed "s|@REQUIREMENT@|$requirement|; s|@TEAM@|$team|" "$here/osawatch.mobileconfig"
else
    # Without a team there is nothing to restrict the login item to.
    sed "s|@REQUIREMENT@|$requirement|; /<key>TeamIdentifier<\/key>/{N;d;}" "$here/osawatch.mobileconfig"
fi
