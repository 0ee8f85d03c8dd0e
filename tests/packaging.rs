//! The installer package: built, read by readers of our own, installed into a folder, upgraded, removed.

// Three flavours, and what the built files hold.
mod build;
// On a Mac that is full.
mod full_disk;
// The scripts with a launchd that behaves as Apple's.
mod install;
// Macs that are not as the scripts would have them.
mod odd_macs;
// A folder in the place of the startup disk.
mod mac;
// What package managers read.
mod managers;
// Profiles for an MDM.
mod mdm;
// With stand-ins for the tools of a Mac that builds releases.
mod release;
// Certificates, profiles, and the signatures made with them.
mod signing;
// Readers of what flatpkg.py and Apple's tools write.
mod bill;
pub(crate) mod mach_o;
mod xar;
