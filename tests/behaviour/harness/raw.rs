use std::net::{IpAddr, SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::soon;

/// A connection without a client library: bytes as programs in the field send them.
pub(crate) struct Raw {
    stream: TcpStream,
    /// Read, and behind the last answer.
    rest: Vec<u8>,
}

/// An HTTP answer, its head as it came.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawAnswer {
    /// The value of a header, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_with_buffer(address, None).await
    }

    /// From an address of this machine.
    pub(crate) async fn connect_from(from: IpAddr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        Self::over(socket, address).await
    }

    /// With a receive buffer of a size, so that not reading is felt soon.
    pub(crate) async fn connect_with_buffer(address: SocketAddr, buffer: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer).unwrap();
        }
        Self::over(socket, address).await
    }

    async fn over(socket: TcpSocket, address: SocketAddr) -> Self {
        let stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let rest = Vec::new();
        Self { stream, rest }
    }

    /// Sends bytes; `false` when the connection takes no more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Sends a head, written with `\n` alone, and a body, and reads the answer.
    pub(crate) async fn ask(&mut self, head: &str, body: &[u8]) -> RawAnswer {
        self.send_head(head).await;
        self.send(body).await;
        self.answer(head.starts_with("HEAD ")).await
    }

    pub(crate) async fn send_head(&mut self, head: &str) {
        let head = format!("{}\r\n", head.replace('\n', "\r\n"));
        assert!(self.send(head.as_bytes()).await, "the head is taken");
    }

    /// The next answer: to its length, its last chunk, or the end of the connection.
    pub(crate) async fn answer(&mut self, without_body: bool) -> RawAnswer {
        match self.try_answer(without_body).await {
            Some(answer) => answer,
            None => panic!("the connection ended without an answer"),
        }
    }

    pub(crate) async fn try_answer(&mut self, without_body: bool) -> Option<RawAnswer> {
        let head = loop {
            if let Some(at) = find(&self.rest, b"\r\n\r\n") {
                break self.rest.drain(..at + 4).collect::<Vec<_>>();
            }
            if self.read().await == 0 {
                return None;
            }
        };
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = RawAnswer {
            status,
            head,
            body: Vec::new(),
        };
        let length = answer.header("content-length").map(str::parse::<usize>);
        let chunked = answer.header("transfer-encoding") == Some("chunked");
        match length {
            _ if without_body || status == 101 => {}
            Some(length) => {
                let length = length.unwrap();
                while self.rest.len() < length && self.read().await > 0 {}
                let length = length.min(self.rest.len());
                answer.body = self.rest.drain(..length).collect();
            }
            None => {
                let whole = |rest: &[u8]| chunked && rest.ends_with(b"0\r\n\r\n");
                while !whole(&self.rest) && self.read().await > 0 {}
                answer.body = std::mem::take(&mut self.rest);
            }
        }
        Some(answer)
    }

    /// Reads on; answers how many bytes came, 0 at the end of the connection.
    async fn read(&mut self) -> usize {
        let read = self.stream.read_buf(&mut self.rest);
        soon("bytes, or the end", read).await.unwrap_or(0)
    }

    /// Waits for the end of the connection.
    pub(crate) async fn ended(&mut self) {
        while self.read().await > 0 {}
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}
