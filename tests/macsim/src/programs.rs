//! The programs of macOS that the guest starts to connect to itself ("programs" steps): osascript, and automator with its
//! runner. Each is this program again under that name. It makes the connection on the host, and tells the guest's
//! simulator through a socket, as steps of a script, what a Mac would have reported of it.
use crate::script::run_step;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Mutex;
use std::time::Duration;

const NAMES: [&str; 2] = ["osascript", "automator"];
const RUNNER: &str = "/System/Library/PrivateFrameworks/com.apple.automator.runner";
/// Of the processes that a program would have started: pids of their own beside the host's.
const STARTED: i32 = 5_000_000;
/// What is believed to be known by now; README has the meanings.
const KEYS: [&str; 4] = ["exec", "connection", "attributed", "automator"];

/// What the script says of the programs; null: there are none.
static BEHAVIOUR: Mutex<Value> = Mutex::new(Value::Null);
/// The programs whose start was told: only then does anything that they do happen.
static STARTS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

fn address(guest: i32) -> std::io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("macsim-programs-{guest}"))
}

/// A "programs" step.
pub(crate) fn step(value: &Value) -> Result<(), String> {
    let members = value.as_object().ok_or("programs: not an object")?;
    if let Some(key) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("programs: unknown key {key:?} (known: {})", KEYS.join(", ")));
    }
    *BEHAVIOUR.lock().unwrap() = value.clone();
    listen().map_err(|error| format!("programs: {error}"))
}

fn is(key: &str) -> bool {
    BEHAVIOUR.lock().unwrap()[key] != false
}

/// Whether the kernel says nothing of the exec of this program.
pub(crate) fn is_exec_hidden(path: &[u8]) -> bool {
    NAMES.iter().any(|name| path.ends_with(name.as_bytes())) && !is("exec")
}

/// The start of a child of the guest was told.
pub(crate) fn started(pid: i32) {
    STARTS.lock().unwrap().push(pid);
}

fn listen() -> std::io::Result<()> {
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let there = NAMES.iter().filter(|name| **name != "automator" || is("automator"));
    for name in there {
        let path = format!("/usr/bin/{name}");
        crate::shims::world::with(|world| world.paths.push((path, program.clone())));
    }
    let listener = UnixListener::bind_addr(&address(std::process::id() as i32)?)?;
    std::thread::Builder::new().name("programs".into()).spawn(move || {
        crate::shims::signal::block_all_in_this_thread();
        for stream in listener.incoming().flatten() {
            let serve = move || {
                crate::shims::signal::block_all_in_this_thread();
                drop(serve(&stream));
            };
            drop(std::thread::Builder::new().name("program".into()).spawn(serve));
        }
    })?;
    Ok(())
}

/// Runs the steps that a program tells, and answers each, so that what follows on the host comes after it.
fn serve(stream: &UnixStream) -> std::io::Result<()> {
    for line in BufReader::new(stream).lines() {
        let step: Value = serde_json::from_str(&line?)?;
        if let Some(pid) = step["started"].as_i64() {
            // It runs before the guest's posix_spawn has returned.
            while !STARTS.lock().unwrap().contains(&(pid as i32)) {
                std::thread::sleep(Duration::from_millis(1));
            }
            (&*stream).write_all(b"done\n")?;
            continue;
        }
        if step.get("ntstat").is_none() || is("connection") {
            let step = if is("attributed") { step } else { strange(step) };
            if let Err(error) = run_step(&step) {
                note!("a program of the guest: {error}");
            }
        }
        (&*stream).write_all(b"done\n")?;
    }
    Ok(())
}

/// The same connection, of a process that nothing is known of.
fn strange(mut step: Value) -> Value {
    for key in ["add_tcp", "update"] {
        if let Some(source) = step["ntstat"].get_mut(key) {
            (source["pid"], source["upid"]) = (json!(77_777), json!(7_777_777));
        }
    }
    step
}

/// Whether this process was started as one of the programs.
pub(crate) fn is_meant() -> bool {
    std::env::args().next().is_some_and(|name| NAMES.iter().any(|known| name.rsplit('/').next() == Some(known)))
}

/// Runs as the program; the status it exits with.
pub(crate) fn run() -> i32 {
    i32::from(played().is_err())
}

/// The end of the guest's socket.
struct Guest(BufReader<UnixStream>);

impl Guest {
    fn of(guest: i32) -> std::io::Result<Guest> {
        Ok(Guest(BufReader::new(UnixStream::connect_addr(&address(guest)?)?)))
    }

    fn tell(&mut self, step: &Value) -> std::io::Result<()> {
        self.0.get_mut().write_all(format!("{step}\n").as_bytes())?;
        self.0.read_line(&mut String::new()).map(drop)
    }

    fn fork(&mut self, pid: i32, child: i32) -> std::io::Result<()> {
        self.tell(&json!({"es": {"type": "fork", "pid": pid, "child_pid": child}}))
    }

    fn exec(&mut self, pid: i32, parent: i32, path: &str) -> std::io::Result<()> {
        let exec =
            json!({"type": "exec", "pid": pid, "path": path, "args": [path], "parent_pid": parent, "platform": true});
        self.tell(&json!({ "es": exec }))
    }

    /// Connects for a process, and waits for the answer.
    fn connect(&mut self, pid: i32, port: u16) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        let (local, remote) = (stream.local_addr()?.to_string(), stream.peer_addr()?.to_string());
        self.tell(&json!({"ntstat": {"add_tcp": {"id": local, "pid": pid, "local": local, "state": 0}}}))?;
        self.tell(&json!({"ntstat": {"update": {"id": local, "remote": remote, "state": 2}}}))?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)?;
        self.tell(&json!({"ntstat": {"remove": local}}))
    }
}

fn played() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    // SAFETY: they ask the kernel for numbers of this process.
    let (own, guest) = unsafe { (libc::getpid(), libc::getppid()) };
    let mut simulator = Guest::of(guest)?;
    simulator.tell(&json!({ "started": own }))?;
    if args[0].ends_with("automator") {
        let workflow = std::fs::read_to_string(format!("{}/Contents/document.wflow", args[args.len() - 1]))?;
        let runner = own + STARTED;
        simulator.fork(1, runner)?;
        simulator.exec(runner, 1, RUNNER)?;
        return simulator.connect(runner, port(&workflow)?);
    }
    let script = args[args.len() - 1].clone();
    let (port, child) = (port(&script)?, own + STARTED);
    if !script.starts_with("do shell script") {
        return simulator.connect(own, port);
    }
    simulator.fork(own, child)?;
    simulator.exec(child, own, "/bin/sh")?;
    if !script.ends_with("&\"") {
        simulator.exec(child, own, "/usr/bin/curl")?;
        return simulator.connect(child, port);
    }
    // In the background: a shell of its own, while the first and osascript end.
    let (background, curl) = (child + STARTED, child + 2 * STARTED);
    simulator.fork(child, background)?;
    simulator.tell(&json!({"es": {"type": "exit", "pid": child}}))?;
    // SAFETY: this program has one thread.
    if unsafe { libc::fork() } != 0 {
        return Ok(());
    }
    std::thread::sleep(Duration::from_millis(500));
    simulator.fork(background, curl)?;
    simulator.exec(curl, background, "/usr/bin/curl")?;
    simulator.connect(curl, port)
}

/// The port of the address in a script.
fn port(text: &str) -> std::io::Result<u16> {
    let rest = text.split_once("127.0.0.1:").map_or("", |(_, rest)| rest);
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or("");
    digits.parse().map_err(|_| std::io::ErrorKind::InvalidInput.into())
}
