//! Messages, read back as the guest reads them.
use super::*;
use crate::proc::Table;
use serde_json::json;

fn u64_at(at: usize) -> u64 {
    // SAFETY: the tests read only within live messages.
    unsafe { (at as *const u64).read_unaligned() }
}
fn text_at(at: usize) -> &'static [u8] {
    // SAFETY: as above; an es_string_token_t.
    unsafe {
        std::slice::from_raw_parts(
            u64_at(at + layout::string::DATA) as *const u8,
            u64_at(at + layout::string::LENGTH) as usize,
        )
    }
}

#[test]
fn a_hostile_exec_fits() {
    let step = json!({"path": "", "args": ["a"], "args_repeat": {"text": "A", "times": 10 << 20},
        "fds": [{"fd": 7}], "fds_count": 5000,
        "cwd": {"hex": "00ff"}, "script": "", "tty": {"hex": "fe", "times": 9},
        "signing_id": {"hex": "ff"}, "team_id": "",
        "path_truncated": true, "zero_token": true});
    let (before, target) = Table::with(|table| {
        let before = table.before_exec(77, &step);
        (before.clone(), table.exec(77, &before, &step))
    });
    let msg = message(&step, layout::NOTIFY_EXEC, &before, &Event::Exec { target }, (3, 4));
    let event_at = msg + layout::message::EVENT;
    let process = u64_at(event_at + layout::exec::TARGET) as usize;
    let exe = u64_at(process + layout::process::EXECUTABLE) as usize;
    assert_eq!((text_at(exe), u64_at(exe + layout::file::PATH_TRUNCATED) & 0xff), (&b""[..], 1));
    assert_eq!(
        (u64_at(process), u64_at(process + 24), text_at(process + layout::process::SIGNING_ID)),
        (0, 0, &b"\xff"[..])
    );
    assert_eq!(
        (text_at(u64_at(event_at + layout::exec::CWD) as usize), u64_at(msg + layout::message::SEQ_NUM)),
        (&b"\0\xff"[..], 3)
    );
    assert_eq!(
        (message::arg_count(event_at), message::fd_count(event_at), u64_at(event_at + layout::exec::LAST_FD) as u32),
        (2, 5000, 5006)
    );
    assert_eq!(u64_at(message::fd(event_at, 4999)) as u32, 5006);
    message::release(msg);
}

#[test]
fn a_connection_is_laid_out_as_on_26_4() {
    let connection = Connection {
        local: "[::1]:50001".parse().unwrap(),
        remote: "93.184.216.34:443".parse().unwrap(),
        hostname: b"example.com".to_vec(),
        protocol: 6,
    };
    let mut arena = Arena::new(4096);
    let (at, shifted) = (write_connect(&mut arena, &connection, 0), write_connect(&mut arena, &connection, 8));
    let pages = arena.seal();
    // SAFETY: the pages live.
    let bytes = |at: usize, length: usize| unsafe { std::slice::from_raw_parts(at as *const u8, length) };
    let plain = bytes(at, layout::connect::SIZE);
    assert_eq!(
        (&plain[..4], &plain[4..0x14], &plain[0x14..0x16]),
        (&[30, 0, 0, 0][..], &std::net::Ipv6Addr::LOCALHOST.octets()[..], &[0x51, 0xc3][..])
    );
    assert_eq!(
        (&plain[0x18..0x20], &plain[0x2c..0x2e], plain[0x34]),
        (&[2, 0, 0, 0, 93, 184, 216, 34][..], &[0xbb, 1][..], 6)
    );
    assert_eq!(text_at(at + layout::connect::HOSTNAME), b"example.com");
    let moved = bytes(shifted, layout::connect::SIZE + 8);
    assert_eq!((&moved[..4], &moved[0x0c..0x40], &moved[4..0x0c]), (&plain[..4], &plain[4..0x38], &[0; 8][..]));
    pages.release();
}

#[test]
fn an_older_message_has_no_newer_fields() {
    let step = json!({"path": "/bin/ls", "version": 3});
    let process = Table::with(|table| {
        let before = table.get_or_make(78, &step);
        table.exec(78, &before, &step)
    });
    let msg = message(&step, layout::NOTIFY_EXEC, &process, &Event::Exec { target: process.clone() }, (0, 0));
    let of_process = u64_at(msg + layout::message::PROCESS) as usize;
    let none = u64::from_ne_bytes([0xa5; 8]);
    assert_eq!(
        [u64_at(of_process + layout::process::PARENT), u64_at(msg + layout::message::GLOBAL_SEQ_NUM)],
        [none; 2]
    );
    assert_eq!(u64_at(of_process + layout::process::CS_VALIDATION_CATEGORY), none);
    assert_eq!(
        [
            u64_at(msg + layout::message::EVENT + layout::exec::DYLD_EXEC_PATH),
            u64_at(msg + layout::message::EVENT + layout::exec::CPUTYPE)
        ],
        [none; 2]
    );
    message::release(msg);
}
