#!/bin/sh
# What the scripts of the package share: where osawatch lies, and how its job is stopped and started.
# shellcheck disable=SC2034  # the scripts use them
# The tests put stand-ins for Apple's commands, and a folder, in the place of the next two.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
root=

label=io.osawatch.agent
home=$root/Library/Osawatch
app=$home/Osawatch.app
previous=$home/.previous
made=$home/.made
job=$root/Library/LaunchDaemons/$label.plist
turnover=$root/private/etc/newsyslog.d/$label.conf
settings="$root/Library/Application Support/osawatch"
state=$root/private/var/db/osawatch
logs=$root/private/var/log/osawatch
usr_local=$root/usr/local

# One sentence, also where the installer's log has it, and the end.
fail() {
    echo "osawatch: $*" >&2
    exit 1
}

# Refuses a folder that is there and is not root's alone: whoever can write in it decides what root reads and runs.
# Only /Library/Application Support lets administrators who are not root make folders, so that one is searched whole.
roots_own() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    [ -d "$1" ] || fail "$1 is not a folder: remove it"
    depth=0
    [ "$1" != "$settings" ] || depth=100
    found=$(find "$1" -maxdepth "$depth" \( -type l -o ! -user root -o -perm -0020 -o -perm -0002 \) -print | head -n 1)
    if [ -L "$found" ]; then fail "$found is a symbolic link: remove it"; fi
    [ -z "$found" ] || fail "$found does not belong to root, or others can write to it: check what is in it, then" \
        "run 'sudo chown -R root:wheel \"$1\"; sudo chmod -R go-w \"$1\"' and install again"
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

# bootstrap fails with error 5 while launchd still knows the job that it is to replace.
load_job() {
    launchctl enable "system/$label" || return 1
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        launchctl bootstrap system "$job" 2>/dev/null && return 0
        sleep 1
    done
    return 1
}

# Loads the job and looks again after 5 s: one that cannot start has exited by then. kickstart is asked again where it
# answers nothing, as it may while launchd still loads the job.
start_job() {
    load_job || return 1
    for _ in 1 2 3 4 5; do
        pid=$(launchctl kickstart -p "system/$label" 2>/dev/null | tr -dc 0-9)
        [ -z "$pid" ] || break
        sleep 1
    done
    [ -n "$pid" ] || return 1
    sleep 5
    ps -p "$pid" >/dev/null 2>&1
}
