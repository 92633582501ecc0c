//! The task that reads what the hub sends and hands it to whom it concerns.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::control::{DeviceDecoder, DownloadNumber, FromHub, HubNotification};
use tokio::io::{AsyncReadExt as _, ReadHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::closed::Closed;
use super::shared::Shared;
use super::transfer::DownloadEvent;
use crate::connect::Stream;
use crate::limits::{LINE_READ_SIZE, READ_BUFFER};

pub(super) async fn run(
    half: ReadHalf<Box<dyn Stream>>,
    keep_alive: watch::Receiver<Duration>,
    shared: Arc<Shared>,
) {
    let reader = Reader {
        half,
        keep_alive,
        shared: Arc::clone(&shared),
        body_of: None,
    };
    tokio::select! {
        _ = shared.closed() => {}
        why = reader.read_all() => shared.close(why),
    }
}

struct Reader {
    half: ReadHalf<Box<dyn Stream>>,
    keep_alive: watch::Receiver<Duration>,
    shared: Arc<Shared>,
    /// The download that the announced body belongs to, while anybody wants it.
    body_of: Option<mpsc::Sender<DownloadEvent>>,
}

impl Reader {
    async fn read_all(mut self) -> Closed {
        let mut decoder = DeviceDecoder::default();
        let mut buffer = vec![0; LINE_READ_SIZE];
        loop {
            if decoder.body_left() > 0 && buffer.len() < READ_BUFFER {
                buffer = vec![0; READ_BUFFER];
            }
            let keep_alive = *self.keep_alive.borrow();
            let (gone_at, _) = self.shared.gone_at(keep_alive);
            let read = tokio::select! {
                biased;
                read = self.half.read(&mut buffer) => read,
                () = sleep_until(gone_at) => {
                    let (gone_at, silence) = self.shared.gone_at(keep_alive);
                    if gone_at <= Instant::now() {
                        return Closed::Silent(silence);
                    }
                    continue;
                }
                Ok(()) = self.keep_alive.changed() => continue,
            };
            let mut input = match read {
                Ok(0) => return Closed::Lost("the hub closed it".to_owned()),
                Ok(bytes) => &buffer[..bytes],
                Err(e) => return Closed::lost(&e),
            };
            while let Some(message) = decoder.next_message(&mut input) {
                if let Err(why) = self.handle(message).await {
                    return why;
                }
            }
            // Only now: a download's slow reader may have held this task up.
            self.shared.show_life();
        }
    }

    async fn handle(&mut self, message: FromHub<'_>) -> Result<(), Closed> {
        match message {
            FromHub::Answer {
                id: Some(id),
                result,
            } => self.shared.answered(&id, result),
            FromHub::Answer { id: None, result } => {
                // The hub could not read a line of ours: whoever waits for it would wait for ever.
                let text = result.map_or_else(|e| e.message, |_| "an answer to nothing".to_owned());
                return Err(Closed::Garbage(text));
            }
            FromHub::Notification(notification) => self.notified(notification).await?,
            FromHub::Body(piece) => {
                if let Some(download) = &self.body_of {
                    let event = DownloadEvent::Bytes(piece.to_vec());
                    if download.send(event).await.is_err() {
                        self.body_of = None;
                    }
                }
            }
            FromHub::UnknownNotification(method) => {
                tracing::debug!(method, "passed over a notification");
            }
            FromHub::Garbage(text) => return Err(Closed::Garbage(text)),
        }
        Ok(())
    }

    async fn notified(&mut self, notification: HubNotification) -> Result<(), Closed> {
        match notification {
            HubNotification::SessionEnd { reason, message } => {
                return Err(Closed::ByHub { reason, message });
            }
            HubNotification::UploadFailed { upload, error } => {
                self.shared.upload_failed(upload, error);
            }
            HubNotification::DownloadChunk { download, .. } => {
                self.body_of = self.shared.download(download);
            }
            HubNotification::DownloadEnd {
                download,
                bytes,
                hash,
            } => {
                self.ended(download, DownloadEvent::End { bytes, hash })
                    .await;
            }
            HubNotification::DownloadFailed { download, error } => {
                self.ended(download, DownloadEvent::Failed(error)).await;
            }
        }
        Ok(())
    }

    async fn ended(&mut self, download: DownloadNumber, event: DownloadEvent) {
        self.body_of = None;
        if let Some(reader) = self.shared.download(download) {
            self.shared.forget_download(download);
            // Whoever asked for it may have stopped meanwhile.
            let _ = reader.send(event).await;
        }
    }
}
