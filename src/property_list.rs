//! Property lists that anybody may have written, read event by event within limits: arrays of a binary list may share
//! their elements, so that 300 bytes can represent billions of items.

use std::borrow::Cow;
use std::fmt;
use std::io::Cursor;

use memchr::memmem;
use plist::stream::{BinaryReader, Event, OwnedEvent, XmlReader};
use plist::{Dictionary, Value};

/// What reading a list may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of the file.
    pub file: usize,
    /// Values, keys among them, counted as often as they are referred to.
    pub items: u64,
    /// Bytes of all strings and data, counted as often as they are referred to.
    pub text: usize,
    /// Arrays and dictionaries inside each other.
    pub depth: usize,
}

/// Why a list is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not a property list, or not a whole one.
    Invalid,
    /// It is over the limits.
    TooCostly,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Invalid => "not a valid property list; `plutil -lint` names what is wrong",
            Fault::TooCostly => "a property list that is larger or nests deeper than such a file can",
        })
    }
}

/// The events of a list, until one is over the limits.
pub(crate) struct Events<'a> {
    events: Box<dyn Iterator<Item = Result<OwnedEvent, plist::Error>> + 'a>,
    limits: Limits,
    items: u64,
    text: usize,
    depth: usize,
}

/// The events of a list in XML or in binary.
pub(crate) fn events(bytes: &[u8], limits: Limits) -> Result<Events<'_>, Fault> {
    let is_binary = bytes.starts_with(b"bplist00");
    let start = bytes.trim_ascii_start();
    if !is_binary && ![&b"<?xml"[..], b"<!DOCTYPE", b"<plist"].iter().any(|opening| start.starts_with(opening)) {
        return Err(Fault::Invalid);
    }
    if bytes.len() > limits.file {
        return Err(Fault::TooCostly);
    }
    let events: Box<dyn Iterator<Item = _>> = match (is_binary, without_cdata(bytes)) {
        (true, _) => Box::new(BinaryReader::new(Cursor::new(bytes))),
        (false, Cow::Borrowed(bytes)) => Box::new(XmlReader::new(bytes)),
        (false, Cow::Owned(bytes)) => Box::new(XmlReader::new(Cursor::new(bytes))),
    };
    Ok(Events { events, limits, items: 0, text: 0, depth: 0 })
}

impl Iterator for Events<'_> {
    type Item = Result<OwnedEvent, Fault>;

    fn next(&mut self) -> Option<Result<OwnedEvent, Fault>> {
        let event = match self.events.next()? {
            Ok(event) => event,
            Err(_) => return Some(Err(Fault::Invalid)),
        };
        Some(if self.affords(&event) { Ok(event) } else { Err(Fault::TooCostly) })
    }
}

impl Events<'_> {
    fn affords(&mut self, event: &OwnedEvent) -> bool {
        // The reader holds the elements that are announced before it returns the first.
        let mut announced = 0;
        match event {
            Event::StartArray(length) | Event::StartDictionary(length) => {
                announced = length.unwrap_or(0);
                self.depth += 1;
            }
            Event::EndCollection => self.depth = self.depth.saturating_sub(1),
            Event::String(text) => self.text += text.len(),
            Event::Data(data) => self.text += data.len(),
            _ => {}
        }
        self.items += 1;
        self.items.saturating_add(announced) <= self.limits.items
            && self.depth <= self.limits.depth
            && self.text <= self.limits.text
    }
}

/// A whole list. Of a key that is there twice the last value counts.
pub(crate) fn value(bytes: &[u8], limits: Limits) -> Result<Value, Fault> {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let mut root = None;
    for event in events(bytes, limits)? {
        let done = match event? {
            Event::StartArray(_) => {
                open.push((Value::Array(Vec::new()), None));
                continue;
            }
            Event::StartDictionary(_) => {
                open.push((Value::Dictionary(Dictionary::new()), None));
                continue;
            }
            Event::EndCollection => match open.pop() {
                Some((ended, None)) => ended,
                // A key without a value.
                _ => return Err(Fault::Invalid),
            },
            Event::String(text) => match open.last_mut() {
                Some((Value::Dictionary(_), key @ None)) => {
                    *key = Some(text.into_owned());
                    continue;
                }
                _ => Value::String(text.into_owned()),
            },
            Event::Boolean(value) => Value::Boolean(value),
            Event::Data(data) => Value::Data(data.into_owned()),
            Event::Date(date) => Value::Date(date),
            Event::Integer(number) => Value::Integer(number),
            Event::Real(number) => Value::Real(number),
            Event::Uid(uid) => Value::Uid(uid),
            _ => return Err(Fault::Invalid),
        };
        match open.last_mut() {
            Some((Value::Array(values), _)) => values.push(done),
            Some((Value::Dictionary(entries), key)) => {
                entries.insert(key.take().ok_or(Fault::Invalid)?, done);
            }
            _ if root.is_none() => root = Some(done),
            _ => return Err(Fault::Invalid),
        }
    }
    root.filter(|_| open.is_empty()).ok_or(Fault::Invalid)
}

/// The reader skips CDATA sections, Apple's does not: their text as any other.
fn without_cdata(bytes: &[u8]) -> Cow<'_, [u8]> {
    const OPENING: &[u8] = b"<![CDATA[";
    const CLOSING: &[u8] = b"]]>";
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some(start) = memmem::find(rest, OPENING) {
        let inner = &rest[start + OPENING.len()..];
        let Some(end) = memmem::find(inner, CLOSING) else { break };
        out.extend_from_slice(&rest[..start]);
        for byte in &inner[..end] {
            match byte {
                b'<' => out.extend_from_slice(b"&lt;"),
                b'&' => out.extend_from_slice(b"&amp;"),
                byte => out.push(*byte),
            }
        }
        rest = &inner[end + CLOSING.len()..];
    }
    if out.is_empty() && rest.len() == bytes.len() {
        return Cow::Borrowed(bytes);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { file: 4096, items: 100, text: 1000, depth: 8 };

    fn xml(inner: &str) -> Result<Value, Fault> {
        value(format!("<plist version=\"1.0\">{inner}</plist>").as_bytes(), SMALL)
    }

    #[test]
    fn a_list_of_every_type_is_read() {
        let read = xml("<dict><key>a</key><array><string>x</string><true/><integer>7</integer><real>1.5</real>\
            <date>2026-01-02T03:04:05Z</date><data>AAE=</data></array><key>b</key><dict/></dict>")
        .unwrap();
        let root = read.as_dictionary().unwrap();
        let list = root.get("a").and_then(Value::as_array).unwrap();
        assert_eq!(list.len(), 6);
        assert_eq!(list[2].as_signed_integer(), Some(7));
        assert!(root.get("b").and_then(Value::as_dictionary).unwrap().is_empty());
    }

    #[test]
    fn what_is_torn_deep_or_large_is_refused() {
        for torn in ["<dict><key>a</key></dict>", "<dict>", "<dict><string>a</string></dict>", "", "</dict>"] {
            assert_eq!(xml(torn), Err(Fault::Invalid), "{torn}");
        }
        assert_eq!(xml(&format!("{}{}", "<array>".repeat(9), "</array>".repeat(9))), Err(Fault::TooCostly));
        assert_eq!(xml(&"<string>aaaaaaaaaaaaaaaa</string>".repeat(100)), Err(Fault::Invalid));
        assert_eq!(xml(&format!("<array>{}</array>", "<true/>".repeat(100))), Err(Fault::TooCostly));
        assert_eq!(xml(&format!("<string>{}</string>", "a".repeat(1001))), Err(Fault::TooCostly));
        assert_eq!(value(&vec![b' '; 5000], SMALL), Err(Fault::Invalid));
        assert_eq!(value(&[&b"<plist>"[..], &vec![b' '; 5000]].concat(), SMALL), Err(Fault::TooCostly));
    }

    #[test]
    fn arrays_that_share_their_elements_are_refused() {
        // 12 arrays of ten references to the next one.
        let mut list = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for next in 1..=12_u8 {
            offsets.push(u8::try_from(list.len()).unwrap());
            list.push(0xAA);
            list.extend([next; 10]);
        }
        offsets.push(u8::try_from(list.len()).unwrap());
        list.extend(b"\x51a");
        let table = list.len() as u64;
        list.extend(&offsets);
        list.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        for number in [13_u64, 0, table] {
            list.extend(number.to_be_bytes());
        }
        assert_eq!(value(&list, Limits { depth: 64, ..SMALL }), Err(Fault::TooCostly));
    }
}
