//! Tools of the system that are asked, with a limit of time and of output.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use crossbeam_channel::bounded;

/// What is kept of the output.
const MAX_OUTPUT: u64 = 1 << 20;

/// What a tool prints; `None` when it cannot be started, fails, or takes longer.
pub(super) fn output(command: &mut Command, patience: Duration) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = bounded(1);
    let read = move || {
        let mut text = Vec::new();
        let _ = stdout.take(MAX_OUTPUT).read_to_end(&mut text);
        let _ = sender.send(text);
    };
    let reader = std::thread::Builder::new().name("osawatch-tool".to_owned()).spawn(read).ok()?;
    let text = receiver.recv_timeout(patience).ok();
    if text.is_none() {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    if text.is_some() {
        let _ = reader.join();
    }
    text.filter(|_| status.success()).map(|text| String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Option<String> {
        output(Command::new("/bin/sh").args(["-c", script]), patience)
    }

    #[test]
    fn a_tool_that_hangs_or_fails_says_nothing() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("echo a", long).as_deref(), Some("a\n"));
        assert_eq!(shell("echo a; exit 3", long), None);
        assert_eq!(shell("exec sleep 600", Duration::from_millis(50)), None);
        assert_eq!(output(&mut Command::new("/nowhere"), long), None);
    }

    #[test]
    fn an_endless_output_is_cut() {
        let printed = shell("yes | head -c 3000000", Duration::from_secs(60));
        assert!(printed.is_none_or(|text| text.len() as u64 <= MAX_OUTPUT));
    }
}
