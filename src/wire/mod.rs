//! The protocol: bytes to domain types and back. Decides nothing.

pub(crate) mod error;
pub(crate) mod rest;
