#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| banter::fuzz::envelope_json(bytes));
