//! Universal executables and their signatures, as the kernel reads them.

use sha2::{Digest, Sha256};

pub(crate) const ARM64: u32 = 0x0100_000c;
pub(crate) const X86_64: u32 = 0x0100_0007;
/// `LC_LOAD_DYLIB`, `LC_CODE_SIGNATURE`, `LC_BUILD_VERSION`.
const LOAD_DYLIB: u32 = 0xc;
const CODE_SIGNATURE: u32 = 0x1d;
const BUILD_VERSION: u32 = 0x32;
const PLATFORM_MACOS: u32 = 1;
/// Slots of a signature's index.
const CODE_DIRECTORY: u32 = 0;
const REQUIREMENTS: u32 = 2;
const ENTITLEMENTS: u32 = 5;
const DER_ENTITLEMENTS: u32 = 7;
const CMS: u32 = 0x10000;
/// What the hashes below those of the pages are of.
const INFO: usize = 1;
const RESOURCES: usize = 3;
/// A flag of the code directory.
pub(crate) const ADHOC: u32 = 0x2;
pub(crate) const RUNTIME: u32 = 0x10000;

fn little(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}
fn big(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap()).into_owned()
}

/// One processor's executable.
pub(crate) struct Slice<'a> {
    pub(crate) processor: u32,
    bytes: &'a [u8],
}

/// What is signed.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) identifier: String,
    pub(crate) flags: u32,
    pub(crate) team: Option<String>,
    /// The property list, and whether it is there in DER too, which macOS 12 and later read.
    pub(crate) entitlements: Option<String>,
    pub(crate) has_der_entitlements: bool,
    pub(crate) has_certificate: bool,
}

/// The slices of a universal file.
pub(crate) fn slices(file: &[u8]) -> Vec<Slice<'_>> {
    assert_eq!(big(file, 0), 0xcafe_babe, "a universal file");
    let entries = (0..big(file, 4) as usize).map(|number| 8 + 20 * number);
    let slice = |at: usize| {
        let (offset, size, bits) = (big(file, at + 8) as usize, big(file, at + 12) as usize, big(file, at + 16));
        assert_eq!(offset % (1 << bits), 0, "a slice begins on a page");
        Slice { processor: big(file, at), bytes: &file[offset..offset + size] }
    };
    entries.map(slice).collect()
}

impl Slice<'_> {
    /// Number and bytes of each load command.
    fn commands(&self) -> Vec<(u32, &[u8])> {
        assert_eq!(little(self.bytes, 0), 0xfeed_facf);
        let mut at = 32;
        let mut next = |_| {
            let size = little(self.bytes, at + 4) as usize;
            let command = (little(self.bytes, at), &self.bytes[at..at + size]);
            at += size;
            command
        };
        (0..little(self.bytes, 16)).map(&mut next).collect()
    }

    fn command(&self, number: u32) -> &[u8] {
        let found: Vec<_> = self.commands().into_iter().filter(|command| command.0 == number).collect();
        assert_eq!(found.len(), 1, "load command {number:#x}");
        found[0].1
    }

    /// The oldest macOS that loads it, as major and minor.
    pub(crate) fn oldest_system(&self) -> (u32, u32) {
        let version = self.command(BUILD_VERSION);
        assert_eq!(little(version, 8), PLATFORM_MACOS);
        (little(version, 12) >> 16, little(version, 12) >> 8 & 0xff)
    }

    /// The libraries that it is linked with.
    pub(crate) fn libraries(&self) -> Vec<String> {
        let loads = self.commands().into_iter().filter(|command| command.0 == LOAD_DYLIB);
        loads.map(|(_, library)| text(&library[little(library, 8) as usize..])).collect()
    }

    /// The signature, once every page, and Info.plist and CodeResources of the bundle, have the hashes it has of them.
    pub(crate) fn signature(&self, bundle: Option<(&[u8], &[u8])>) -> Signature {
        let command = self.command(CODE_SIGNATURE);
        let (offset, size) = (little(command, 8) as usize, little(command, 12) as usize);
        assert_eq!(offset + size, self.bytes.len(), "nothing lies behind the signature");
        let blob = |slot| part(&self.bytes[offset..], slot);
        let directory = blob(CODE_DIRECTORY).expect("a code directory");
        let (hashes, special) = (big(directory, 16) as usize, big(directory, 24) as usize);
        let (count, limit) = (big(directory, 28) as usize, big(directory, 32) as usize);
        assert_eq!((limit, directory[36], directory[37]), (offset, 32, 2), "SHA-256 up to the signature");
        let page = 1_usize << directory[39];
        assert_eq!(count, limit.div_ceil(page));
        for number in 0..count {
            let bytes = &self.bytes[number * page..limit.min((number + 1) * page)];
            assert_eq!(Sha256::digest(bytes)[..], directory[hashes + 32 * number..][..32], "page {number}");
        }
        let sealed = |slot: usize, content: Option<&[u8]>| {
            let hash = (slot <= special).then(|| &directory[hashes - 32 * slot..][..32]);
            let wanted = content.map_or([0; 32], |content| Sha256::digest(content).into());
            assert_eq!(hash.unwrap_or(&[0; 32]), wanted, "slot {slot}");
        };
        sealed(INFO, bundle.map(|bundle| bundle.0));
        sealed(REQUIREMENTS as usize, blob(REQUIREMENTS));
        sealed(RESOURCES, bundle.map(|bundle| bundle.1));
        sealed(ENTITLEMENTS as usize, blob(ENTITLEMENTS));
        sealed(DER_ENTITLEMENTS as usize, blob(DER_ENTITLEMENTS));
        let team = big(directory, 48) as usize;
        Signature {
            identifier: text(&directory[big(directory, 20) as usize..]),
            flags: big(directory, 12),
            team: (team != 0).then(|| text(&directory[team..])),
            entitlements: blob(ENTITLEMENTS).map(|blob| String::from_utf8(blob[8..].to_vec()).unwrap()),
            has_der_entitlements: blob(DER_ENTITLEMENTS).is_some(),
            has_certificate: blob(CMS).is_some_and(|blob| blob.len() > 8),
        }
    }
}

impl<'a> Slice<'a> {
    /// What a certificate signed, the requirements, and the signed message.
    pub(crate) fn signed(&self) -> [&'a [u8]; 3] {
        let offset = little(self.command(CODE_SIGNATURE), 8) as usize;
        let blob = |slot| part(&self.bytes[offset..], slot).expect("a part of the signature");
        [blob(CODE_DIRECTORY), blob(REQUIREMENTS), &blob(CMS)[8..]]
    }
}

/// The part of a signature that has this slot.
fn part(signature: &[u8], slot: u32) -> Option<&[u8]> {
    assert_eq!(big(signature, 0), 0xfade_0cc0);
    let entry = (0..big(signature, 8) as usize).map(|number| 12 + 8 * number).find(|at| big(signature, *at) == slot)?;
    let at = big(signature, entry + 4) as usize;
    Some(&signature[at..at + big(signature, at + 4) as usize])
}
