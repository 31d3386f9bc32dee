//! An echo server on the frame code of the chat, for the WebSocket conformance suite.
//!
//!     cargo run --example echo -- --listen 127.0.0.1:9001

use std::{env, error::Error, net::SocketAddr};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address: SocketAddr = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--listen"), Some(address)) => address.parse()?,
        _ => return Err("usage: echo --listen ADDR:PORT".into()),
    };
    actix_rt::System::new().block_on(banter::echo(address, |address| {
        println!("listening on http://{address}")
    }))?;
    Ok(())
}
