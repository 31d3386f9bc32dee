//! `format=json`: `read` takes requests in, `write` puts out what clients get.

mod read;
mod write;

pub(super) use self::{
    read::read,
    write::{MessageBody, write},
};
