#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| osawatch::fuzzing::run("ntstat_descriptor", bytes));
