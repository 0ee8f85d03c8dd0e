//! Profiles for an MDM.
