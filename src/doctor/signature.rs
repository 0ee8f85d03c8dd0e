//! The code signature of a Mach-O executable, as its bytes state it. Whether the certificate is valid is the system's
//! to say; what the program was signed as, and with which entitlements, is here.

use goblin::mach::load_command::CommandVariant;
use goblin::mach::{Mach, MachO};

use crate::property_list::{self, Limits};

/// `CSMAGIC_EMBEDDED_SIGNATURE` and what it holds, of XNU's `cs_blobs.h`. FACT: code-signature
const EMBEDDED_SIGNATURE: u32 = 0xFADE_0CC0;
const CODE_DIRECTORY: u32 = 0xFADE_0C02;
const ENTITLEMENTS: u32 = 0xFADE_7171;
/// `CS_ADHOC` and `CS_RUNTIME`.
const AD_HOC: u32 = 0x2;
const HARDENED_RUNTIME: u32 = 0x1_0000;
/// The version of a code directory from which on it has a team.
const HAS_TEAM: u32 = 0x2_0200;
/// Blobs of one signature that are looked at.
const MAX_BLOBS: u32 = 32;
/// Names are no longer.
const MAX_NAME: usize = 1024;
const LIMITS: Limits = Limits { file: 256 << 10, items: 2000, text: 256 << 10, depth: 8 };

/// What a signature states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The signing id.
    pub identifier: String,
    /// The team, if a certificate was used.
    pub team: Option<String>,
    /// `CS_*` of `cs_blobs.h`.
    pub flags: u32,
    /// The entitlements that are true, by name.
    pub entitlements: Vec<String>,
}

impl Signature {
    /// It was made without a certificate.
    pub(crate) fn is_ad_hoc(&self) -> bool {
        self.flags & AD_HOC != 0
    }

    /// Code cannot be injected.
    pub(crate) fn is_hardened(&self) -> bool {
        self.flags & HARDENED_RUNTIME != 0
    }

    /// Whether it has this entitlement.
    pub(crate) fn has(&self, entitlement: &str) -> bool {
        self.entitlements.iter().any(|name| name == entitlement)
    }
}

/// The signatures of an executable, one for each architecture; `None` for one that is not signed, an error for what is
/// no Mach-O.
pub(crate) fn signatures(bytes: &[u8]) -> Result<Vec<Option<Signature>>, String> {
    let failed = |error: goblin::error::Error| error.to_string();
    match Mach::parse(bytes).map_err(failed)? {
        Mach::Binary(binary) => Ok(vec![of_binary(&binary, bytes)]),
        Mach::Fat(fat) => {
            let mut found = Vec::new();
            // An executable has a few architectures.
            for arch in fat.iter_arches().take(8) {
                let arch = arch.map_err(failed)?;
                let start = arch.offset as usize;
                let slice = start.checked_add(arch.size as usize).and_then(|end| bytes.get(start..end));
                let slice = slice.ok_or("an architecture lies outside the file")?;
                found.push(of_binary(&MachO::parse(slice, 0).map_err(failed)?, slice));
            }
            Ok(found)
        }
    }
}

fn of_binary(binary: &MachO<'_>, bytes: &[u8]) -> Option<Signature> {
    let command = binary.load_commands.iter().find_map(|command| match &command.command {
        CommandVariant::CodeSignature(data) => Some(data),
        _ => None,
    })?;
    let start = command.dataoff as usize;
    let blob = bytes.get(start..start.checked_add(command.datasize as usize)?)?;
    super_blob(blob)
}

/// `CS_SuperBlob`: numbers are big-endian.
fn super_blob(blob: &[u8]) -> Option<Signature> {
    if u32_at(blob, 0)? != EMBEDDED_SIGNATURE {
        return None;
    }
    let (mut signature, mut is_found) = (Signature::default(), false);
    for index in 0..u32_at(blob, 8)?.min(MAX_BLOBS) as usize {
        let at = u32_at(blob, 12 + 8 * index + 4)? as usize;
        let length = u32_at(blob, at.checked_add(4)?)? as usize;
        let part = blob.get(at..at.checked_add(length)?)?;
        match u32_at(part, 0)? {
            // The first is the one that counts for names and flags; others have other hashes.
            CODE_DIRECTORY if !is_found => {
                is_found = true;
                signature.flags = u32_at(part, 12)?;
                signature.identifier = name_at(part, u32_at(part, 20)? as usize)?;
                if u32_at(part, 8)? >= HAS_TEAM {
                    signature.team =
                        Some(u32_at(part, 48)? as usize).filter(|at| *at > 0).and_then(|at| name_at(part, at));
                }
            }
            ENTITLEMENTS => signature.entitlements = entitlements(part.get(8..)?),
            _ => {}
        }
    }
    is_found.then_some(signature)
}

/// The keys whose value is true.
fn entitlements(list: &[u8]) -> Vec<String> {
    let Ok(value) = property_list::value(list, LIMITS) else { return Vec::new() };
    let Some(entries) = value.as_dictionary() else { return Vec::new() };
    let is_true = |(name, value): (&String, &plist::Value)| (value.as_boolean() == Some(true)).then(|| name.clone());
    entries.iter().filter_map(is_true).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn name_at(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().take(MAX_NAME).position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit executable for arm64 whose only load command is that of its signature.
    pub(crate) fn executable(signature: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        // magic, cputype, cpusubtype, filetype, ncmds, sizeofcmds, flags, reserved
        for word in [0xFEED_FACF_u32, 0x0100_000C, 0, 2, 1, 16, 0, 0] {
            bytes.extend(word.to_le_bytes());
        }
        // LC_CODE_SIGNATURE, cmdsize, dataoff, datasize
        for word in [0x1D, 16, 48, u32::try_from(signature.len()).unwrap()] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(signature);
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    pub(crate) fn signed(flags: u32, identifier: &str, team: Option<&str>, entitlements: &str) -> Vec<u8> {
        let names = [identifier.as_bytes(), b"\0", team.unwrap_or_default().as_bytes(), b"\0"].concat();
        let team_at = if team.is_some() { 52 + identifier.len() as u32 + 1 } else { 0 };
        let length = 52 + names.len() as u32;
        let mut directory = words(&[CODE_DIRECTORY, length, 0x2_0400, flags, 0, 52, 0, 0, 0, 0, 0, 0, team_at]);
        directory.extend(names);
        let list = format!("<plist><dict>{entitlements}</dict></plist>");
        let mut blob = words(&[EMBEDDED_SIGNATURE, 0, 2, 0, 28, 5, 28 + length]);
        blob.extend(directory);
        blob.extend(words(&[ENTITLEMENTS, 8 + list.len() as u32]));
        blob.extend(list.as_bytes());
        blob
    }

    #[test]
    fn identifier_team_flags_and_entitlements_are_read() {
        let list = "<key>com.apple.developer.endpoint-security.client</key><true/><key>x</key><false/>";
        let bytes = executable(&signed(HARDENED_RUNTIME, "io.osawatch.agent", Some("ABCDE12345"), list));
        let found = signatures(&bytes).unwrap().remove(0).unwrap();
        assert_eq!((found.identifier.as_str(), found.team.as_deref()), ("io.osawatch.agent", Some("ABCDE12345")));
        assert!(found.is_hardened() && !found.is_ad_hoc());
        assert_eq!(found.entitlements, ["com.apple.developer.endpoint-security.client"]);
        let found = signatures(&executable(&signed(AD_HOC, "osawatch", None, ""))).unwrap().remove(0).unwrap();
        assert!(found.is_ad_hoc() && found.team.is_none() && found.entitlements.is_empty());
    }

    #[test]
    fn an_executable_without_a_signature_has_none_and_another_file_is_an_error() {
        let mut bytes = executable(&[]);
        bytes[16] = 0;
        bytes[20] = 0;
        assert_eq!(signatures(&bytes), Ok(vec![None]));
        assert!(signatures(b"#!/bin/sh\n").is_err());
        assert!(signatures(b"").is_err());
    }

    #[test]
    fn a_signature_cut_or_changed_anywhere_is_read_without_harm() {
        let whole = executable(&signed(0, "io.osawatch.agent", Some("ABCDE12345"), "<key>a</key><true/>"));
        for at in 0..whole.len() {
            let _ = signatures(&whole[..at]);
            for byte in [0, 0x7F, 0xFF] {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = signatures(&changed);
            }
        }
    }
}
