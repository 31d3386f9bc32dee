//! Makes the types of the envelopes from schemas/realtime.proto, to which there is a link beside this file: a
//! package holds nothing from outside.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

use prost_types::{DescriptorProto, FileDescriptorProto};

const SCHEMA: &str = "realtime.proto";
const PACKAGE: &str = "banter.realtime";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SCHEMA}");
    let files = protox::compile([SCHEMA], ["."])?;
    let mut config = prost_build::Config::new();
    config
        .btree_map(["."])
        .extern_path(".google.protobuf.Timestamp", "crate::Timestamp");
    let schema = files.file.iter().find(|file| file.name() == SCHEMA);
    let schema = schema.ok_or("the schema is not among what was compiled")?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("bincode.rs"), bincode_impls(schema)?)?;
    for message in &schema.message_type {
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

/// How bincode writes each message: its fields in the order of the schema, and of several that exclude each other the
/// place of the one there is, then it.
///
/// Not derived: the derive of bincode also leaves files in the source tree of whatever program is being built.
fn bincode_impls(schema: &FileDescriptorProto) -> Result<String, std::fmt::Error> {
    let mut code = String::new();
    for message in &schema.message_type {
        let (mut encode, mut decode) = (String::new(), String::new());
        for field in fields(message) {
            writeln!(encode, "bincode::Encode::encode(&self.{field}, encoder)?;")?;
            writeln!(decode, "{field}: bincode::Decode::decode(decoder)?,")?;
        }
        let decode = format!("Ok(Self {{ {decode} }})");
        write_impls(
            &mut code,
            message.name(),
            &format!("{encode} Ok(())"),
            &decode,
        )?;
        if !message.oneof_decl.is_empty() {
            write_choice(&mut code, message)?;
        }
    }
    Ok(code)
}

/// The fields of a message as prost calls them; those that exclude each other are one, behind the others.
fn fields(message: &DescriptorProto) -> impl Iterator<Item = String> {
    let alone = message
        .field
        .iter()
        .filter(|field| field.oneof_index.is_none())
        .map(|field| match field.name() {
            "self" => "self_".to_owned(),
            "type" => "r#type".to_owned(),
            name => name.to_owned(),
        });
    let choices = message.oneof_decl.iter();
    alone.chain(choices.map(|choice| choice.name().to_owned()))
}

/// The message that an envelope has.
fn write_choice(code: &mut String, message: &DescriptorProto) -> std::fmt::Result {
    let (mut encode, mut decode) = (String::new(), String::new());
    let choices = message.field.iter();
    let choices = choices.filter(|field| field.oneof_index.is_some());
    let mut count = 0;
    for (place, field) in choices.enumerate() {
        let mut variant = String::new();
        for word in field.name().split('_') {
            let (first, rest) = word.split_at(1);
            write!(variant, "{}{rest}", first.to_uppercase())?;
        }
        writeln!(
            encode,
            "Self::{variant}(it) => {{ bincode::Encode::encode(&{place}u32, encoder)?; \
             bincode::Encode::encode(it, encoder) }}"
        )?;
        writeln!(
            decode,
            "{place} => Ok(Self::{variant}(bincode::Decode::decode(decoder)?)),"
        )?;
        count = place + 1;
    }
    let encode = format!("match self {{ {encode} }}");
    let decode = format!(
        "match <u32 as bincode::Decode<C>>::decode(decoder)? {{ {decode} \
         found => Err(bincode::error::DecodeError::UnexpectedVariant {{ \
             found, type_name: \"Message\", \
             allowed: &bincode::error::AllowedEnumVariants::Range {{ min: 0, max: {count} - 1 }} }}) }}"
    );
    write_impls(code, "envelope::Message", &encode, &decode)
}

fn write_impls(code: &mut String, name: &str, encode: &str, decode: &str) -> std::fmt::Result {
    write!(
        code,
        "impl bincode::Encode for {name} {{
             fn encode<E: bincode::enc::Encoder>(
                 &self,
                 #[allow(unused_variables)] encoder: &mut E,
             ) -> Result<(), bincode::error::EncodeError> {{ {encode} }}
         }}
         impl<C> bincode::Decode<C> for {name} {{
             fn decode<D: bincode::de::Decoder<Context = C>>(
                 #[allow(unused_variables)] decoder: &mut D,
             ) -> Result<Self, bincode::error::DecodeError> {{ {decode} }}
         }}
         bincode::impl_borrow_decode!({name});
         "
    )
}
