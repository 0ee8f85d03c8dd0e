use std::fs;

use super::super::{RANDOM, random_key};

#[test]
fn a_random_key_is_of_the_bytes_that_the_system_gives_and_there_is_none_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("random");
    let bytes: Vec<u8> = (0..40).collect();
    fs::write(&source, &bytes).unwrap();
    assert_eq!(random_key(&source).as_deref(), Some(&bytes[..32]));
    fs::write(&source, &bytes[..31]).unwrap();
    assert_eq!(random_key(&source), None);
    assert_ne!(random_key(RANDOM.as_ref()), random_key(RANDOM.as_ref()));
}
