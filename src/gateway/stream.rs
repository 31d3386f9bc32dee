//! The bytes of a connection: over TCP as it is, or over TLS. What reads and writes them knows no difference.
//!
//! Invariant: the handshake of TLS is made by the first read. So a connection has its place among the others, and its
//! time limit, before it has cost anything.

use std::{
    future::Future as _,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_rt::net::TcpStream;
use tokio_rustls::{Accept, server::TlsStream};

use super::tls::Tls;

/// One connection's bytes.
pub(super) enum Stream {
    Plain(TcpStream),
    /// In a box: a connection without TLS must not be larger for it.
    Tls(Box<Encrypted>),
}

pub(super) enum Encrypted {
    Handshake(Accept<TcpStream>),
    Open(TlsStream<TcpStream>),
    /// The handshake failed.
    Failed,
}

impl Stream {
    pub(super) fn new(stream: TcpStream, tls: Option<&Tls>) -> Self {
        match tls {
            None => Self::Plain(stream),
            Some(tls) => Self::Tls(Box::new(Encrypted::Handshake(tls.accept(stream)))),
        }
    }
}

impl Encrypted {
    fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<&mut TlsStream<TcpStream>>> {
        if let Self::Handshake(handshake) = self {
            *self = match ready!(Pin::new(handshake).poll(cx)) {
                Ok(stream) => Self::Open(stream),
                Err(error) => {
                    *self = Self::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(self.opened())
    }

    /// For writing, which comes after the first read.
    fn opened(&mut self) -> io::Result<&mut TlsStream<TcpStream>> {
        match self {
            Self::Open(stream) => Ok(stream),
            Self::Handshake(_) | Self::Failed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => {
                let stream = ready!(stream.poll_handshake(cx))?;
                Pin::new(stream).poll_read(cx, buffer)
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.opened()?).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream.opened()?).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => match &mut **stream {
                Encrypted::Open(stream) => Pin::new(stream).poll_flush(cx),
                Encrypted::Handshake(_) | Encrypted::Failed => Poll::Ready(Ok(())),
            },
        }
    }

    /// Tells the peer that no more comes: in the terms of TLS, then in those of TCP.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => match &mut **stream {
                Encrypted::Open(stream) => Pin::new(stream).poll_shutdown(cx),
                // Nothing has been said that would have to be ended: the connection is dropped.
                Encrypted::Handshake(_) | Encrypted::Failed => Poll::Ready(Ok(())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_tls_is_not_larger_for_it() {
        assert_eq!(size_of::<Stream>(), size_of::<TcpStream>());
    }
}
