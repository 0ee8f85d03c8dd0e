//! The command line, and the guest's main.
use crate::{eslogger, loader, log, programs, script, shims};
use serde_json::Value;
use std::ffi::CString;

const USAGE: &str = "usage: macsim [--script FILE] [--os 13.3] [--trace] [--quiet] [--check] GUEST [ARGS...]

  --script FILE  NDJSON (or a JSON array) of steps for the fake Mac
  --os VERSION   what the fake Mac says it is (13.x: short ntstat descriptors; 14+: long ones)
  --trace        print the name of every imported function the guest calls
  --quiet        no notes from the simulator on stderr
  --check        only load and list the imports which have no shim; exit 1 if there are any
";

pub(crate) fn main() {
    if eslogger::child::is_meant() {
        log::stop("", eslogger::child::run());
    }
    if programs::is_meant() {
        log::stop("", programs::run());
    }
    let Asked { script, os, trace, check, guest } = asked();
    let Some(path) = guest.first() else { die(USAGE) };
    let steps = match &script {
        Some(file) => script::load(file).unwrap_or_else(|error| die(&format!("{file}: {error}"))),
        None => Vec::new(),
    };
    shims::world::set_os(&os);
    let image = loader::load(path, trace).unwrap_or_else(|error| die(&format!("{path}: {error}")));
    if check {
        for symbol in &image.unresolved {
            log::print(&format!("{symbol}\n"));
        }
        shims::process::exit(i32::from(!image.unresolved.is_empty()));
    }
    for symbol in &image.unresolved {
        note!("no shim for import {symbol}: the guest is stopped if it calls it");
    }
    shims::crash::install_crash_reporter();
    shims::process::exit(run(image, &guest, steps))
}

/// What the command line asks for.
struct Asked {
    script: Option<String>,
    os: String,
    trace: bool,
    check: bool,
    /// The guest's path and arguments.
    guest: Vec<String>,
}

fn asked() -> Asked {
    let mut args = std::env::args().skip(1).peekable();
    let mut asked = Asked { script: None, os: "13.3".to_owned(), trace: false, check: false, guest: Vec::new() };
    while let Some(arg) = args.next_if(|arg| arg.starts_with("--")) {
        match arg.as_str() {
            "--script" => asked.script = args.next(),
            "--os" => asked.os = args.next().unwrap_or_else(|| die("--os needs a version")),
            "--trace" => asked.trace = true,
            "--quiet" => log::quiet(),
            "--check" => asked.check = true,
            _ => die(&format!("unknown option {arg}\n{USAGE}")),
        }
    }
    Asked { guest: args.collect(), ..asked }
}

/// main(argc, argv, envp, apple), as dyld calls it, while the script runs. Returns the status that it returns.
fn run(image: &loader::Image, guest: &[String], steps: Vec<Value>) -> i32 {
    let cargs: Vec<CString> = guest.iter().map(|arg| CString::new(arg.as_str()).unwrap()).collect();
    let mut argv: Vec<*const libc::c_char> = cargs.iter().map(|text| text.as_ptr()).collect();
    argv.push(std::ptr::null());
    let count = cargs.len() as i32;
    let exe = std::fs::canonicalize(&guest[0]).unwrap_or_else(|_| guest[0].as_str().into());
    shims::process::set_program(exe.to_str().unwrap(), count, argv.as_mut_ptr());
    shims::inherit::remember();
    script::start(steps);
    let apple0 = CString::new(format!("executable_path={}", exe.display())).unwrap();
    let apple = [apple0.as_ptr(), std::ptr::null()];
    type Texts = *const *const libc::c_char;
    // SAFETY: the entry point is the guest's main and its image is mapped and bound.
    unsafe {
        let main: extern "C" fn(i32, Texts, Texts, Texts) -> i32 = std::mem::transmute(image.entry);
        main(count, argv.as_ptr(), shims::process::environ() as *const _, apple.as_ptr())
    }
}

fn die(message: &str) -> ! {
    log::stop(&format!("macsim: {message}\n"), 2)
}
