//! The stations of a message, each by itself: reading a request, encoding a delivery, fanning it out, news of
//! presences, and pages of history.
//!
//!     cargo bench --features bench --bench stations

use banter::bench::{Archive, Audience, Crowd, Format, Said, decode, request};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

/// A request to send a message.
#[divan::bench(args = Format::ALL)]
fn decode_request(bencher: Bencher, format: Format) {
    let payload = request(format);
    assert!(decode(format, &payload));
    bencher.bench_local(|| decode(format, black_box(&payload)));
}

/// The frame in which a message is delivered.
#[divan::bench(args = Format::ALL)]
fn encode_message(bencher: Bencher, format: Format) {
    let said = Said::new(60);
    bencher.bench_local(|| black_box(&said).frame(format));
}

/// One message to all members on a thread, from the encoding to the last write to a peer that costs nothing;
/// by item: a delivery.
#[divan::bench(args = [1, 10, 100, 1000, 10_000])]
fn fan_out(bencher: Bencher, members: usize) {
    let (audience, said) = (Audience::new(members, Format::Json), Said::new(60));
    let bencher = bencher.counter(ItemsCount::new(members));
    bencher.bench_local(|| said.deliver(&audience, 1));
}

/// A batch of 50 messages to all members on a thread; by item: a delivery.
#[divan::bench(args = [10, 1000])]
fn fan_out_of_a_batch(bencher: Bencher, members: usize) {
    let (audience, said) = (Audience::new(members, Format::Json), Said::new(60));
    let bencher = bencher.counter(ItemsCount::new(50 * members));
    bencher.bench_local(|| said.deliver(&audience, 50));
}

/// 100 sessions come into a channel with others, are announced, and leave; by item: a piece of news.
#[divan::bench(args = [0, 100, 10_000])]
fn presence_deltas(bencher: Bencher, others: usize) {
    let mut crowd = Crowd::new(others);
    let bencher = bencher.counter(ItemsCount::new(200_usize));
    bencher.bench_local(|| crowd.churn(100));
}

/// The newest page of 100 messages in a history of so many.
#[divan::bench(args = [100, 10_000, 1_000_000], sample_count = 50)]
fn read_page(bencher: Bencher, messages: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let archive = runtime.block_on(Archive::new(dir.path(), messages));
    bencher.bench_local(|| runtime.block_on(archive.page(100)).messages.len());
}
