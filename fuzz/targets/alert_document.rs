#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| osawatch::fuzzing::run("alert_document", bytes));
