//! Makes the types of the envelopes from schemas/realtime.proto, to which there is a link beside this file: a
//! package holds nothing from outside.

use std::error::Error;

const SCHEMA: &str = "realtime.proto";
const PACKAGE: &str = "banter.realtime";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SCHEMA}");
    let files = protox::compile([SCHEMA], ["."])?;
    let mut config = prost_build::Config::new();
    config
        .btree_map(["."])
        .extern_path(".google.protobuf.Timestamp", "crate::Timestamp")
        .type_attribute(".", "#[derive(bincode::Encode, bincode::Decode)]");
    let schema = files.file.iter().filter(|file| file.name() == SCHEMA);
    for message in schema.flat_map(|file| &file.message_type) {
        // In JSON an envelope has one key for its message, which is not what serde makes of it.
        if message.name() == "Envelope" {
            continue;
        }
        let path = format!(".{PACKAGE}.{}", message.name());
        config
            .type_attribute(&path, "#[derive(serde::Serialize, serde::Deserialize)]")
            .type_attribute(&path, "#[serde(default)]")
            .field_attribute(
                &path,
                "#[serde(skip_serializing_if = \"crate::json::is_default\")]",
            );
    }
    config
        .field_attribute("Channel.self", "#[serde(rename = \"self\")]")
        .compile_fds(files)?;
    Ok(())
}
