//! Where the heads of requests are among the bytes of a connection, and whether each of their lines ends with CR and LF.
//!
//! actix-http takes an LF alone for the end of a line. A proxy in front may take it for a part of the line: then both
//! see different requests in the same bytes, and what is a header to one is a request of somebody else's to the other
//! (request smuggling). Everything else of this kind actix-http refuses by itself: CR alone, NUL, folded lines, two
//! lengths, a length and chunks, and anything but CR and LF around chunks.
//!
//! Invariant: as long as bytes are let through, this knows as well as actix-http where a head begins. From the first byte
//! on that it cannot account for all are NUL, which nothing takes: actix-http answers 400 and closes.

/// A line's beginning that is kept while the rest is awaited: enough for a header that says how long a body is.
const LINE: usize = 64;

/// Follows the bytes that one connection reads.
pub(super) struct Heads {
    next: Next,
    line: [u8; LINE],
    /// Of the line so far; may be more than is kept.
    length: usize,
    last: u8,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first line of a head, or an empty one before it.
    Request,
    Header(Body),
    Body(u64),
    ChunkSize,
    /// Of a chunk and the end of its line.
    Chunk(u64),
    Trailer,
    /// A socket: no HTTP any more.
    Frames,
    /// Nothing that would be taken.
    Refused,
}

/// What a head has said so far of what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    None,
    Length(u64),
    Chunks,
    Frames,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self {
            next: Next::Request,
            line: [0; LINE],
            length: 0,
            last: 0,
        }
    }

    /// Whether the peer has begun a request and not finished it.
    pub(super) fn await_more(&self) -> bool {
        self.next != Next::Request || self.length > 0
    }

    /// Looks at what has been read.
    pub(super) fn follow(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            match self.next {
                Next::Frames => return,
                Next::Refused => {
                    bytes.fill(0);
                    return;
                }
                Next::Body(left) => {
                    let taken = take(&mut bytes, left);
                    self.next = match left - taken {
                        0 => Next::Request,
                        left => Next::Body(left),
                    };
                }
                Next::Chunk(left) => {
                    let taken = take(&mut bytes, left);
                    self.next = match left - taken {
                        0 => Next::ChunkSize,
                        left => Next::Chunk(left),
                    };
                }
                Next::Request | Next::Header(_) | Next::ChunkSize | Next::Trailer => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    self.keep(&bytes[..end.unwrap_or(bytes.len())]);
                    let Some(end) = end else {
                        return;
                    };
                    self.next = self.line_ended().unwrap_or(Next::Refused);
                    self.length = 0;
                    // The end of a line that is refused is refused with it.
                    let behind = end + usize::from(self.next != Next::Refused);
                    bytes = &mut bytes[behind..];
                }
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = self.line.get_mut(self.length..).unwrap_or_default();
        let kept = part.len().min(room.len());
        room[..kept].copy_from_slice(&part[..kept]);
        self.length += part.len();
        self.last = part.last().copied().unwrap_or(self.last);
    }

    /// What follows the line that is there now, without its LF. `None` if it is not one that can be followed.
    fn line_ended(&self) -> Option<Next> {
        if self.length == 0 || self.last != b'\r' {
            return None;
        }
        let length = self.length - 1;
        let line = &self.line[..length.min(LINE)];
        let whole = length <= LINE;
        match self.next {
            Next::Request if line.is_empty() => Some(Next::Request),
            Next::Request if line.starts_with(b"CONNECT ") => Some(Next::Header(Body::Frames)),
            Next::Request => Some(Next::Header(Body::None)),
            Next::Header(body) if line.is_empty() => Some(match body {
                Body::None | Body::Length(0) => Next::Request,
                Body::Length(length) => Next::Body(length),
                Body::Chunks => Next::ChunkSize,
                Body::Frames => Next::Frames,
            }),
            Next::Header(body) => Some(Next::Header(body.after(line, whole)?)),
            Next::ChunkSize => {
                let size = line.split(|byte| *byte == b';').next()?;
                // Its end must be known: zeros may stand before a size without end.
                if !whole && size.len() == line.len() {
                    return None;
                }
                let size = size.trim_ascii_end();
                match u64::from_str_radix(str::from_utf8(size).ok()?, 16).ok()? {
                    0 => Some(Next::Trailer),
                    size => Some(Next::Chunk(size.checked_add(2)?)),
                }
            }
            Next::Trailer if line.is_empty() => Some(Next::Request),
            Next::Trailer => Some(Next::Trailer),
            Next::Body(_) | Next::Chunk(_) | Next::Frames | Next::Refused => None,
        }
    }
}

impl Body {
    /// With one more header; what counts more stays, as in actix-http.
    fn after(self, line: &[u8], whole: bool) -> Option<Self> {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            // Too long a name, or no header at all, which actix-http refuses.
            return Some(self);
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return whole.then_some(Self::Chunks);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = str::from_utf8(value).ok().filter(|_| whole)?.parse().ok()?;
            return Some(match self {
                Self::None => Self::Length(length),
                said => said,
            });
        }
        let socket =
            name.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket");
        Some(match self {
            Self::None | Self::Length(_) if socket => Self::Frames,
            said => said,
        })
    }
}

/// Takes so many bytes, or all there are; how many that were.
fn take(bytes: &mut &mut [u8], most: u64) -> u64 {
    let taken = usize::try_from(most).map_or(bytes.len(), |most| most.min(bytes.len()));
    *bytes = &mut std::mem::take(bytes)[taken..];
    taken as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is let through of bytes that come in pieces of a size, and whether more of a request is awaited.
    fn followed(bytes: &str, piece: usize) -> (Vec<u8>, bool) {
        let mut heads = Heads::new();
        let mut bytes = bytes.as_bytes().to_vec();
        for piece in bytes.chunks_mut(piece) {
            heads.follow(piece);
        }
        (bytes, heads.await_more())
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn requests_as_they_should_be_pass_untouched() {
        let long = "y".repeat(300);
        for (first, waiting) in [
            (GET.to_owned(), false),
            ("\r\n\r\n".to_owned(), false),
            ("GET / HTTP/1.1\r\nHost".to_owned(), true),
            (
                format!("GET /{long} HTTP/1.1\r\nX-Long: {long}\r\n{long}: x\r\n\r\n"),
                false,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\n\"a\":1\n}".to_owned(),
                false,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\n\"a\"".to_owned(),
                true,
            ),
            (
                "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n".to_owned(),
                false,
            ),
            (
                format!(
                    "POST / HTTP/1.1\r\nTRANSFER-Encoding: Chunked\r\n\r\n\
                     2\r\n\n\n\r\n1 ;a=\"{long}\"\r\n\n\r\n0\r\nX: y\r\n\r\n"
                ),
                false,
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n".to_owned(),
                true,
            ),
        ] {
            for piece in [1, 2, 3, 7, 64, 1000] {
                for before in ["", GET] {
                    let bytes = format!("{before}{first}");
                    let wanted = (bytes.clone().into_bytes(), waiting);
                    assert_eq!(followed(&bytes, piece), wanted, "{bytes:?} by {piece}");
                }
            }
        }
    }

    #[test]
    fn frames_behind_a_handshake_pass_untouched() {
        let upgrade = "GET /ws HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n\n\n\n";
        assert_eq!(followed(upgrade, 5).0, upgrade.as_bytes());
    }

    #[test]
    fn from_a_line_on_that_does_not_end_as_it_should_nothing_passes() {
        let spaces = " ".repeat(60);
        for (taken, refused) in [
            ("", "\nGET / HTTP/1.1\r\n\r\n".to_owned()),
            ("GET / HTTP/1.1", "\nHost: x\r\n\r\n".to_owned()),
            ("GET / HTTP/1.1\r\nHost: x", "\nX: y\r\n\r\n".to_owned()),
            ("GET / HTTP/1.1\r\nHost: x\r\n", "\n".to_owned()),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{\n}GET / HTTP/1.1",
                "\nHost: x\r\n\r\n".to_owned(),
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\nGET / HTTP/1.1",
                "\n\r\n".to_owned(),
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1",
                "\n\n\r\n".to_owned(),
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na",
                "\nb\r\n\r\n".to_owned(),
            ),
            // A size of a chunk behind more zeros than are looked at.
            (
                &format!(
                    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}20\r",
                    "0".repeat(70)
                ),
                "\n\r\n12345".to_owned(),
            ),
            // A length too far away to be read.
            (
                &format!("POST / HTTP/1.1\r\nContent-Length:{spaces}5\r"),
                "\n\r\n12345".to_owned(),
            ),
        ] {
            for piece in [1, 2, 3, 7, 64, 1000] {
                let bytes = format!("{taken}{refused}");
                let mut wanted = taken.as_bytes().to_vec();
                wanted.resize(bytes.len(), 0);
                let (left, waiting) = followed(&bytes, piece);
                assert_eq!(left, wanted, "{bytes:?} by {piece}");
                assert!(waiting);
            }
        }
    }
}
