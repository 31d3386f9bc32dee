#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| banter::fuzz::cursor(bytes));
