//! The inputs in `fuzz/corpus`, one directory for each target, run as plain tests; and what is near to them, and
//! any bytes, for a short while.

use std::{
    collections::BTreeSet,
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use proptest::{prelude::*, sample::Index};

/// What a target may take at a time, its own checks included: for any input, and more for each byte of it.
const MEMORY_BYTES: u64 = 1 << 20;
const MEMORY_BYTES_EACH: u64 = 1 << 10;

/// A test for each target over its corpus, and one over what is near to it.
macro_rules! targets {
    ($($target:ident)*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];

        mod corpus {
            $(#[test]
            fn $target() {
                super::run_corpus(stringify!($target), super::super::$target);
            })*
        }

        mod near_the_corpus {
            $(#[test]
            fn $target() {
                super::run_near_corpus(stringify!($target), super::super::$target);
            })*
        }
    };
}

targets! {
    channel_id
    content
    cursor
    envelope_bincode
    envelope_json
    envelope_protobuf
    request_bincode
    request_json
    request_protobuf
    rest_body
    rest_query
    websocket_frames
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), targets);
    assert_eq!(names(&fuzz().join("corpus")), targets);
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// What is in a directory, without extensions.
fn names(directory: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries(directory).into_iter().map(stem).collect()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The inputs of a target with the names of their files.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = fuzz().join("corpus").join(target);
    let files = entries(&directory);
    assert!(!files.is_empty(), "{} is empty", directory.display());
    let input = |file: PathBuf| (file.clone(), fs::read(&file).unwrap());
    files.into_iter().map(input).collect()
}

fn run(target: fn(&[u8]), input: &[u8]) {
    let taken = allocation_counter::measure(|| target(input)).bytes_max;
    let most = MEMORY_BYTES + MEMORY_BYTES_EACH * input.len() as u64;
    assert!(taken <= most, "{taken} bytes for {} bytes", input.len());
}

fn run_corpus(name: &str, target: fn(&[u8])) {
    let mut failed = Vec::new();
    for (file, input) in corpus(name) {
        if panic::catch_unwind(AssertUnwindSafe(|| run(target, &input))).is_err() {
            failed.push(file);
        }
    }
    assert!(failed.is_empty(), "each told above: {failed:?}");
}

fn run_near_corpus(name: &str, target: fn(&[u8])) {
    let inputs: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, input)| input).collect();
    let near = (
        prop::sample::select(inputs),
        prop::collection::vec(edit(), 0..6),
    )
        .prop_map(|(mut input, edits)| {
            for edit in edits {
                edit.apply(&mut input);
            }
            input
        });
    let any = prop::collection::vec(any::<u8>(), 0..200);
    proptest!(|(input in prop_oneof![4 => near, 1 => any])| run(target, &input));
}

/// One change of an input, at a place of it.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// A part of it, once more at its end.
    Repeat(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..6))
            .prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<Index>(), 1..8usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 1..40usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

impl Edit {
    fn apply(self, input: &mut Vec<u8>) {
        let end = |at: usize, length: usize| (at + length).min(input.len());
        match self {
            Self::Set(at, byte) if !input.is_empty() => {
                let at = at.index(input.len());
                input[at] = byte;
            }
            Self::Set(..) => {}
            Self::Insert(at, bytes) => {
                let at = at.index(input.len() + 1);
                input.splice(at..at, bytes);
            }
            Self::Remove(at, length) => {
                let at = at.index(input.len() + 1);
                input.drain(at..end(at, length));
            }
            Self::Repeat(at, length) => {
                let at = at.index(input.len() + 1);
                input.extend_from_within(at..end(at, length));
            }
        }
    }
}
