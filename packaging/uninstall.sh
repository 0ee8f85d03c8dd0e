#!/bin/sh
# uninstall.sh [--keep-data]: removes osawatch from this Mac. With --keep-data the configuration, exceptions, rules,
# state and alerts stay. Running it again does no harm.
# The tests put stand-ins for Apple's commands, and a folder, in the place of the next two.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
root=
set -u

label=io.osawatch.agent
home=$root/Library/Osawatch
app=$home/Osawatch.app
made=$home/.made
job=$root/Library/LaunchDaemons/$label.plist
turnover=$root/private/etc/newsyslog.d/$label.conf
settings="$root/Library/Application Support/osawatch"
state=$root/private/var/db/osawatch
logs=$root/private/var/log/osawatch
usr_local=$root/usr/local

fail() {
    echo "osawatch: $*" >&2
    exit 1
}

loaded() {
    launchctl print "system/$label" >/dev/null 2>&1
}

# bootout returns before the job is gone, which may take its ExitTimeOut of 20 s.
stop_job() {
    loaded || return 0
    launchctl bootout "system/$label" 2>/dev/null || :
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        loaded || return 0
        sleep 1
    done
    return 1
}

# Removes a file or a folder with what is in it, and says what stays, such as what has the flag uchg.
left=false
remove() {
    rm -rf "$1"
    if [ -e "$1" ] || [ -L "$1" ]; then
        echo "osawatch: $1 cannot be removed" >&2
        left=true
    fi
}

keep=false
for argument in "$@"; do
    case $argument in
        --keep-data) keep=true ;;
        *)
            echo "usage: sudo uninstall.sh [--keep-data]" >&2
            exit 64
            ;;
    esac
done
[ "$(id -u)" -eq 0 ] || fail "run it as root: sudo $0"

stop_job || fail "launchd does not let go of $label; nothing was removed"
# tccutil finds a grant by the bundle: without it, the grant stays. What is kept is for a version that comes next, and that
# needs the grant too.
$keep || tccutil reset SystemPolicyAllFiles "$label" >/dev/null 2>&1 || :
# Only links that lead into the bundle are ours.
for link in "$usr_local/bin/osawatch" "$usr_local"/share/man/man1/osawatch*.1 "$usr_local/share/zsh/site-functions/_osawatch"; do
    case $(readlink "$link" 2>/dev/null) in
        "$app"/*) remove "$link" ;;
    esac
done
# Folders that the package made, and that hold nothing else by now; the deepest come last in the list.
if [ -f "$made" ]; then
    sed '1!G;h;$!d' "$made" | while IFS= read -r folder; do
        case $folder in
            "$usr_local" | "$usr_local"/*) rmdir "$folder" 2>/dev/null ;;
        esac
    done
fi
for path in "$job" "$turnover" "$home"; do remove "$path"; done
$keep || for path in "$settings" "$state" "$logs"; do remove "$path"; done
! $left || fail "what is named above stays; the agent does not run"
if pkgutil --pkg-info "$label.pkg" >/dev/null 2>&1; then
    pkgutil --forget "$label.pkg" >/dev/null || fail "the receipt $label.pkg stays"
fi
if $keep; then
    echo "osawatch is removed; $settings, $state and $logs stay"
else
    echo "osawatch is removed"
fi
