//! The bytes that devices send and receive: each connection counts its own, and those of a device come
//! together.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use fleetlink_proto::DeviceName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes since the hub started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    /// From the device.
    pub(crate) received: u64,
    /// To the device.
    pub(crate) sent: u64,
}

/// Bytes that are counted by many at once.
#[derive(Debug, Default)]
pub(crate) struct Count {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Count {
    fn add(&self, bytes: Bytes) {
        self.received.fetch_add(bytes.received, Ordering::Relaxed);
        self.sent.fetch_add(bytes.sent, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Bytes {
        Bytes {
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }
}

/// The traffic of all devices that have logged in since the hub started, and of all connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic {
    devices: Arc<Mutex<HashMap<DeviceName, Arc<Count>>>>,
    /// Of the connections of devices.
    pub(crate) control: Arc<Count>,
    /// Of requests by HTTP.
    pub(crate) http: Arc<Count>,
}

impl Traffic {
    /// The bytes of these devices, in their order.
    pub(crate) fn of<'a>(&self, names: impl Iterator<Item = &'a DeviceName>) -> Vec<Bytes> {
        let counts = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .map(|name| {
                counts
                    .get(name)
                    .map(|count| count.get())
                    .unwrap_or_default()
            })
            .collect()
    }

    /// Forgets a device that is removed.
    pub(crate) fn forget(&self, name: &DeviceName) {
        let mut counts = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(name);
    }

    fn count(&self, name: &DeviceName) -> Arc<Count> {
        let mut counts = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(counts.entry(name.clone()).or_default())
    }
}

/// The bytes of one connection or request. Its device is known once it has shown who it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow(Arc<FlowState>);

#[derive(Debug, Default)]
struct FlowState {
    /// The count of all flows of its kind.
    all: Arc<Count>,
    /// Until the device is known.
    before: Count,
    device: OnceLock<Arc<Count>>,
}

impl Flow {
    /// A flow that is counted with these others too.
    pub(crate) fn among(all: &Arc<Count>) -> Self {
        Flow(Arc::new(FlowState {
            all: Arc::clone(all),
            ..FlowState::default()
        }))
    }

    /// The device at the other end is this one. What was counted before is its traffic too.
    pub(crate) fn belongs_to(&self, name: &DeviceName, traffic: &Traffic) {
        let mut is_new = false;
        let count = self.0.device.get_or_init(|| {
            is_new = true;
            traffic.count(name)
        });
        if is_new {
            count.add(self.0.before.get());
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.add(bytes as u64, 0);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.add(0, bytes as u64);
    }

    fn add(&self, received: u64, sent: u64) {
        let count = self.0.device.get().map_or(&self.0.before, |count| &**count);
        let bytes = Bytes { received, sent };
        count.add(bytes);
        self.0.all.add(bytes);
    }
}

/// A stream whose bytes are counted.
pub(crate) struct Counted<T> {
    stream: T,
    flow: Flow,
}

impl<T> Counted<T> {
    pub(crate) fn new(stream: T, flow: Flow) -> Self {
        Counted { stream, flow }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.flow
            .received(buffer.filled().len().saturating_sub(before));
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.flow.sent(written);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(written)) = written {
            self.flow.sent(written);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn the_bytes_of_a_device_come_together_whenever_it_says_who_it_is() {
        let (traffic, name) = (Traffic::default(), "cam".parse().unwrap());
        let of = || traffic.of([&name].into_iter())[0];
        let flows = [Flow::among(&traffic.control), Flow::among(&traffic.control)];
        for (place, flow) in flows.iter().enumerate() {
            let (own, mut other) = tokio::io::duplex(64);
            let mut own = Counted::new(own, flow.clone());
            other.write_all(b"before").await.unwrap();
            own.read_exact(&mut [0; 6]).await.unwrap();
            flow.belongs_to(&name, &traffic);
            flow.belongs_to(&name, &traffic);
            own.write_all(b"reply").await.unwrap();
            let times = place as u64 + 1;
            assert_eq!(
                of(),
                Bytes {
                    received: 6 * times,
                    sent: 5 * times
                }
            );
        }
        assert_eq!(traffic.control.get(), of());
        assert_eq!(traffic.http.get(), Bytes::default());
        traffic.forget(&name);
        assert_eq!(of(), Bytes::default());
    }
}
