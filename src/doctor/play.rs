//! What the self-test plays: a program of macOS under a watched name, which connects to a listener on loopback. It is
//! started by its absolute path, in a process group of its own, because eslogger leaves out what its own group does.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The interpreter of AppleScript and JavaScript for Automation.
const OSASCRIPT: &str = "/usr/bin/osascript";
/// Runs workflows.
const AUTOMATOR: &str = "/usr/bin/automator";
/// How long a connection stays open, so that libproc, which looks every 50 ms, sees it.
const HOLD: Duration = Duration::from_millis(300);
/// What the client gets.
const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

/// What can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// osascript connects, by NSURL from JavaScript: a connection of osascript itself, with no shell.
    Itself,
    /// A program that osascript starts connects, by `do shell script`.
    Descendant,
    /// The same, after osascript and the shell have exited.
    Reparented,
    /// automator runs a workflow, and the runner connects.
    Automator,
}

impl Part {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Part; 4] = [Part::Itself, Part::Descendant, Part::Reparented, Part::Automator];

    /// What the check is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Itself => "osascript itself",
            Part::Descendant => "descendant",
            Part::Reparented => "reparented child",
            Part::Automator => "Automator pair",
        }
    }

    /// The rule that has to alert.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Part::Itself => "osascript-network-connection",
            Part::Descendant | Part::Reparented => "osascript-descendant-network-connection",
            Part::Automator => "automator-runner-network-connection",
        }
    }

    /// The program that is started.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Part::Automator => AUTOMATOR,
            _ => OSASCRIPT,
        }
    }

    /// Its arguments. A workflow is written into the directory.
    fn args(self, port: u16, directory: &Path) -> io::Result<Vec<String>> {
        let url = format!("http://127.0.0.1:{port}/");
        let curl = format!("/usr/bin/curl -q -s -m 10 --noproxy '*' {url}");
        let owned = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
        Ok(match self {
            Part::Itself => owned(&["-l", "JavaScript", "-e", &load(&url)]),
            Part::Descendant => owned(&["-e", &format!("do shell script \"{curl}\"")]),
            Part::Reparented => {
                owned(&["-e", &format!("do shell script \"(/bin/sleep 1; {curl}) > /dev/null 2>&1 &\"")])
            }
            Part::Automator => {
                let path = directory.join("selftest.workflow");
                write_workflow(&path, &format!("function run() {{ {} }}", load(&url)))?;
                owned(&[&path.display().to_string()])
            }
        })
    }
}

/// JavaScript that loads an address in its own process, as loaders do.
fn load(url: &str) -> String {
    format!("ObjC.import('Foundation'); $.NSData.dataWithContentsOfURL($.NSURL.URLWithString('{url}')); 0")
}

/// A workflow of one action, Run JavaScript, which runs in the runner itself.
fn write_workflow(path: &Path, source: &str) -> io::Result<()> {
    const ACTION: &str = "/System/Library/Automator/Run JavaScript.action";
    let escaped = source.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let types = "<dict><key>Container</key><string>List</string><key>Optional</key><true/><key>Types</key>\
                 <array><string>com.apple.applescript.object</string></array></dict>";
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>AMApplicationVersion</key><string>2.10</string>
<key>AMDocumentVersion</key><string>2</string>
<key>actions</key><array><dict><key>action</key><dict>
<key>AMAccepts</key>{types}
<key>AMActionVersion</key><string>1.0</string>
<key>AMApplication</key><array><string>Automator</string></array>
<key>AMParameterProperties</key><dict><key>source</key><dict/></dict>
<key>AMProvides</key>{types}
<key>ActionBundlePath</key><string>{ACTION}</string>
<key>ActionName</key><string>Run JavaScript</string>
<key>ActionParameters</key><dict><key>source</key><string>{escaped}</string></dict>
<key>BundleIdentifier</key><string>com.apple.Automator.RunJavaScript</string>
<key>CFBundleVersion</key><string>1.0</string>
<key>CanShowSelectedItemsWhenRun</key><false/>
<key>CanShowWhenRun</key><true/>
<key>Category</key><array><string>AMCategoryUtilities</string></array>
<key>Class Name</key><string>RunJavaScriptAction</string>
<key>InputUUID</key><string>6C0B9A52-0A6C-4B0E-9E3F-1C1E5E0A0001</string>
<key>OutputUUID</key><string>6C0B9A52-0A6C-4B0E-9E3F-1C1E5E0A0002</string>
<key>UUID</key><string>6C0B9A52-0A6C-4B0E-9E3F-1C1E5E0A0003</string>
</dict></dict></array>
<key>connectors</key><dict/>
<key>workflowMetaData</key><dict><key>workflowTypeIdentifier</key><string>com.apple.Automator.workflow</string></dict>
</dict></plist>
"#
    );
    fs::create_dir_all(path.join("Contents"))?;
    fs::write(path.join("Contents/document.wflow"), document)
}

/// A directory for its owner alone, which is removed at the end.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Makes it. A name that is taken, be it by a link, is an error.
    pub(crate) fn create(path: PathBuf) -> io::Result<Directory> {
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Directory(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A part that is played.
#[derive(Debug)]
pub(crate) struct Play {
    child: Child,
    listener: TcpListener,
    port: u16,
    open: Vec<(TcpStream, Instant)>,
    connected: Option<Instant>,
    ended: Option<ExitStatus>,
}

impl Play {
    /// Starts the program of a part. It prints nothing, and reads nothing.
    pub(crate) fn start(part: Part, directory: &Path) -> io::Result<Play> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let mut command = Command::new(part.program());
        command.args(part.args(port, directory)?).current_dir("/").process_group(0);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Play { child, listener, port, open: Vec::new(), connected: None, ended: None })
    }

    /// The process that was started.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it has to connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// When the first connection came.
    pub(crate) fn connected(&self) -> Option<Instant> {
        self.connected
    }

    /// How the program has ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.ended
    }

    /// Accepts, answers and closes what is due, and never waits.
    pub(crate) fn tick(&mut self, now: Instant) {
        // What connects and does not close has no end of its own: a program that asks again and again gets no more.
        while self.open.len() < 16
            && let Ok((stream, _)) = self.listener.accept()
        {
            self.connected.get_or_insert(now);
            let _ = stream.set_nonblocking(true);
            self.open.push((stream, now));
        }
        self.open.retain_mut(|(stream, since)| {
            if now.saturating_duration_since(*since) < HOLD {
                return true;
            }
            // A request that was not read would end the connection with a reset.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(ANSWER);
            false
        });
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        if self.ended.is_some() {
            // Its pid may be another's by now.
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_names_its_port_and_runs_no_shell_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        for part in Part::ALL {
            let args = part.args(49_152, folder.path()).unwrap();
            assert!(part.program().starts_with("/usr/bin/"));
            let text = match part {
                Part::Automator => fs::read_to_string(Path::new(&args[0]).join("Contents/document.wflow")).unwrap(),
                _ => args.join(" "),
            };
            assert!(text.contains("http://127.0.0.1:49152/"), "{text}");
        }
        let itself = Part::Itself.args(1, folder.path()).unwrap().join(" ");
        assert!(!itself.contains("shell") && !itself.contains("curl"), "{itself}");
    }

    #[test]
    fn the_workflow_is_a_property_list_with_the_script_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.workflow");
        write_workflow(&path, "a < b && c").unwrap();
        let list = plist::Value::from_file(path.join("Contents/document.wflow")).unwrap();
        let action = list.as_dictionary().unwrap()["actions"].as_array().unwrap()[0].as_dictionary().unwrap();
        let parameters = action["action"].as_dictionary().unwrap()["ActionParameters"].as_dictionary().unwrap();
        assert_eq!(parameters["source"].as_string(), Some("a < b && c"));
    }

    #[test]
    fn a_directory_whose_name_is_taken_is_refused_and_its_own_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own");
        let own = Directory::create(path.clone()).unwrap();
        assert!(Directory::create(path.clone()).is_err());
        fs::write(own.path().join("file"), "x").unwrap();
        drop(own);
        assert!(!path.exists());
        std::os::unix::fs::symlink(folder.path(), &path).unwrap();
        assert!(Directory::create(path).is_err(), "a link is not followed");
    }
}
