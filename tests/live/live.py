#!/usr/bin/env python3
"""What only a Mac can show and that needs no person: osawatch against Apple's own osascript and Automator.

  sudo tests/live/live.py OSAWATCH FOLDER

Runs every check, leaves results.json, summary.md and the raw material (eslogger's lines, the kernel's datagrams, the
alerts) in FOLDER, and exits with 1 if a check failed. Python 3.9, nothing but its library.
"""
import datetime
import json
import os
import pathlib
import shlex
import subprocess
import sys
import threading
import time

import questions
import workflow

HERE = pathlib.Path(__file__).resolve().parent
URL = "https://example.com"
# What the kernel and eslogger may take together; the summary has what they took.
MOST_SECONDS = 15
# From the connection to its alert: osawatch promises less than a second, and a hosted Mac is slow.
MOST_LATENCY = 2
JXA = (
    "ObjC.import('Foundation'); var done = false;"
    f"$.NSURLSession.sharedSession.dataTaskWithURLCompletionHandler($.NSURL.URLWithString('{URL}'),"
    "function () { done = true; }).resume;"
    "for (var i = 0; i < 100 && !done; i++)"
    " $.NSRunLoop.currentRunLoop.runUntilDate($.NSDate.dateWithTimeIntervalSinceNow(0.1));"
)


def shell(command):
    """osascript that runs a shell command."""
    return ["osascript", "-e", f'do shell script "{command}"']


class Results:
    def __init__(self, folder):
        self.folder, self.rows = folder, []

    def add(self, name, outcome, detail=""):
        self.rows.append({"check": name, "outcome": outcome, "detail": detail})
        print(f"{outcome:8} {name}: {detail}", flush=True)

    def write(self, answers):
        report = {"checks": self.rows, "answers": answers}
        (self.folder / "results.json").write_text(json.dumps(report, indent=1) + "\n")
        lines = ["| check | outcome | detail |", "| --- | --- | --- |"]
        lines += [f"| {row['check']} | {row['outcome']} | {cell(row['detail'])} |" for row in self.rows]
        lines += ["", "| what only a Mac can settle | answer |", "| --- | --- |"]
        lines += [f"| {question} | {cell(answer)} |" for question, answer in answers.items()]
        (self.folder / "summary.md").write_text("\n".join(lines) + "\n")

    def failed(self):
        return any(row["outcome"] == "failed" for row in self.rows)


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


class Osawatch:
    """A run in a process group of its own: eslogger leaves out what its own group does."""

    def __init__(self, program, folder, arguments):
        self.alerts, self.stderr, self.changed = [], [], threading.Condition()
        command = [program, "run", "--output", "ndjson", *arguments]
        self.child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.log = (folder / "alerts.ndjson").open("a")
        threading.Thread(target=self._read, args=(self.child.stdout, self._alert), daemon=True).start()
        threading.Thread(target=self._read, args=(self.child.stderr, self.stderr.append), daemon=True).start()

    def _read(self, stream, take):
        for line in stream:
            with self.changed:
                take(line.rstrip("\n"))
                self.changed.notify_all()

    def _alert(self, line):
        self.log.write(line + "\n")
        self.log.flush()
        document = json.loads(line)
        if document.get("event", {}).get("kind") == "alert":
            self.alerts.append(document)

    def wait(self, found, seconds):
        """What `found` returns once it returns something; None when the time is over."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                result = found()
                left = end - time.monotonic()
                if result or left <= 0 or (self.child.poll() is not None and not self.alerts):
                    return result
                self.changed.wait(min(left, 0.5))

    def is_ready(self):
        wanted = ["process events come from", "connections come from"]
        return all(any(text in line for line in self.stderr) for text in wanted)

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
        self.log.close()


def start(command):
    """What is watched, in a process group of its own too."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def seconds_between(alert):
    parse = lambda text: datetime.datetime.fromisoformat(text[:26].rstrip("Z").ljust(26, "0") + "+00:00")
    return (parse(alert["event"]["created"]) - parse(alert["@timestamp"])).total_seconds()


def check(osawatch, results, name, command, process):
    """One command: there is an alert, its connection has its process, and that took no longer than it may."""
    seen = len(osawatch.alerts)
    child = start(command)
    fits = lambda: next((a for a in osawatch.alerts[seen:] if a.get("process", {}).get("name") in process), None)
    alert = osawatch.wait(fits, MOST_SECONDS)
    child.terminate()
    child.wait()
    if alert is None:
        others = [a.get("process", {}).get("name") for a in osawatch.alerts[seen:]]
        return results.add(name, "failed", f"no alert of {' or '.join(process)}; alerts of {others}")
    method = alert.get("osawatch", {}).get("attribution", {}).get("method")
    destination = alert.get("destination", {})
    where = destination.get("domain") or destination.get("ip")
    latency = seconds_between(alert)
    detail = f"{where}, attributed by {method}, {latency * 1000:.0f} ms after the connection"
    is_right = method in ("unique_pid", "audit_token", "pid") and latency <= MOST_LATENCY
    results.add(name, "passed" if is_right else "failed", detail)


def has_route_to_v6():
    route = ["route", "-n", "get", "-inet6", "2606:2800:220:1:248:1893:25c8:1946"]
    return subprocess.run(route, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def scenarios(osawatch, results, folder):
    quiet = ">/dev/null 2>&1"
    check(osawatch, results, "curl child, IPv4", shell(f"curl -4 -s {URL} {quiet}"), ["curl"])
    if has_route_to_v6():
        check(osawatch, results, "curl child, IPv6", shell(f"curl -6 -s {URL} {quiet}"), ["curl"])
    else:
        results.add("curl child, IPv6", "skipped", "this Mac has no IPv6")
    check(osawatch, results, "UDP", shell(f"nc -u -w1 1.1.1.1 53 </dev/null {quiet} || true"), ["nc"])
    check(osawatch, results, "nohup child", shell(f"nohup curl -s {URL} {quiet} &"), ["curl"])
    check(osawatch, results, "JXA NSURLSession", ["osascript", "-l", "JavaScript", "-e", JXA], ["osascript"])
    path = workflow.write(folder / "fetch.workflow", f"/usr/bin/curl -s {URL}")
    runners = ["com.apple.automator.runner", "Automator Application Stub", "automator", "curl"]
    check(osawatch, results, "Automator workflow", ["automator", str(path)], runners)


def selftest(program, results):
    listed = subprocess.run([program, "help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "selftest" not in listed.stdout:
        return results.add("selftest", "skipped", "this build has none")
    run = subprocess.run([program, "selftest"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    results.add("selftest", "passed" if run.returncode == 0 else "failed", run.stdout.strip()[-2000:])


def record(folder):
    """eslogger's lines and the kernel's datagrams, beside everything else."""
    lines = (folder / "eslogger.ndjson").open("wb")
    logger = subprocess.Popen(
        ["script", "-q", "/dev/null", "eslogger", "exec", "fork", "exit"],
        stdin=subprocess.DEVNULL, stdout=lines, stderr=subprocess.STDOUT, start_new_session=True,
    )
    dump = [sys.executable, str(HERE / "ntstat_dump.py"), str(folder / "ntstat.ndjson")]
    statistics = subprocess.Popen(dump, start_new_session=True)
    return [logger, statistics]


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    program, folder = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder)
    recorders = record(folder)
    osawatch = Osawatch(program, folder, shlex.split(os.environ.get("OSAWATCH_ARGUMENTS", "--exec-source eslogger")))
    try:
        if osawatch.wait(osawatch.is_ready, 60):
            results.add("start", "passed", "; ".join(osawatch.stderr))
            scenarios(osawatch, results, folder)
        else:
            results.add("start", "failed", "; ".join(osawatch.stderr) or "it says nothing of its sources")
    finally:
        osawatch.stop()
        for recorder in recorders:
            recorder.terminate()
            recorder.wait()
        (folder / "osawatch.stderr").write_text("\n".join(osawatch.stderr) + "\n")
    selftest(program, results)
    results.write(questions.answers(program, folder))
    raise SystemExit(1 if results.failed() else 0)


if __name__ == "__main__":
    main()
