//! The file for both processors that `packaging/cross/build.sh` makes: which systems load it, and that each of its
//! pages is what was signed.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

const ARM64: u32 = 0x0100_000c;
const X86_64: u32 = 0x0100_0007;
/// `LC_LOAD_DYLIB`, `LC_CODE_SIGNATURE`, `LC_BUILD_VERSION`.
const LOAD_DYLIB: u32 = 0xc;
const CODE_SIGNATURE: u32 = 0x1d;
const BUILD_VERSION: u32 = 0x32;
const PLATFORM_MACOS: u32 = 1;
/// Slots of a signature's index.
const CODE_DIRECTORY: u32 = 0;

fn little(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}
fn big(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap()).into_owned()
}

/// Processor and bytes of each slice of a universal file.
fn slices(file: &[u8]) -> Vec<(u32, &[u8])> {
    assert_eq!(big(file, 0), 0xcafe_babe, "a universal file");
    let entries = (0..big(file, 4) as usize).map(|number| 8 + 20 * number);
    let slice = |at: usize| {
        let (offset, size, bits) = (big(file, at + 8) as usize, big(file, at + 12) as usize, big(file, at + 16));
        assert_eq!(offset % (1 << bits), 0, "a slice begins on a page");
        (big(file, at), &file[offset..offset + size])
    };
    entries.map(slice).collect()
}

/// Number and bytes of each load command.
fn commands(slice: &[u8]) -> Vec<(u32, &[u8])> {
    let mut at = 32;
    let mut next = |_| {
        let size = little(slice, at + 4) as usize;
        let command = (little(slice, at), &slice[at..at + size]);
        at += size;
        command
    };
    (0..little(slice, 16)).map(&mut next).collect()
}

fn command(slice: &[u8], number: u32) -> &[u8] {
    let found: Vec<_> = commands(slice).into_iter().filter(|command| command.0 == number).collect();
    assert_eq!(found.len(), 1, "load command {number:#x}");
    found[0].1
}

/// The identifier that is signed, when every page has the hash that the signature has of it.
fn signed_identifier(slice: &[u8]) -> String {
    let command = command(slice, CODE_SIGNATURE);
    let (offset, size) = (little(command, 8) as usize, little(command, 12) as usize);
    assert_eq!(offset + size, slice.len(), "nothing lies behind the signature");
    let blob = &slice[offset..];
    let entry = (0..big(blob, 8) as usize).map(|number| 12 + 8 * number).find(|at| big(blob, *at) == CODE_DIRECTORY);
    let directory = &blob[big(blob, entry.unwrap() + 4) as usize..];
    let (hashes, count, limit) =
        (big(directory, 16) as usize, big(directory, 28) as usize, big(directory, 32) as usize);
    assert_eq!((limit, directory[36], directory[37]), (offset, 32, 2), "SHA-256 up to the signature");
    let page = 1_usize << directory[39];
    assert_eq!(count, limit.div_ceil(page));
    for number in 0..count {
        let bytes = &slice[number * page..limit.min((number + 1) * page)];
        assert_eq!(Sha256::digest(bytes)[..], directory[hashes + 32 * number..][..32], "page {number}");
    }
    text(&directory[big(directory, 20) as usize..])
}

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn the_universal_executable_runs_from_macos_13_on_and_is_signed_under_one_name() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/universal2-apple-darwin/release/osawatch");
    let file = fs::read(&path).expect("packaging/cross/build.sh was run");
    let slices = slices(&file);
    assert_eq!(slices.iter().map(|slice| slice.0).collect::<Vec<_>>(), [ARM64, X86_64]);
    for (processor, slice) in slices {
        let version = command(slice, BUILD_VERSION);
        assert_eq!(little(version, 8), PLATFORM_MACOS);
        assert_eq!(little(version, 12), 13 << 16, "the oldest system of {processor:#x} is macOS 13.0");
        assert_eq!(signed_identifier(slice), "io.osawatch.agent");
        for (_, library) in commands(slice).into_iter().filter(|command| command.0 == LOAD_DYLIB) {
            let name = text(&library[little(library, 8) as usize..]);
            let is_apples = name.starts_with("/usr/lib/") || name.starts_with("/System/Library/Frameworks/");
            assert!(is_apples, "{name} is not on every Mac");
        }
    }
}
