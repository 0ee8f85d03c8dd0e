//! The program that the guest gets when it starts eslogger.
use super::output::Output;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// What a behaviour may say; README has the meanings.
const KEYS: [&str; 9] =
    ["late_ms", "buffer", "usage", "exit", "exit_after", "stderr", "flood_stderr", "half_record", "close_after"];
/// The buffer of a standard output that is no terminal.
const BUFFER: usize = 8192;
/// EX_USAGE.
const USAGE: i32 = 64;

pub(super) fn check(behaviour: &Value) -> Result<(), String> {
    let unknown = behaviour.as_object().and_then(|members| members.keys().find(|key| !KEYS.contains(&key.as_str())));
    unknown.map_or(Ok(()), |key| Err(format!("eslogger: unknown key {key:?} (known: {})", KEYS.join(", "))))
}

/// Whether this process was started as eslogger.
pub(crate) fn is_meant() -> bool {
    std::env::args().next().is_some_and(|name| name.rsplit('/').next() == Some("eslogger"))
}

/// Runs as eslogger; the status it exits with. A signal ends it at once, buffer and all. FACT: eslogger-stop
pub(crate) fn run() -> i32 {
    match records() {
        Ok(status) => status,
        Err(error) => {
            say(&format!("eslogger: {error}\n"));
            1
        }
    }
}

fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn records() -> std::io::Result<i32> {
    // SAFETY: they ask the kernel for numbers of this process.
    let (guest, group, is_terminal) = unsafe { (libc::getppid(), libc::getpgrp(), libc::isatty(1) == 1) };
    let stream = UnixStream::connect_addr(&super::address(guest as u32)?)?;
    let events: Vec<String> = std::env::args().skip(1).collect();
    (&stream)
        .write_all(format!("{}\n", json!({"pid": std::process::id(), "group": group, "events": events})).as_bytes())?;
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    let behaviour: Value = serde_json::from_str(&first)?;
    if let Some(status) = refusal(&behaviour) {
        return Ok(status);
    }
    let buffer = behaviour["buffer"].as_u64().map_or(BUFFER, |size| size as usize);
    // SAFETY: standard output, which nothing else here writes or closes.
    let stdout = unsafe { File::from_raw_fd(1) };
    let mut output = Output::new(stdout, (!is_terminal).then_some(buffer.max(1)));
    follow(lines, &behaviour, &mut output)
}

/// What it says and does before any record; the status if it ends with that.
fn refusal(behaviour: &Value) -> Option<i32> {
    if let Some(text) = behaviour["stderr"].as_str() {
        say(text);
    }
    if let Some(bytes) = behaviour["flood_stderr"].as_u64() {
        let line = "eslogger: a complaint that says the same again and again\n";
        say(&line.repeat(bytes as usize / line.len() + 1));
    }
    if behaviour["usage"] == true {
        say("Error: Unexpected argument 'exec'\nUsage: eslogger [<options>] <events> ...\n");
        return Some(USAGE);
    }
    behaviour["exit"].as_i64().map(|status| status as i32)
}

#[allow(clippy::disallowed_methods, reason = "records are held back for so long")]
fn follow(lines: BufReader<UnixStream>, behaviour: &Value, output: &mut Output<File>) -> std::io::Result<i32> {
    let late = Duration::from_millis(behaviour["late_ms"].as_u64().unwrap_or(0));
    let (sender, due) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let came = |line: String| sender.send((Instant::now() + late, line + "\n")).is_ok();
        lines.lines().map_while(Result::ok).all(came);
    });
    for (number, (at, line)) in (1..).zip(due) {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if behaviour["half_record"] == true && number == 1 {
            output.write(&line.as_bytes()[..line.len() / 2])?;
            output.flush()?;
            stall();
        }
        output.write(line.as_bytes())?;
        if behaviour["exit_after"].as_u64() == Some(number) {
            output.flush()?;
            return Ok(1);
        }
        if behaviour["close_after"].as_u64() == Some(number) {
            output.flush()?;
            // SAFETY: nothing is written there any more.
            unsafe { libc::close(1) };
            stall();
        }
    }
    output.flush()?;
    Ok(0)
}

/// Alive, and nothing more comes; ends with the guest, as everything in the simulated Mac.
fn stall() -> ! {
    // SAFETY: it asks the kernel for a number of this process.
    let guest = unsafe { libc::getppid() };
    loop {
        std::thread::sleep(Duration::from_millis(100));
        // SAFETY: as above.
        if unsafe { libc::getppid() } != guest {
            crate::log::stop("", 0);
        }
    }
}
