#!/bin/sh
# Jamf Pro, extension attribute of type String: how osawatch is, in a line.
osawatch=/Library/Osawatch/Osawatch.app/Contents/MacOS/osawatch

state() {
    [ -x "$osawatch" ] || { echo 'not installed'; return; }
    report=$("$osawatch" status 2>&1)
    code=$?
    first=$(printf '%s\n' "$report" | head -n 1 | cut -c 1-200)
    case $code in
        0) echo 'healthy' ;;
        1) echo "${first#osawatch is }" ;;
        69) echo 'not running' ;;
        *) echo "unknown (exit code $code): $first" ;;
    esac
}

echo "<result>$(state | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')</result>"
