//! What schemas/bincode.md shows is what is written and read.

// A test that cannot go on should say so at once, in helper functions as well.
#![allow(clippy::unwrap_used)]

use banter_protocol::{Envelope, Format};

const PAGE: &str = include_str!("../../schemas/bincode.md");

/// The blocks of a language, in the order of the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = PAGE.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let bytes = hex.split_whitespace();
    bytes
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[test]
fn the_examples_are_what_they_say() {
    let (json, hex) = (blocks("json"), blocks("hex"));
    assert_eq!(json.len(), 4);
    assert_eq!(json.len(), hex.len());
    for (json, hex) in json.iter().zip(hex) {
        let envelope: Envelope = Format::Json.decode(json.as_bytes()).unwrap();
        assert_eq!(Format::Bincode.encode(&envelope), bytes(hex), "{json}");
        assert_eq!(Format::Bincode.decode(&bytes(hex)).unwrap(), envelope);
    }
}

#[test]
fn a_message_has_the_place_that_its_field_number_tells() {
    let schema = include_str!("../../schemas/realtime.proto");
    let (_, messages) = schema.split_once("oneof message {").unwrap();
    let (messages, _) = messages.split_once("\n  }").unwrap();
    let fields = messages
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';'));
    let mut seen = 0;
    for (place, field) in fields.enumerate() {
        let (field, number) = field.rsplit_once(" = ").unwrap();
        let name = field.split(' ').nth(1).unwrap();
        let json = format!(r#"{{"{name}":{{}}}}"#);
        let envelope = Format::Json.decode(json.as_bytes()).unwrap();
        let bincode = Format::Bincode.encode(&envelope);
        assert_eq!(usize::from(bincode[3]), place, "{name}");
        let told = match number.parse::<usize>().unwrap() {
            1000 => 50,
            number => number - 2,
        };
        assert_eq!(place, told, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 51);
}

#[test]
fn what_is_not_version_1_or_goes_on_is_refused() {
    let good = bytes("01 01 38 00");
    assert!(Format::Bincode.decode(&good).is_ok());
    for bad in [
        "",
        "00 01 38 00",
        "02 01 38 00",
        "01 01 38 00 00",
        "01 01 38",
        "01 01 38 02",
    ] {
        assert!(Format::Bincode.decode(&bytes(bad)).is_err(), "{bad}");
    }
}
