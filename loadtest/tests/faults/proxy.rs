//! A server between the clients and the real one, which breaks promises: it reads what goes to the clients in JSON.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// What is in the frame of a delivery, and in no other: quotes in a message's content are escaped.
const DELIVERY: &[u8] = b"\"channel_message\":";

/// What is done to a delivery, or for `Refuse` to a request for a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not reach the client.
    Drop,
    /// It reaches the client twice.
    Double,
    /// It reaches the client after the one that follows it.
    Swap,
    /// The connection ends instead.
    Cut,
    /// There is no socket.
    Refuse,
}

/// It serves until the process ends.
pub(crate) struct Proxy {
    pub(crate) url: String,
    faults: Arc<Faults>,
}

struct Faults {
    fault: Fault,
    /// Of so many it is the last that is hit.
    every: u64,
    seen: AtomicU64,
    hits: AtomicU64,
}

impl Proxy {
    /// Before the server with this address.
    pub(crate) fn before(server: &str, fault: Fault, every: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::new(Faults {
            fault,
            every,
            seen: AtomicU64::new(0),
            hits: AtomicU64::new(0),
        });
        let (server, shared) = (server.to_owned(), Arc::clone(&faults));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                pass_on(&client, &server, &shared);
            }
        });
        Self { url, faults }
    }

    /// How often something went wrong.
    pub(crate) fn hits(&self) -> u64 {
        self.faults.hits.load(Ordering::SeqCst)
    }
}

impl Faults {
    /// Whether this one is hit.
    fn hit(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let hit = seen.is_multiple_of(self.every);
        if hit {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        hit
    }
}

/// Both ways, each in a thread of its own, until one of the two closes.
fn pass_on(client: &TcpStream, server: &TcpStream, faults: &Arc<Faults>) {
    for stream in [client, server] {
        stream.set_nodelay(true).unwrap();
    }
    let twice = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let ((mut from, mut to), (answers_to, answers_from)) = (twice(), twice());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let faults = Arc::clone(faults);
    thread::spawn(move || {
        let (mut from, mut to) = (BufReader::new(&answers_from), &answers_to);
        // A connection that breaks is the end of it.
        let _ = answers(&mut from, &mut to, &faults);
        let _ = answers_to.shutdown(Shutdown::Both);
        let _ = answers_from.shutdown(Shutdown::Both);
    });
}

fn answers(from: &mut impl BufRead, to: &mut impl Write, faults: &Faults) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    // Clients open a connection of its own for each socket.
    if !head.starts_with(b"HTTP/1.1 101") {
        to.write_all(&head)?;
        io::copy(from, to)?;
        return Ok(());
    }
    if faults.fault == Fault::Refuse && faults.hit() {
        return to.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    }
    to.write_all(&head)?;
    let mut held = Vec::new();
    loop {
        let frame = frame(from)?;
        let delivery = frame.windows(DELIVERY.len()).any(|part| part == DELIVERY);
        let fault = (delivery && held.is_empty() && faults.fault != Fault::Refuse && faults.hit())
            .then_some(faults.fault);
        match fault {
            Some(Fault::Drop) => continue,
            Some(Fault::Cut) => return Ok(()),
            Some(Fault::Swap) => {
                held = frame;
                continue;
            }
            Some(Fault::Double) => to.write_all(&frame)?,
            Some(Fault::Refuse) | None => {}
        }
        to.write_all(&frame)?;
        if delivery {
            to.write_all(&std::mem::take(&mut held))?;
        }
    }
}

/// One frame as the server has sent it, with its head. Servers do not mask theirs.
fn frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 2];
    from.read_exact(&mut frame)?;
    let long = match frame[1] & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut length = u64::from(frame[1] & 0x7f);
    if long > 0 {
        frame.resize(2 + long, 0);
        from.read_exact(&mut frame[2..])?;
        length = frame[2..]
            .iter()
            .fold(0, |length, byte| length << 8 | u64::from(*byte));
    }
    from.take(length).read_to_end(&mut frame)?;
    Ok(frame)
}
