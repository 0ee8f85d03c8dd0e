//! The kernel's messages, byte by byte.
use super::layout;
use super::source::{Source, put};

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(bytes[offset..offset + 4].try_into().unwrap())
}
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_ne_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

pub(crate) fn head(ty: u32, context: u64, flags: u16, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    put(&mut bytes, layout::hdr::CONTEXT, &context.to_ne_bytes());
    put(&mut bytes, layout::hdr::TYPE, &ty.to_ne_bytes());
    put(&mut bytes, layout::hdr::LENGTH, &(len as u16).to_ne_bytes());
    put(&mut bytes, layout::hdr::FLAGS, &flags.to_ne_bytes());
    bytes
}
pub(crate) fn added(srcref: u64, provider: u32) -> Vec<u8> {
    let mut bytes = head(layout::SRC_ADDED, 0, 0, layout::added::SIZE);
    put(&mut bytes, layout::added::SRCREF, &srcref.to_ne_bytes());
    put(&mut bytes, layout::added::PROVIDER, &provider.to_ne_bytes());
    bytes
}
pub(crate) fn removed(srcref: u64, flags: u16) -> Vec<u8> {
    let mut bytes = head(layout::SRC_REMOVED, 0, flags, layout::removed::SIZE);
    put(&mut bytes, layout::removed::SRCREF, &srcref.to_ne_bytes());
    bytes
}
/// The request comes back behind the error.
pub(crate) fn error(context: u64, errno: i32, request: &[u8]) -> Vec<u8> {
    let mut bytes = head(layout::ERROR, context, 0, layout::error::SIZE + request.len());
    put(&mut bytes, layout::error::ERRNO, &(errno as u32).to_ne_bytes());
    put(&mut bytes, layout::error::SIZE, request);
    bytes
}

/// How the descriptors of this Mac look.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) major: u32,
    /// Zero bytes in front of each descriptor: an unknown layout.
    pub(crate) shift: usize,
}

/// What a message says besides its source.
#[derive(Clone, Copy, Default)]
pub(crate) struct About {
    pub(crate) srcref: u64,
    pub(crate) context: u64,
    pub(crate) flags: u16,
    pub(crate) event: u64,
}

pub(crate) fn description(form: Form, source: &Source, about: About) -> Vec<u8> {
    let descriptor = source.descriptor(form.major, form.shift);
    let mut bytes = head(layout::SRC_DESC, about.context, about.flags, layout::desc::DATA + descriptor.len());
    put(&mut bytes, layout::desc::SRCREF, &about.srcref.to_ne_bytes());
    put(&mut bytes, layout::desc::PROVIDER, &source.provider.to_ne_bytes());
    put(&mut bytes, layout::desc::DATA, &descriptor);
    bytes
}
pub(crate) fn counts(source: &Source, about: About) -> Vec<u8> {
    let mut bytes = head(layout::SRC_COUNTS, about.context, about.flags, layout::counts::SIZE);
    put(&mut bytes, layout::counts::SRCREF, &about.srcref.to_ne_bytes());
    source.counts(&mut bytes, layout::counts::COUNTS);
    bytes
}
pub(crate) fn update(form: Form, source: &Source, about: About, is_extended: bool) -> Vec<u8> {
    let mut descriptor = source.descriptor(form.major, form.shift);
    let mut ty = layout::SRC_UPDATE;
    if is_extended {
        descriptor.extend(super::domain::extension(source));
        ty = layout::SRC_EXTENDED_UPDATE;
    }
    let mut bytes = head(ty, about.context, about.flags, layout::update::DATA + descriptor.len());
    put(&mut bytes, layout::update::SRCREF, &about.srcref.to_ne_bytes());
    put(&mut bytes, layout::update::EVENTS, &about.event.to_ne_bytes());
    source.counts(&mut bytes, layout::update::COUNTS);
    put(&mut bytes, layout::update::PROVIDER, &source.provider.to_ne_bytes());
    put(&mut bytes, layout::update::DATA, &descriptor);
    bytes
}
