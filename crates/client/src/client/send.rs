//! Several files to one other device, as many at once as the path carries well.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::{FileName, Receipt};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::Client;
use super::lanes::Lanes;
use super::outbound::{Outbound, SendEvent, SendOptions};
use crate::{Control, Error, Result};

/// The interval at which the path's throughput is measured.
const LOOK: Duration = Duration::from_secs(1);
/// The time between two reports of progress.
const PROGRESS_STEP: Duration = Duration::from_millis(250);

/// Hears what happens to several files, which are known by their places in the list.
pub trait Observer: Send + Sync + 'static {
    /// The file at this place begins; `control` watches and ends it.
    fn begins(&self, _place: usize, _control: &Control) {}

    /// Something happens to the file at this place.
    fn hears(&self, _place: usize, _event: SendEvent<'_>) {}

    /// The file at this place is over; it took so long.
    fn is_over(&self, _place: usize, _sent: Result<Receipt>, _took: Duration) {}
}

impl Outbound {
    /// Sends these files, as many at once as the path carries well: few at first, more where it is
    /// quick, one where it is slow.
    pub async fn deliver_all(self: &Arc<Self>, files: Vec<PathBuf>, observer: &Arc<impl Observer>) {
        let mut waiting = files.into_iter().enumerate();
        let mut lanes = Lanes::new(Instant::now());
        let mut looks = interval(LOOK);
        let mut controls: BTreeMap<usize, Control> = BTreeMap::new();
        let (mut tasks, mut places, mut done) = (JoinSet::new(), HashMap::new(), 0);
        loop {
            while lanes.is_free(tasks.len(), Instant::now())
                && let Some((place, path)) = waiting.next()
            {
                let (control, began) = (Control::new(), Instant::now());
                controls.insert(place, control.clone());
                observer.begins(place, &control);
                let (outbound, hearer) = (Arc::clone(self), Arc::clone(observer));
                let task = tasks.spawn(async move {
                    let tell = |event: SendEvent<'_>| hearer.hears(place, event);
                    outbound.deliver(&path, &control, &tell).await
                });
                places.insert(task.id(), (place, began));
            }
            tokio::select! {
                ended = tasks.join_next_with_id() => {
                    let (id, sent) = match ended {
                        None => break,
                        Some(Ok((id, sent))) => (id, sent),
                        Some(Err(died)) => (died.id(), Err(Error::died(died))),
                    };
                    let Some((place, began)) = places.remove(&id) else { continue };
                    controls.remove(&place);
                    let took = began.elapsed();
                    if let Ok(receipt) = &sent {
                        done += receipt.bytes;
                        lanes.arrived_in(took);
                    }
                    observer.is_over(place, sent, took);
                }
                _ = looks.tick() => {
                    let arrived = controls.iter().map(|(place, control)| (*place, control.arrived()));
                    lanes.look(arrived.collect(), done, Instant::now());
                }
            }
        }
    }
}

/// The progress of one of the files that [`Client::send`] sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendProgress<'a> {
    /// The file that this is about.
    pub path: &'a Path,
    /// Bytes of this file that came to the receiver.
    pub bytes: u64,
    /// Bytes that this file has.
    pub size: u64,
    /// Bytes of this file in a second, since its content began.
    pub rate: u64,
    /// Files that the receiver has stored by now.
    pub stored: usize,
    /// Files that are to be sent.
    pub files: usize,
}

type HearProgress<'a> = dyn FnMut(SendProgress<'_>) + Send + 'a;

/// Files that are described, and sent when this is awaited.
#[must_use = "nothing is sent until it is awaited"]
pub struct SendFiles<'a> {
    client: &'a Client,
    to: Result<DeviceName>,
    files: Vec<PathBuf>,
    options: SendOptions,
    progress: Option<Box<HearProgress<'a>>>,
}

impl Client {
    /// Sends files straight to another device, which must be joined and take files. It has them,
    /// verified and durable, when this succeeds. The receipts come in the order of the files.
    ///
    /// ```no_run
    /// # async fn example(hub: fleetlink_client::Client) -> fleetlink_client::Result<()> {
    /// let receipts = hub.send("wei-smartphone", ["lecture1.mp4"]).await?;
    /// println!("stored as {}", receipts[0].stored_as);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A path names a regular file. A folder is refused ([`ErrorKind::File`](crate::ErrorKind::File)):
    /// send the files in it. The other device stores a file under its last name, with a number where
    /// it has one of that name.
    ///
    /// The hub is told how each file is doing, where it [hears of that](crate::Session::hears_reports), and
    /// shows it to people. A file never waits for that. [`leave`](Client::leave) tells the last ends.
    ///
    /// A device that is not active, or that receives no files, is an error at once
    /// ([`ErrorKind::Refused`](crate::ErrorKind::Refused) with `Offline` or `NoEndpoint`). The hub does
    /// not tell a name without an account from a device that is away. A device that is away may come
    /// back later, also a moment after the hub did. To cancel one
    /// file of several, use [`outbound`](Client::outbound) and a [`Control`](crate::Control) for each.
    ///
    /// # Errors
    /// The device is not there, cannot be reached or is not ready for too long; or a file cannot be
    /// read or is refused: then the first such error, once the other files are sent.
    pub fn send<P: Into<PathBuf>>(
        &self,
        to: impl AsRef<str>,
        files: impl IntoIterator<Item = P>,
    ) -> SendFiles<'_> {
        let to = to.as_ref().parse();
        SendFiles {
            client: self,
            to: to.map_err(|error: fleetlink_proto::DeviceNameError| {
                Error::usage(error.to_string()).because(error)
            }),
            files: files.into_iter().map(Into::into).collect(),
            options: SendOptions::default(),
            progress: None,
        }
    }
}

impl<'a> SendFiles<'a> {
    /// Sends the file under this name in place of its own. That is for one file alone.
    pub fn name(mut self, name: FileName) -> Self {
        self.options.name = Some(name);
        self
    }

    /// Tries a device that is active and not ready again for this long: ten minutes without this. A device
    /// is not ready while it has no place for another file or connection.
    pub fn retry_for(mut self, limit: Duration) -> Self {
        self.options.retry_for = limit;
        self
    }

    /// The time for which nothing may move in a transfer whose connection lives: ten minutes without this.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.options.idle_timeout = limit;
        self
    }

    /// Hears how far the files are: four times a second of each that has moved, and when one is
    /// stored.
    pub fn progress(mut self, hear: impl FnMut(SendProgress<'_>) + Send + 'a) -> Self {
        self.progress = Some(Box::new(hear));
        self
    }

    async fn run(self) -> Result<Vec<Receipt>> {
        if self.options.name.is_some() && self.files.len() > 1 {
            return Err(Error::usage("several files cannot be sent under one name"));
        }
        let outbound = Arc::new(self.client.outbound(self.to?, self.options).await?);
        outbound.connect(&|_| {}).await?;
        let sent = Arc::new(Sent::default());
        let files = self.files.clone();
        let sending = outbound.deliver_all(self.files, &sent);
        match self.progress {
            None => sending.await,
            Some(mut hear) => {
                let mut steps = interval(PROGRESS_STEP);
                let mut sending = pin!(sending);
                loop {
                    let over = tokio::select! {
                        () = &mut sending => true,
                        _ = steps.tick() => false,
                    };
                    sent.tell(&files, &mut hear);
                    if over {
                        break;
                    }
                }
            }
        }
        outbound
            .close(fleetlink_proto::transfer::Reason::Closing)
            .await;
        std::mem::take(&mut *sent.over()).into_values().collect()
    }
}

impl<'a> IntoFuture for SendFiles<'a> {
    type Output = Result<Vec<Receipt>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The files that are under way, and the results of those that are over.
#[derive(Default)]
struct Sent {
    over: Mutex<BTreeMap<usize, Result<Receipt>>>,
    /// With the bytes of each that were told last.
    under_way: Mutex<BTreeMap<usize, (Control, Option<u64>)>>,
}

impl Sent {
    fn over(&self) -> MutexGuard<'_, BTreeMap<usize, Result<Receipt>>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<usize, (Control, Option<u64>)>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of each file that has moved since the last time.
    fn tell(&self, files: &[PathBuf], hear: &mut impl FnMut(SendProgress<'_>)) {
        let (over, mut under_way) = (self.over(), self.under_way());
        let stored = over.values().filter(|sent| sent.is_ok()).count();
        for (place, (control, told)) in under_way.iter_mut() {
            let now = *control.progress().borrow();
            if now.size == 0 && now.bytes == 0 && !over.contains_key(place)
                || *told == Some(now.bytes)
            {
                continue;
            }
            *told = Some(now.bytes);
            hear(SendProgress {
                path: &files[*place],
                bytes: now.bytes,
                size: now.size,
                rate: now.rate(),
                stored,
                files: files.len(),
            });
        }
        under_way.retain(|place, _| !over.contains_key(place));
    }
}

impl Observer for Sent {
    fn begins(&self, place: usize, control: &Control) {
        self.under_way().insert(place, (control.clone(), None));
    }

    fn is_over(&self, place: usize, sent: Result<Receipt>, _: Duration) {
        // Both at once, as `tell` takes them: between the two it would tell the end too early, and the
        // file's last report would be missing.
        let (mut over, mut under_way) = (self.over(), self.under_way());
        if let (Ok(_), Some((_, told))) = (&sent, under_way.get_mut(&place)) {
            // Its end is told in any case.
            *told = None;
        }
        over.insert(place, sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: usize = 20_000;

    /// Files end while their progress is told: of each, the last report comes after its end.
    #[test]
    fn the_last_report_of_a_file_comes_after_its_end() {
        let sent = Sent::default();
        let names = (0..FILES).map(|place| PathBuf::from(place.to_string()));
        let paths: Vec<PathBuf> = names.collect();
        for place in 0..FILES {
            let control = Control::new();
            control.came_now(1, 1);
            sent.begins(place, &control);
        }
        let mut last = HashMap::new();
        let mut hear = |report: SendProgress<'_>| {
            last.insert(report.path.to_owned(), report.stored);
        };
        sent.tell(&paths, &mut hear);
        std::thread::scope(|scope| {
            let ending = scope.spawn(|| {
                for place in 0..FILES {
                    let receipt = Receipt {
                        sender: None,
                        stored_as: "x".parse().unwrap(),
                        bytes: 1,
                    };
                    sent.is_over(place, Ok(receipt), Duration::ZERO);
                }
            });
            while !ending.is_finished() {
                sent.tell(&paths, &mut hear);
            }
        });
        sent.tell(&paths, &mut hear);
        // They end in their order.
        for (place, path) in paths.iter().enumerate() {
            assert!(last[path] > place, "{place}: {}", last[path]);
        }
    }
}
