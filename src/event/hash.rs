//! How things are hashed, and how hashes are written.

use std::io::{self, ErrorKind, Read};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The first 22 characters (132 bits) of a SHA-256 in unpadded base64url: the form of all our ids.
pub(crate) fn short_hash(hash: Sha256) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(hash.finalize());
    text.truncate(22);
    text
}

/// The id of what some parts make up.
#[derive(Debug, Default)]
pub(crate) struct Id(Sha256);

impl Id {
    /// Each part begins with its length, so that no two lists of parts are one text.
    pub(crate) fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    pub(crate) fn text(self) -> String {
        short_hash(self.0)
    }
}

/// The id of what these parts make up.
pub(crate) fn id_of<P: AsRef<str>>(parts: impl IntoIterator<Item = P>) -> String {
    let mut id = Id::default();
    parts.into_iter().for_each(|part| id.add(part.as_ref()));
    id.text()
}

/// How many bytes a reader has, and their SHA-256.
pub(crate) fn sha256_of(from: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let bytes = in_pieces(from, |piece| hash.update(piece))?;
    Ok((bytes, hex(&hash.finalize())))
}

/// Gives out what a reader has, piece by piece, and returns how many bytes that was.
pub(crate) fn in_pieces(mut from: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let (mut bytes, mut block) = (0, vec![0; 64 << 10]);
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(bytes),
            Ok(length) => {
                take(&block[..length]);
                bytes += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes in lower-case hexadecimal: the form of ECS `*.hash.sha256`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A reader that a signal interrupts before each read.
    struct Interrupted(Cursor<&'static [u8]>, bool);

    impl Read for Interrupted {
        fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(ErrorKind::Interrupted.into()) } else { self.0.read(block) }
        }
    }

    #[test]
    fn a_file_is_hashed_to_its_end_also_where_signals_interrupt_the_reads() {
        // sha256 of `abc`, from FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(Interrupted(Cursor::new(b"abc"), false)).unwrap(), (3, abc.to_owned()));
    }

    #[test]
    fn parts_that_are_one_text_have_ids_of_their_own() {
        assert_ne!(id_of(["ab", "c"]), id_of(["a", "bc"]));
        assert_eq!(id_of(["ab", "c"]).len(), 22);
    }
}
