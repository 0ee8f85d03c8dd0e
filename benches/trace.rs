//! A recording like one of a busy Mac: ECS documents of about 0.8 KB, in order of time, 0.5 % of them
//! osascript or automator. The same for every run.

use std::io::{self, Write};

/// A linear congruential generator (Knuth's MMIX constants): a fixed sequence is what a trace needs.
pub struct Random(pub u64);

impl Random {
    /// A number below this one.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const PROGRAMS: [&str; 8] = [
    "/usr/bin/git",
    "/bin/zsh",
    "/usr/libexec/xpcproxy",
    "/usr/bin/clang",
    "/usr/sbin/mDNSResponder",
    "/bin/ls",
    "/usr/bin/curl",
    "/usr/libexec/trustd",
];

/// What an event reports.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Exec,
    End,
    Connection,
}

/// Writes a trace of this many events, one millisecond apart. A process lives for a few seconds.
pub fn write(events: u64, out: &mut impl Write) -> io::Result<()> {
    let mut random = Random(1);
    let mut osascript = 0;
    for number in 0..events {
        // An exec, a connection of a recent process, and the end of an older one, in turn.
        let kind = [Kind::Exec, Kind::Connection, Kind::End][number as usize % 3];
        let program = match random.below(1000) {
            0..4 => "/usr/bin/osascript",
            4 => "/usr/bin/automator",
            _ => PROGRAMS[random.below(8) as usize],
        };
        if (program, kind) == ("/usr/bin/osascript", Kind::Exec) {
            osascript = number;
        }
        let process = match (program, kind) {
            (_, Kind::Exec) => number,
            ("/usr/bin/osascript", Kind::Connection) => osascript,
            (_, Kind::Connection) => number.saturating_sub(1 + 3 * random.below(60)),
            (_, Kind::End) => number.saturating_sub(2 + 3000),
        };
        write_event(out, number, 1000 + process, program, kind)?;
    }
    Ok(())
}

fn write_event(out: &mut impl Write, number: u64, pid: u64, program: &str, kind: Kind) -> io::Result<()> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let (minute, second, millisecond) = (number / 60_000, number / 1000 % 60, number % 1000);
    let (hour, minute) = (8 + minute / 60, minute % 60);
    let (category, action, event_type) = match kind {
        Kind::Exec => ("process", "exec", "start"),
        Kind::End => ("process", "end", "end"),
        Kind::Connection => ("network", "connection_attempted", "start"),
    };
    write!(
        out,
        r#"{{"@timestamp":"2026-01-15T{hour:02}:{minute:02}:{second:02}.{millisecond:03}123400Z","agent":{{"id":"7f0e1a52-9a6e-4b5e-8b4e-6d0a7f1c2b33","type":"endpoint","version":"8.19.0"}},"ecs":{{"version":"8.10.0"}},"event":{{"action":"{action}","category":["{category}"],"id":"N{number:012}","kind":"event","sequence":{number},"type":["{event_type}"]}},"host":{{"architecture":"arm64","hostname":"mac-7","id":"564D8F2C-0B1E-5C5A-9F0E-2F3B7C1D9A44","os":{{"type":"macos"}}}},"process":{{"entity_id":"N2YwZTFhNTItOWE2ZS00YjVl-{pid}","executable":"{program}","name":"{name}","pid":{pid}"#
    )?;
    if kind == Kind::Connection {
        let octet = number % 250;
        write!(
            out,
            r#"}},"destination":{{"address":"93.184.216.{octet}","ip":"93.184.216.{octet}","port":443}},"network":{{"direction":"egress","transport":"tcp","type":"ipv4"}},"source":{{"address":"192.168.64.7","ip":"192.168.64.7","port":49152}},"user":{{"id":501,"name":"ada"}}}}"#
        )?;
    } else {
        write!(
            out,
            r#","args":["{name}","--option","value-{number}"],"args_count":3,"code_signature":{{"exists":true,"signing_id":"com.apple.{name}","trusted":true}},"command_line":"{name} --option value-{number}","parent":{{"entity_id":"N2YwZTFhNTItOWE2ZS00YjVl-{}","executable":"/bin/zsh","name":"zsh","pid":{}}}}},"user":{{"id":501,"name":"ada"}}}}"#,
            500 + pid % 200,
            500 + pid % 200,
        )?;
    }
    out.write_all(b"\n")
}
