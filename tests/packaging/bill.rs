//! The bill of materials of a package: a store of numbered blocks, in it a tree of paths.

use std::collections::BTreeMap;

/// A line of the bill, as lsbom prints it.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) size: u32,
    pub(crate) checksum: u32,
    pub(crate) link: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

struct Store<'a>(&'a [u8]);

impl<'a> Store<'a> {
    fn block(&self, number: usize) -> &'a [u8] {
        let entry = word(self.0, 16) + 4 + 8 * number;
        &self.0[word(self.0, entry)..][..word(self.0, entry + 4)]
    }

    fn named(&self, name: &str) -> &'a [u8] {
        let mut at = word(self.0, 24);
        let count = word(self.0, at);
        at += 4;
        for _ in 0..count {
            let length = usize::from(self.0[at + 4]);
            if &self.0[at + 5..at + 5 + length] == name.as_bytes() {
                return self.block(word(self.0, at));
            }
            at += 5 + length;
        }
        panic!("no {name} in the bill");
    }
}

/// Every line by its path.
pub(crate) fn lines(bill: &[u8]) -> BTreeMap<String, Line> {
    assert_eq!(&bill[..8], b"BOMStore");
    let store = Store(bill);
    let tree = store.named("Paths");
    assert_eq!(&tree[..4], b"tree");
    let mut node = store.block(word(tree, 8));
    // The first leaf is below the first entry of each branch.
    while node[..2] == [0, 0] {
        node = store.block(word(node, 12));
    }
    let (mut names, mut found) = (BTreeMap::new(), Vec::new());
    loop {
        for entry in 0..usize::from(u16::from_be_bytes([node[2], node[3]])) {
            let (value, key) = (store.block(word(node, 12 + 8 * entry)), store.block(word(node, 16 + 8 * entry)));
            let name = std::str::from_utf8(&key[4..key.len() - 1]).unwrap();
            names.insert(word(value, 0), (word(key, 0), name.to_owned()));
            found.push((word(value, 0), line(store.block(word(value, 4)))));
        }
        match word(node, 4) {
            0 => break,
            next => node = store.block(next),
        }
    }
    assert_eq!(found.len(), word(tree, 16), "as many paths as the tree says");
    found.into_iter().map(|(number, line)| (path(&names, number), line)).collect()
}

fn path(names: &BTreeMap<usize, (usize, String)>, number: usize) -> String {
    match &names[&number] {
        (0, name) => name.clone(),
        (above, name) => format!("{}/{name}", path(names, *above)),
    }
}

fn line(record: &[u8]) -> Line {
    let length = word(record, 27);
    let target = record[31..31 + length].strip_suffix(b"\0").unwrap_or_default();
    Line {
        mode: u32::from(u16::from_be_bytes([record[4], record[5]])),
        owner: (word(record, 6) as u32, word(record, 10) as u32),
        size: word(record, 18) as u32,
        checksum: word(record, 23) as u32,
        link: target.to_vec(),
    }
}

/// The checksum of cksum(1).
pub(crate) fn cksum(data: &[u8]) -> u32 {
    let mut crc = 0_u32;
    let mut size = data.len();
    let mut tail = Vec::new();
    while size > 0 {
        tail.push((size & 0xff) as u8);
        size >>= 8;
    }
    for byte in data.iter().chain(&tail) {
        crc ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
        }
    }
    !crc
}
