//! The outside wall: HTTP in, calls on the domain, HTTP out.
//!
//! Here are routes, authentication, CORS and limits. What the bytes mean is told by `wire`, what
//! happens by the domain.

pub(crate) mod rest;
