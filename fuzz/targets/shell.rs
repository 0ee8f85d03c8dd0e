#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| osawatch::fuzzing::run("shell", bytes));
