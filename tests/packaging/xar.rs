//! Flat packages: the xar archive, and the cpio archives in it.

use std::collections::BTreeMap;
use std::io::Read;

use regex::Regex;
use sha1::{Digest, Sha1};

/// An element of XML: name, attributes as written, text, children.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Reads a document without comments or CDATA.
    pub(crate) fn parse(document: &str) -> Element {
        let token = Regex::new(r"<(/?)([A-Za-z][\w-]*)([^>]*?)(/?)>|<\?[^>]*>|([^<]+)").unwrap();
        let mut open = vec![Element::default()];
        for found in token.captures_iter(document) {
            if let Some(text) = found.get(5) {
                open.last_mut().unwrap().text += text.as_str().trim();
            } else if let Some(name) = found.get(2) {
                if found[1].is_empty() {
                    let name = name.as_str().to_owned();
                    open.push(Element { name, attributes: found[3].to_owned(), ..Element::default() });
                }
                if !found[1].is_empty() || !found[4].is_empty() {
                    let closed = open.pop().unwrap();
                    assert_eq!(closed.name, name.as_str());
                    open.last_mut().unwrap().children.push(closed);
                }
            }
        }
        assert_eq!(open.len(), 1, "every element is closed");
        open.pop().unwrap().children.pop().expect("an element")
    }

    pub(crate) fn child(&self, name: &str) -> &Element {
        self.children.iter().find(|child| child.name == name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn attribute(&self, name: &str) -> &str {
        let from = self.attributes.find(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        self.attributes[from + name.len() + 3..].split('"').next().unwrap()
    }

    fn number(&self, name: &str) -> usize {
        self.child(name).text.parse().unwrap()
    }
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

/// The table of contents, and what lies behind it; the digest of the table was compared.
fn table(archive: &[u8]) -> (Element, &[u8]) {
    let number = |at: usize| u64::from_be_bytes(archive[at..at + 8].try_into().unwrap()) as usize;
    assert_eq!(&archive[..8], b"xar!\0\x1c\0\x01", "a xar archive, version 1, with a head of 28 bytes");
    let (packed, length) = (&archive[28..28 + number(8)], number(16));
    let toc = inflate(packed);
    assert_eq!(toc.len(), length);
    let heap = &archive[28 + packed.len()..];
    let mut toc = Element::parse(std::str::from_utf8(&toc).unwrap());
    let toc = toc.children.remove(0);
    assert_eq!(digest(&toc, heap), &Sha1::digest(packed)[..], "the digest of the table of contents");
    (toc, heap)
}

fn digest<'a>(toc: &Element, heap: &'a [u8]) -> &'a [u8] {
    let checksum = toc.child("checksum");
    &heap[checksum.number("offset")..][..checksum.number("size")]
}

/// What is signed of an archive, and the signed message, if there is one.
pub(crate) fn signature(archive: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (toc, heap) = table(archive);
    let signature = toc.children.iter().find(|child| child.name == "x-signature")?;
    assert_eq!(signature.attribute("style"), "CMS");
    let bytes = &heap[signature.number("offset")..][..signature.number("size")];
    Some((digest(&toc, heap).to_vec(), bytes.to_vec()))
}

/// The files of an archive by path, each with the digest that its table of contents has of it.
pub(crate) fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let (toc, heap) = table(archive);
    let mut found = BTreeMap::new();
    for file in toc.children.iter().filter(|child| child.name == "file") {
        add(file, "", heap, &mut found);
    }
    found
}

fn add(file: &Element, above: &str, heap: &[u8], found: &mut BTreeMap<String, Vec<u8>>) {
    let path = format!("{above}{}", file.child("name").text);
    if file.child("type").text == "directory" {
        let inner = file.children.iter().filter(|child| child.name == "file");
        inner.for_each(|child| add(child, &format!("{path}/"), heap, found));
        return;
    }
    let data = file.child("data");
    let stored = &heap[data.number("offset")..][..data.number("length")];
    assert_eq!(hex(&Sha1::digest(stored)), data.child("archived-checksum").text, "{path}");
    let is_packed = data.child("encoding").attribute("style") == "application/x-gzip";
    let content = if is_packed { inflate(stored) } else { stored.to_vec() };
    assert_eq!(hex(&Sha1::digest(&content)), data.child("extracted-checksum").text, "{path}");
    assert_eq!(content.len(), data.number("size"), "{path}");
    found.insert(path, content);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A member of a cpio archive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) data: Vec<u8>,
}

/// The members of a gzipped cpio archive in the portable format, by path.
pub(crate) fn members(packed: &[u8]) -> BTreeMap<String, Member> {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut archive).unwrap();
    let (mut found, mut at) = (BTreeMap::new(), 0);
    loop {
        let head = std::str::from_utf8(&archive[at..at + 76]).unwrap();
        let field = |from: usize, length: usize| u32::from_str_radix(&head[from..from + length], 8).unwrap();
        assert_eq!(&head[..6], "070707");
        let (name, size) = (field(59, 6) as usize, field(65, 11) as usize);
        let path = std::str::from_utf8(&archive[at + 76..at + 75 + name]).unwrap().to_owned();
        let data = archive[at + 76 + name..][..size].to_vec();
        at += 76 + name + size;
        if path == "TRAILER!!!" {
            return found;
        }
        found.insert(path, Member { mode: field(18, 6), owner: (field(24, 6), field(30, 6)), data });
    }
}
