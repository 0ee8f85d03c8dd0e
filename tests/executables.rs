//! The file for both processors that `packaging/cross/build.sh` makes: which systems load it, and that each of its
//! pages is what was signed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::packaging::mach_o::{self, ARM64, X86_64};

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn the_symbols_beside_the_universal_executable_name_functions_of_both_processors_and_it_has_none() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/universal2-apple-darwin/release/osawatch");
    let symbols = fs::read_to_string(path.with_extension("symbols")).expect("packaging/cross/build.sh was run");
    for processor in ["aarch64", "x86_64"] {
        let of = symbols.lines().filter(|line| line.starts_with(processor));
        assert!(of.clone().count() > 1000, "{processor}");
        assert_eq!(of.filter(|line| line.contains(" __ZN8osawatch3cli6panics4keep17h")).count(), 1, "{processor}");
    }
    let file = fs::read(&path).unwrap();
    assert!(memchr::memmem::find(&file, b"__ZN8osawatch").is_none());
}

#[test]
#[ignore = "needs python3"]
fn the_symbols_name_the_functions_in_what_a_panic_left_and_leave_libraries_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (symbols, panics) = (folder.path().join("symbols"), folder.path().join("panics.ndjson"));
    let lines = [
        "x86_64 100001000 __ZN8osawatch3cli6panics4keep17h0123456789abcdefE",
        "x86_64 100001100 __ZN4core3ptr41drop_in_place$LT$osawatch..eql..Query$GT$17h0123456789abcdefE",
        "x86_64 100001200 _main",
        "aarch64 100009000 __ZN8osawatch3cli6panics4keep17h0123456789abcdefE",
    ];
    fs::write(&symbols, lines.join("\n")).unwrap();
    let backtrace =
        "   0:  0x10a001110 - __mh_execute_header\n   1:  0x10a001004 - <unknown>\n   2:  0x7ff80001 - _start\n";
    let panic = serde_json::json!({"time": "2026-01-01T00:00:00Z", "version": "0.1.0", "panic": "index out of bounds",
        "backtrace": backtrace, "processor": "x86_64", "keep_at": "0x10a001000"});
    fs::write(&panics, format!("{panic}\n")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/cross/symbols.py");
    let output = Command::new("python3").arg(script).arg("name").args([&symbols, &panics]).output().unwrap();
    let named = "   0:  0x10a001110 - core::ptr::drop_in_place<osawatch::eql::Query>\n   \
                 1:  0x10a001004 - osawatch::cli::panics::keep\n   2:  0x7ff80001 - _start\n";
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(named), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

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
