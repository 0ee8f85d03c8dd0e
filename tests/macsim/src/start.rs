//! The command line, and the guest's main.
use crate::{eslogger, loader, log, programs, script, shims};
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
    let mut args = std::env::args().skip(1).peekable();
    let (mut script, mut os, mut trace, mut check) = (None, "13.3".to_string(), false, false);
    while let Some(arg) = args.peek() {
        if !arg.starts_with("--") {
            break;
        }
        let arg = args.next().unwrap();
        match arg.as_str() {
            "--script" => script = args.next(),
            "--os" => os = args.next().unwrap_or_else(|| die("--os needs a version")),
            "--trace" => trace = true,
            "--quiet" => log::quiet(),
            "--check" => check = true,
            _ => die(&format!("unknown option {arg}\n{USAGE}")),
        }
    }
    let guest_argv: Vec<String> = args.collect();
    let Some(path) = guest_argv.first() else { die(USAGE) };

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

    // main(argc, argv, envp, apple), as dyld calls it.
    let cargs: Vec<CString> = guest_argv.iter().map(|arg| CString::new(arg.as_str()).unwrap()).collect();
    let mut argv: Vec<*const libc::c_char> = cargs.iter().map(|text| text.as_ptr()).collect();
    argv.push(std::ptr::null());
    let exe = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
    shims::process::set_program(exe.to_str().unwrap(), argv.len() as i32 - 1, argv.as_mut_ptr());
    shims::inherit::remember();
    script::start(steps);
    let apple0 = CString::new(format!("executable_path={}", exe.display())).unwrap();
    let apple = [apple0.as_ptr(), std::ptr::null()];
    // SAFETY: the entry point is the guest's main and its image is mapped and bound.
    let result = unsafe {
        let main: extern "C" fn(
            i32,
            *const *const libc::c_char,
            *const *const libc::c_char,
            *const *const libc::c_char,
        ) -> i32 = std::mem::transmute(image.entry);
        main(argv.len() as i32 - 1, argv.as_ptr(), shims::process::environ() as *const _, apple.as_ptr())
    };
    shims::process::exit(result)
}

fn die(message: &str) -> ! {
    log::stop(&format!("macsim: {message}\n"), 2)
}
