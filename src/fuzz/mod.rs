//! What fuzzing asks of the decoders: one function for each target in `fuzz/fuzz_targets`, which takes any
//! bytes and panics when something does not hold.
//!
//! - No bytes panic, and what is allocated for them is bounded by their number.
//! - What was read and is written again, in every format, is read as the same.
//! - A refusal is one short line, whatever it is about.
//!
//! Beyond these each function says what it asserts. The plain tests run all of them over the inputs in
//! `fuzz/corpus`, see `corpora`. Only there in tests and under `cargo fuzz`, which sets `--cfg fuzzing`.

mod channel;
#[cfg(test)]
mod corpora;
mod cursor;
mod envelope;
mod frames;
mod request;
mod rest;

pub use self::{
    channel::{channel_id, content},
    cursor::cursor,
    envelope::{envelope_bincode, envelope_json, envelope_protobuf},
    frames::websocket_frames,
    request::{request_bincode, request_json, request_protobuf},
    rest::{rest_body, rest_query},
};

/// Longest text about what is wrong, in bytes.
const REFUSAL_BYTES: usize = 400;

/// Refusals go to the client and may be logged, and can quote what they are about.
fn assert_short_line(refusal: &str) {
    assert!(!refusal.is_empty(), "a refusal without a reason");
    assert!(!refusal.contains(char::is_control), "{refusal:?}");
    let length = refusal.len();
    assert!(length <= REFUSAL_BYTES, "{length} bytes: {refusal}");
}
