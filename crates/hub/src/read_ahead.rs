//! Reading more from a socket than TLS asks for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once while more comes than was asked for.
const AHEAD_BYTES: usize = 64 * 1024;

/// A stream that is read ahead while much comes, and has no buffer while little does.
///
/// rustls reads 4 KiB at a time: without this an upload costs five system calls a record.
pub(crate) struct ReadAhead<S> {
    stream: S,
    /// Empty unless the last read filled what it was given.
    buffer: Vec<u8>,
    /// What of the buffer has not been taken yet.
    held: std::ops::Range<usize>,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(stream: S) -> Self {
        ReadAhead {
            stream,
            buffer: Vec::new(),
            held: 0..0,
        }
    }

    fn take_held(&mut self, out: &mut ReadBuf<'_>) {
        let taken = self.held.len().min(out.remaining());
        let end = self.held.start + taken;
        out.put_slice(&self.buffer[self.held.start..end]);
        self.held.start = end;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.held.is_empty() {
            this.take_held(out);
            return Poll::Ready(Ok(()));
        }
        let asked = out.remaining();
        if this.buffer.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(context, out))?;
            if asked > 0 && out.remaining() == 0 {
                this.buffer = vec![0; AHEAD_BYTES];
            }
            return Poll::Ready(Ok(()));
        }
        let mut ahead = ReadBuf::new(&mut this.buffer);
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut ahead))?;
        this.held = 0..ahead.filled().len();
        let little = this.held.len() < asked;
        this.take_held(out);
        if little {
            // The next one need not wait for long: a device shows life by a short line.
            this.buffer = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn gives_every_byte_in_its_order_whatever_is_asked_for() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        for asked in [1, 7, 4096, 100_000] {
            let (mut sender, receiver) = tokio::io::duplex(200_000);
            let sent = bytes.clone();
            let sending = tokio::spawn(async move { sender.write_all(&sent).await });
            let (mut ahead, mut got) = (ReadAhead::new(receiver), Vec::new());
            let mut piece = vec![0; asked];
            loop {
                match ahead.read(&mut piece).await.unwrap() {
                    0 => break,
                    read => got.extend_from_slice(&piece[..read]),
                }
            }
            sending.await.unwrap().unwrap();
            assert!(got == bytes, "in pieces of {asked}");
        }
    }

    #[tokio::test]
    async fn has_a_buffer_only_while_much_comes() {
        let (mut sender, receiver) = tokio::io::duplex(200_000);
        let mut ahead = ReadAhead::new(receiver);
        let mut piece = [0; 4096];
        sender.write_all(b"a line\n").await.unwrap();
        assert_eq!(ahead.read(&mut piece).await.unwrap(), 7);
        assert_eq!(ahead.buffer.capacity(), 0);
        sender.write_all(&[1; 10_000]).await.unwrap();
        for expected in [4096, 4096, 1808] {
            assert_eq!(ahead.read(&mut piece).await.unwrap(), expected);
            assert_ne!(ahead.buffer.capacity(), 0);
        }
        sender.write_all(b"a line\n").await.unwrap();
        assert_eq!(ahead.read(&mut piece).await.unwrap(), 7);
        assert_eq!(ahead.buffer.capacity(), 0);
    }
}
