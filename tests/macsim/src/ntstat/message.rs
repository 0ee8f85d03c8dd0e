//! The kernel's messages, byte by byte.
use super::layout as l;
use super::source::{put, Source};

pub fn u32_at(b: &[u8], o: usize) -> u32 {
    u32::from_ne_bytes(b[o..o + 4].try_into().unwrap())
}
pub fn u64_at(b: &[u8], o: usize) -> u64 {
    u64::from_ne_bytes(b[o..o + 8].try_into().unwrap())
}

pub fn head(ty: u32, ctx: u64, flags: u16, len: usize) -> Vec<u8> {
    let mut b = vec![0; len];
    put(&mut b, l::hdr::CONTEXT, &ctx.to_ne_bytes());
    put(&mut b, l::hdr::TYPE, &ty.to_ne_bytes());
    put(&mut b, l::hdr::LENGTH, &(len as u16).to_ne_bytes());
    put(&mut b, l::hdr::FLAGS, &flags.to_ne_bytes());
    b
}
pub fn added(srcref: u64, provider: u32) -> Vec<u8> {
    let mut b = head(l::SRC_ADDED, 0, 0, l::added::SIZE);
    put(&mut b, l::added::SRCREF, &srcref.to_ne_bytes());
    put(&mut b, l::added::PROVIDER, &provider.to_ne_bytes());
    b
}
pub fn removed(srcref: u64, flags: u16) -> Vec<u8> {
    let mut b = head(l::SRC_REMOVED, 0, flags, l::removed::SIZE);
    put(&mut b, l::removed::SRCREF, &srcref.to_ne_bytes());
    b
}
/// The request comes back behind the error.
pub fn error(ctx: u64, errno: i32, request: &[u8]) -> Vec<u8> {
    let mut b = head(l::ERROR, ctx, 0, l::error::SIZE + request.len());
    put(&mut b, l::error::ERRNO, &(errno as u32).to_ne_bytes());
    put(&mut b, l::error::SIZE, request);
    b
}

/// How the descriptors of this Mac look.
#[derive(Clone, Copy)]
pub struct Form {
    pub major: u32,
    /// Zero bytes in front of each descriptor: a layout that nobody knows.
    pub shift: usize,
}

pub fn description(form: Form, s: &Source, srcref: u64, ctx: u64, flags: u16) -> Vec<u8> {
    let dd = s.descriptor(form.major, form.shift);
    let mut b = head(l::SRC_DESC, ctx, flags, l::desc::DATA + dd.len());
    put(&mut b, l::desc::SRCREF, &srcref.to_ne_bytes());
    put(&mut b, l::desc::PROVIDER, &s.provider.to_ne_bytes());
    put(&mut b, l::desc::DATA, &dd);
    b
}
pub fn counts(s: &Source, srcref: u64, ctx: u64, flags: u16) -> Vec<u8> {
    let mut b = head(l::SRC_COUNTS, ctx, flags, l::counts::SIZE);
    put(&mut b, l::counts::SRCREF, &srcref.to_ne_bytes());
    s.counts(&mut b, l::counts::COUNTS);
    b
}
pub fn update(form: Form, s: &Source, srcref: u64, ctx: u64, flags: u16, event: u64, is_extended: bool) -> Vec<u8> {
    let mut dd = s.descriptor(form.major, form.shift);
    let mut ty = l::SRC_UPDATE;
    if is_extended {
        dd.extend(super::domain::extension(s));
        ty = l::SRC_EXTENDED_UPDATE;
    }
    let mut b = head(ty, ctx, flags, l::update::DATA + dd.len());
    put(&mut b, l::update::SRCREF, &srcref.to_ne_bytes());
    put(&mut b, l::update::EVENTS, &event.to_ne_bytes());
    s.counts(&mut b, l::update::COUNTS);
    put(&mut b, l::update::PROVIDER, &s.provider.to_ne_bytes());
    put(&mut b, l::update::DATA, &dd);
    b
}
