//! The uploads and downloads that sessions have open: each is a slot of a bounded number.

use std::collections::BTreeMap;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::OpenUpload;
use fleetlink_proto::control::limits::{
    MAX_DOWNLOADS_PER_DEVICE, MAX_DOWNLOADS_PER_SESSION, MAX_NUMBER, MAX_UPLOADS_PER_DEVICE,
    MAX_UPLOADS_PER_SESSION,
};

use crate::capacity::Capacity;
use crate::ids::SessionId;

/// The use of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Upload,
    Download,
}

/// The slots of all sessions.
#[derive(Debug)]
pub(crate) struct Slots {
    sessions: BTreeMap<SessionId, OfSession>,
    uploads: Bound,
    downloads: Bound,
}

/// The slots of one session. One is taken when an upload or download is asked for, while the store is
/// still asked about it.
#[derive(Debug)]
struct OfSession {
    owner: DeviceName,
    uploads: Taken<OpenUpload>,
    downloads: Taken<()>,
}

#[derive(Debug)]
struct Taken<T> {
    open: BTreeMap<u64, T>,
    asked: usize,
    /// The numbers that the device has chosen for some of those that were asked for.
    chosen: Vec<u64>,
    /// The largest number that was used.
    last: u64,
}

/// Slots of one kind that are taken, in all and by device: one device with many sessions must not
/// take them all.
#[derive(Debug)]
struct Bound {
    of_hub: usize,
    of_device: usize,
    of_session: usize,
    taken: usize,
    by_device: BTreeMap<DeviceName, usize>,
}

impl<T> Taken<T> {
    fn count(&self) -> usize {
        self.open.len() + self.asked
    }

    fn is_used(&self, number: u64) -> bool {
        self.open.contains_key(&number) || self.chosen.contains(&number)
    }

    /// Begins under the chosen number, else under one more than the largest that was used.
    fn begin(&mut self, chosen: Option<u64>, what: T) -> u64 {
        self.settle(chosen);
        let number = chosen.unwrap_or_else(|| self.unused());
        self.last = self.last.max(number);
        self.open.insert(number, what);
        number
    }

    /// One more than the largest number that was used, else the least that is not in use.
    fn unused(&self) -> u64 {
        let largest = self.chosen.iter().copied().max().unwrap_or(0);
        let largest = largest.max(self.last);
        match largest < MAX_NUMBER {
            true => largest + 1,
            false => (1..).find(|&number| !self.is_used(number)).unwrap_or(1),
        }
    }

    /// Settles a requested slot: the upload or download begins under this number, or does not
    /// begin.
    fn settle(&mut self, chosen: Option<u64>) {
        self.asked = self.asked.saturating_sub(1);
        self.chosen.retain(|number| Some(*number) != chosen);
    }
}

impl<T> Default for Taken<T> {
    fn default() -> Self {
        Taken {
            open: BTreeMap::new(),
            asked: 0,
            chosen: Vec::new(),
            last: 0,
        }
    }
}

impl Bound {
    /// A hub with few slots leaves half of them to others than one device.
    fn new(of_hub: usize, of_device: usize, of_session: usize) -> Self {
        Bound {
            of_hub,
            of_device: of_device.min((of_hub / 2).max(1)),
            of_session,
            taken: 0,
            by_device: BTreeMap::new(),
        }
    }

    /// The most slots of one session.
    fn for_a_session(&self) -> usize {
        self.of_session.min(self.of_device)
    }

    /// Takes a slot for a session that has so many.
    fn take(&mut self, device: &DeviceName, of_session: usize) -> bool {
        let own = self.by_device.get(device).copied().unwrap_or(0);
        let is_free =
            of_session < self.of_session && self.taken < self.of_hub && own < self.of_device;
        if is_free {
            self.taken += 1;
            self.by_device.insert(device.clone(), own + 1);
        }
        is_free
    }

    /// The one place that frees slots.
    fn free(&mut self, device: &DeviceName, slots: usize) {
        self.taken -= slots;
        if let Some(own) = self.by_device.get_mut(device) {
            *own -= slots;
            if *own == 0 {
                self.by_device.remove(device);
            }
        }
    }
}

impl Slots {
    pub(crate) fn within(capacity: &Capacity) -> Self {
        Slots {
            sessions: BTreeMap::new(),
            uploads: Bound::new(
                capacity.uploads,
                MAX_UPLOADS_PER_DEVICE,
                MAX_UPLOADS_PER_SESSION,
            ),
            downloads: Bound::new(
                capacity.downloads,
                MAX_DOWNLOADS_PER_DEVICE,
                MAX_DOWNLOADS_PER_SESSION,
            ),
        }
    }

    /// The number of slots of the hub.
    pub(crate) fn of_hub(&self, what: Use) -> usize {
        match what {
            Use::Upload => self.uploads.of_hub,
            Use::Download => self.downloads.of_hub,
        }
    }

    /// The most uploads and the most downloads of a session.
    pub(crate) fn session_limits(&self) -> (usize, usize) {
        let [uploads, downloads] = [&self.uploads, &self.downloads].map(Bound::for_a_session);
        (uploads, downloads)
    }

    /// The numbers of a session's uploads and downloads, open or requested.
    pub(crate) fn of_session(&self, session: SessionId) -> (usize, usize) {
        let own = self.sessions.get(&session);
        own.map_or((0, 0), |own| (own.uploads.count(), own.downloads.count()))
    }

    /// Whether a session may begin an upload or download under this number.
    pub(crate) fn may_use(&self, session: SessionId, what: Use, number: u64) -> bool {
        let is_used = |own: &OfSession| match what {
            Use::Upload => own.uploads.is_used(number),
            Use::Download => own.downloads.is_used(number),
        };
        (1..=MAX_NUMBER).contains(&number) && !self.sessions.get(&session).is_some_and(is_used)
    }

    /// Takes a slot, for a number that may be chosen; `false` where the session, the device or the hub
    /// has none left.
    #[must_use]
    pub(crate) fn take(
        &mut self,
        session: SessionId,
        device: &DeviceName,
        (what, number): (Use, Option<u64>),
    ) -> bool {
        let own = self.sessions.entry(session).or_insert_with(|| OfSession {
            owner: device.clone(),
            uploads: Taken::default(),
            downloads: Taken::default(),
        });
        let (bound, asked, chosen, taken) = match what {
            Use::Upload => {
                let (taken, of) = (own.uploads.count(), &mut own.uploads);
                (&mut self.uploads, &mut of.asked, &mut of.chosen, taken)
            }
            Use::Download => {
                let (taken, of) = (own.downloads.count(), &mut own.downloads);
                (&mut self.downloads, &mut of.asked, &mut of.chosen, taken)
            }
        };
        let is_free = bound.take(&own.owner, taken);
        *asked += usize::from(is_free);
        if is_free {
            chosen.extend(number);
        }
        is_free
    }

    /// The upload that was asked for begins; its number.
    pub(crate) fn begin_upload(&mut self, session: SessionId, upload: OpenUpload) -> Option<u64> {
        let own = self.sessions.get_mut(&session)?;
        Some(own.uploads.begin(upload.upload, upload))
    }

    /// The download that was asked for begins; its number.
    pub(crate) fn begin_download(
        &mut self,
        session: SessionId,
        chosen: Option<u64>,
    ) -> Option<u64> {
        let own = self.sessions.get_mut(&session)?;
        Some(own.downloads.begin(chosen, ()))
    }

    /// Gives a requested slot back: the upload or download does not begin.
    pub(crate) fn refuse(&mut self, session: SessionId, what: Use, chosen: Option<u64>) {
        let Some(own) = self.sessions.get_mut(&session) else {
            return;
        };
        let (bound, was_asked) = match what {
            Use::Upload => (&mut self.uploads, own.uploads.asked > 0),
            Use::Download => (&mut self.downloads, own.downloads.asked > 0),
        };
        if was_asked {
            bound.free(&own.owner, 1);
        }
        match what {
            Use::Upload => own.uploads.settle(chosen),
            Use::Download => own.downloads.settle(chosen),
        }
    }

    /// An upload is staged, or it ended.
    pub(crate) fn end_upload(&mut self, session: SessionId, number: u64) -> Option<OpenUpload> {
        let own = self.sessions.get_mut(&session)?;
        let upload = own.uploads.open.remove(&number)?;
        self.uploads.free(&own.owner, 1);
        Some(upload)
    }

    pub(crate) fn end_download(&mut self, session: SessionId, number: u64) {
        if let Some(own) = self.sessions.get_mut(&session)
            && own.downloads.open.remove(&number).is_some()
        {
            self.downloads.free(&own.owner, 1);
        }
    }

    /// A session is over.
    pub(crate) fn end_session(&mut self, session: SessionId) {
        if let Some(own) = self.sessions.remove(&session) {
            self.uploads.free(&own.owner, own.uploads.count());
            self.downloads.free(&own.owner, own.downloads.count());
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::control::limits::MAX_UPLOADS_PER_HUB;
    use fleetlink_proto::{DataFile, IdempotencyKey};

    use super::*;

    fn upload() -> OpenUpload {
        OpenUpload {
            file: DataFile::numbered(1),
            mode: UploadMode::Replace,
            key: IdempotencyKey::from_bits(1),
            upload: None,
        }
    }

    fn device(number: usize) -> DeviceName {
        format!("device-{number}").parse().unwrap()
    }

    #[test]
    fn a_session_a_device_and_the_hub_have_a_bound() {
        let mut slots = Slots::within(&Capacity::default());
        let (mut last, mut open) = (0, 0);
        for number in 0..MAX_UPLOADS_PER_HUB {
            let mut by_device = 0;
            for _ in 0..MAX_UPLOADS_PER_DEVICE {
                last += 1;
                let session = SessionId(last);
                let mut own = 0;
                while slots.take(session, &device(number), (Use::Upload, None)) {
                    slots.begin_upload(session, upload());
                    own += 1;
                }
                assert!(own <= MAX_UPLOADS_PER_SESSION);
                assert_eq!(slots.of_session(session), (own, 0));
                by_device += own;
            }
            assert!(by_device <= MAX_UPLOADS_PER_DEVICE);
            open += by_device;
        }
        assert_eq!(open, MAX_UPLOADS_PER_HUB);
        (1..=last).for_each(|session| slots.end_session(SessionId(session)));
        assert_eq!((slots.uploads.taken, slots.uploads.by_device.len()), (0, 0));
        assert!(slots.sessions.is_empty());
    }

    #[test]
    fn every_way_to_an_end_frees_the_slot_once() {
        let mut slots = Slots::within(&Capacity::default());
        let session = SessionId(1);
        let take = |slots: &mut Slots, what| assert!(slots.take(session, &device(1), (what, None)));
        let taken = |slots: &Slots| (slots.uploads.taken, slots.downloads.taken);
        take(&mut slots, Use::Upload);
        slots.refuse(session, Use::Upload, None);
        slots.refuse(session, Use::Upload, None);
        take(&mut slots, Use::Upload);
        let number = slots.begin_upload(session, upload()).unwrap();
        slots.refuse(session, Use::Upload, None);
        assert_eq!(taken(&slots), (1, 0), "it has begun");
        assert!(slots.end_upload(session, number).is_some());
        assert!(slots.end_upload(session, number).is_none());
        take(&mut slots, Use::Download);
        let number = slots.begin_download(session, None).unwrap();
        slots.end_download(session, number);
        slots.end_download(session, number);
        assert_eq!(taken(&slots), (0, 0));
        take(&mut slots, Use::Upload);
        take(&mut slots, Use::Download);
        slots.begin_download(session, None);
        slots.end_session(session);
        slots.end_session(session);
        slots.end_download(session, number + 1);
        assert_eq!(taken(&slots), (0, 0));
    }

    #[test]
    fn numbers_are_unique_within_the_session() {
        let mut slots = Slots::within(&Capacity::default());
        let session = SessionId(1);
        assert!(slots.take(session, &device(1), (Use::Upload, None)));
        assert!(slots.take(session, &device(1), (Use::Download, None)));
        assert_eq!(slots.begin_upload(session, upload()), Some(1));
        assert_eq!(slots.begin_download(session, None), Some(1));
        assert!(slots.end_upload(session, 1).is_some());
        assert!(slots.take(session, &device(1), (Use::Upload, None)));
        assert_eq!(slots.begin_upload(session, upload()), Some(2));
        // A chosen one is used from the moment at which it is asked for, and the hub goes on behind it.
        for (number, may) in [
            (0, false),
            (2, false),
            (7, true),
            (MAX_NUMBER, true),
            (MAX_NUMBER + 1, false),
        ] {
            assert_eq!(slots.may_use(session, Use::Upload, number), may, "{number}");
        }
        assert!(slots.take(session, &device(1), (Use::Upload, Some(7))));
        assert!(
            !slots.may_use(session, Use::Upload, 7) && slots.may_use(session, Use::Download, 7)
        );
        assert!(slots.take(session, &device(1), (Use::Upload, None)));
        assert_eq!(slots.begin_upload(session, upload()), Some(8));
        slots.refuse(session, Use::Upload, Some(7));
        assert!(slots.may_use(session, Use::Upload, 7));
    }
}
