#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| httpcycle_exporter::fuzzing::run("groups", data));
