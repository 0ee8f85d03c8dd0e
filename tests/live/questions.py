"""The list "what only a Mac can settle": one answer for each, or why there is none here."""
import json
import platform
import selectors
import subprocess
import sys
import time


def run(command, seconds=20):
    """What it prints and its status; None when it cannot be started or does not end."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    return done.returncode, done.stdout.strip()


def first_line(command):
    """Seconds from the start of /usr/bin/true, once a second, to the first line that comes out of the command."""
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    began, waiting = time.monotonic(), selectors.DefaultSelector()
    waiting.register(child.stdout, selectors.EVENT_READ)
    answer = "nothing in 30 s"
    for number in range(30):
        subprocess.run(["true"], start_new_session=True)
        if waiting.select(1):
            answer = f"{time.monotonic() - began:.1f} s, after {number + 1} programs"
            break
    child.terminate()
    child.wait()
    return answer


def message_version(folder):
    for line in (folder / "eslogger.ndjson").read_bytes().splitlines():
        try:
            return json.loads(line)["version"]
        except (ValueError, KeyError, TypeError):
            continue
    return "no line of eslogger can be read"


def user_space(folder):
    """State, epid, eupid and uid of the flows in user space, as ntstat_dump.py found them."""
    path = folder / "ntstat.ndjson"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    flows = [line["flow"] for line in lines if "flow" in line]
    members = ("provider", "state", "pid", "epid", "eupid", "uid")
    seen = sorted({tuple((name, flow.get(name)) for name in members) for flow in flows}, key=str)
    return "; ".join(" ".join(f"{name} {value}" for name, value in flow) for flow in seen[:20]) or "none was seen"


def translated(program):
    if platform.machine() != "arm64":
        return "this Mac is Intel's"
    status, text = run(["arch", "-x86_64", program, "run", "--for", "1s"])
    return f"status {status}: {text[-300:]}"


def answers(program, folder):
    system = run(["sw_vers", "-productVersion"])[1]
    return {
        "which Mac": f"macOS {system}, {platform.machine()}, {run(['csrutil', 'status'])[1]}",
        "eslogger into a pipe: time to the first line": first_line(["eslogger", "exec"]),
        "eslogger into a pseudo-terminal": first_line(["script", "-q", "/dev/null", "eslogger", "exec"]),
        "eslogger with NSUnbufferedIO=YES into a pipe": first_line(["env", "NSUnbufferedIO=YES", "eslogger", "exec"]),
        "message version": message_version(folder),
        "a translated build": translated(program),
        "flows in user space (raw)": user_space(folder),
        "timebase": run([sys.executable, "-c", TIMEBASE])[1] if sys.platform == "darwin" else "this is no Mac",
        "a transparent proxy": "not here: it needs a proxy and a person",
        "default mute set": "not here: it needs a build with the entitlement",
    }


TIMEBASE = """
import ctypes
words = (ctypes.c_uint32 * 2)()
ctypes.CDLL(None).mach_timebase_info(words)
print(f"{words[0]}/{words[1]}")
"""
