//! The file for both processors that `packaging/cross/build.sh` makes: which systems load it, and that each of its
//! pages is what was signed.

use std::fs;
use std::path::Path;

use crate::packaging::mach_o::{self, ARM64, X86_64};

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn the_universal_executable_runs_from_macos_13_on_and_is_signed_under_one_name() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/universal2-apple-darwin/release/osawatch");
    let file = fs::read(&path).expect("packaging/cross/build.sh was run");
    let slices = mach_o::slices(&file);
    assert_eq!(slices.iter().map(|slice| slice.processor).collect::<Vec<_>>(), [ARM64, X86_64]);
    for slice in slices {
        assert_eq!(slice.oldest_system(), (13, 0), "the oldest system of {:#x}", slice.processor);
        assert_eq!(slice.signature(None).identifier, "io.osawatch.agent");
        for name in slice.libraries() {
            let is_apples = name.starts_with("/usr/lib/") || name.starts_with("/System/Library/Frameworks/");
            assert!(is_apples, "{name} is not on every Mac");
        }
    }
}
