//! The uploads and downloads that sessions have open: each is a slot of a bounded number.

use std::collections::BTreeMap;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{
    MAX_DOWNLOADS_PER_DEVICE, MAX_DOWNLOADS_PER_SESSION, MAX_NUMBER, MAX_UPLOADS_PER_DEVICE,
    MAX_UPLOADS_PER_SESSION,
};
use fleetlink_proto::control::{DownloadNumber, OpenUpload, UploadNumber};

use crate::capacity::Capacity;
use crate::ids::{CallId, Holder};

/// The slot that a command takes, and the number that its caller has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Upload(Option<UploadNumber>),
    Download(Option<DownloadNumber>),
}

/// A kind of number, which tells uploads or downloads of a session apart.
pub(crate) trait Number: Copy + Ord + From<u64> + Into<u64> {}

impl Number for UploadNumber {}
impl Number for DownloadNumber {}

/// The slots of all sessions.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(crate) uploads: Table<UploadNumber, OpenUpload>,
    pub(crate) downloads: Table<DownloadNumber, ()>,
}

/// The slots of one kind.
#[derive(Debug)]
pub(crate) struct Table<N, T> {
    bound: Bound,
    holders: BTreeMap<Holder, Held<N, T>>,
}

/// The slots of one holder. One is taken when an upload or download is asked for, while the store is
/// still asked about it.
#[derive(Debug)]
struct Held<N, T> {
    owner: DeviceName,
    taken: Taken<N, T>,
}

#[derive(Debug)]
struct Taken<N, T> {
    open: BTreeMap<N, T>,
    asked: usize,
    /// The numbers that the device has chosen for some of those that were asked for.
    chosen: Vec<N>,
    /// The largest number that was used; 0 before the first.
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

impl<N: Number, T> Taken<N, T> {
    fn new() -> Self {
        Taken {
            open: BTreeMap::new(),
            asked: 0,
            chosen: Vec::new(),
            last: 0,
        }
    }

    fn count(&self) -> usize {
        self.open.len() + self.asked
    }

    fn is_used(&self, number: N) -> bool {
        self.open.contains_key(&number) || self.chosen.contains(&number)
    }

    /// Begins under the chosen number, else under one more than the largest that was used.
    fn begin(&mut self, chosen: Option<N>, what: T) -> N {
        self.settle(chosen);
        let number = chosen.unwrap_or_else(|| self.unused());
        self.last = self.last.max(number.into());
        self.open.insert(number, what);
        number
    }

    /// One more than the largest number that was used, else the least that is not in use.
    fn unused(&self) -> N {
        let largest = self.chosen.iter().copied().max().map_or(0, Into::into);
        let largest = largest.max(self.last);
        let number = match largest < MAX_NUMBER {
            true => Some(largest + 1),
            false => (1..).find(|&number| !self.is_used(number.into())),
        };
        number.unwrap_or(1).into()
    }

    /// Settles a requested slot: the upload or download begins under this number, or does not
    /// begin.
    fn settle(&mut self, chosen: Option<N>) {
        self.asked = self.asked.saturating_sub(1);
        self.chosen.retain(|number| Some(*number) != chosen);
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

impl<N: Number, T> Table<N, T> {
    fn within(bound: Bound) -> Self {
        Table {
            bound,
            holders: BTreeMap::new(),
        }
    }

    /// The number of those of a session that are open or requested.
    fn of_session(&self, holder: impl Into<Holder>) -> usize {
        let own = self.holders.get(&holder.into());
        own.map_or(0, |own| own.taken.count())
    }

    /// Whether a session may begin under this number.
    fn may_use(&self, holder: impl Into<Holder>, number: N) -> bool {
        let own = self.holders.get(&holder.into());
        let is_used = own.is_some_and(|own| own.taken.is_used(number));
        (1..=MAX_NUMBER).contains(&number.into()) && !is_used
    }

    fn take(&mut self, holder: impl Into<Holder>, device: &DeviceName, chosen: Option<N>) -> bool {
        let holder = holder.into();
        let own = self.holders.entry(holder).or_insert_with(|| Held {
            owner: device.clone(),
            taken: Taken::new(),
        });
        let is_free = self.bound.take(&own.owner, own.taken.count());
        if is_free {
            own.taken.asked += 1;
            own.taken.chosen.extend(chosen);
        }
        self.forget_idle(holder);
        is_free
    }

    /// A call without a session is forgotten when it holds nothing.
    fn forget_idle(&mut self, holder: Holder) {
        let held = self.holders.get(&holder);
        let is_idle = held.is_some_and(|held| held.taken.count() == 0);
        if is_idle && matches!(holder, Holder::Call(_)) {
            self.holders.remove(&holder);
        }
    }

    /// Begins a requested upload or download, and returns its number.
    pub(crate) fn begin(
        &mut self,
        holder: impl Into<Holder>,
        chosen: Option<N>,
        what: T,
    ) -> Option<N> {
        let own = self.holders.get_mut(&holder.into())?;
        Some(own.taken.begin(chosen, what))
    }

    /// Gives a requested slot back: the upload or download does not begin.
    pub(crate) fn refuse(&mut self, holder: impl Into<Holder>, chosen: Option<N>) {
        let holder = holder.into();
        let Some(own) = self.holders.get_mut(&holder) else {
            return;
        };
        if own.taken.asked > 0 {
            self.bound.free(&own.owner, 1);
        }
        own.taken.settle(chosen);
        self.forget_idle(holder);
    }

    /// Frees this number; returns the upload or download that had it.
    pub(crate) fn end(&mut self, holder: impl Into<Holder>, number: N) -> Option<T> {
        let own = self.holders.get_mut(&holder.into())?;
        let ended = own.taken.open.remove(&number)?;
        self.bound.free(&own.owner, 1);
        Some(ended)
    }

    /// The upload or download that this call without a session has begun is over.
    pub(crate) fn end_of(&mut self, call: CallId) -> Option<T> {
        let held = self.holders.remove(&Holder::Call(call))?;
        self.bound.free(&held.owner, held.taken.count());
        held.taken.open.into_values().next()
    }

    fn end_session(&mut self, holder: impl Into<Holder>) {
        if let Some(own) = self.holders.remove(&holder.into()) {
            self.bound.free(&own.owner, own.taken.count());
        }
    }
}

impl Slots {
    pub(crate) fn within(capacity: &Capacity) -> Self {
        let uploads = Bound::new(
            capacity.uploads,
            MAX_UPLOADS_PER_DEVICE,
            MAX_UPLOADS_PER_SESSION,
        );
        let downloads = Bound::new(
            capacity.downloads,
            MAX_DOWNLOADS_PER_DEVICE,
            MAX_DOWNLOADS_PER_SESSION,
        );
        Slots {
            uploads: Table::within(uploads),
            downloads: Table::within(downloads),
        }
    }

    /// The number of slots of the hub of this kind.
    pub(crate) fn of_hub(&self, slot: Slot) -> usize {
        match slot {
            Slot::Upload(_) => self.uploads.bound.of_hub,
            Slot::Download(_) => self.downloads.bound.of_hub,
        }
    }

    /// The most uploads and the most downloads of a session.
    pub(crate) fn session_limits(&self) -> (usize, usize) {
        let bounds = [&self.uploads.bound, &self.downloads.bound];
        let [uploads, downloads] = bounds.map(Bound::for_a_session);
        (uploads, downloads)
    }

    /// The numbers of a session's uploads and downloads, open or requested.
    pub(crate) fn of_session(&self, holder: impl Into<Holder>) -> (usize, usize) {
        let holder = holder.into();
        let uploads = self.uploads.of_session(holder);
        (uploads, self.downloads.of_session(holder))
    }

    /// The number that a session has chosen and may not use.
    pub(crate) fn unusable(&self, holder: impl Into<Holder>, slot: Slot) -> Option<u64> {
        let holder = holder.into();
        match slot {
            Slot::Upload(chosen) => chosen
                .filter(|&number| !self.uploads.may_use(holder, number))
                .map(Into::into),
            Slot::Download(chosen) => chosen
                .filter(|&number| !self.downloads.may_use(holder, number))
                .map(Into::into),
        }
    }

    /// Takes a slot; `false` where the session, the device or the hub has none left.
    #[must_use]
    pub(crate) fn take(
        &mut self,
        holder: impl Into<Holder>,
        device: &DeviceName,
        slot: Slot,
    ) -> bool {
        match slot {
            Slot::Upload(chosen) => self.uploads.take(holder, device, chosen),
            Slot::Download(chosen) => self.downloads.take(holder, device, chosen),
        }
    }

    /// Gives a requested slot back: the upload or download does not begin.
    pub(crate) fn refuse(&mut self, holder: impl Into<Holder>, slot: Slot) {
        match slot {
            Slot::Upload(chosen) => self.uploads.refuse(holder, chosen),
            Slot::Download(chosen) => self.downloads.refuse(holder, chosen),
        }
    }

    /// A session is over.
    pub(crate) fn end_session(&mut self, holder: impl Into<Holder>) {
        let holder = holder.into();
        self.uploads.end_session(holder);
        self.downloads.end_session(holder);
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::control::limits::MAX_UPLOADS_PER_HUB;
    use fleetlink_proto::{DataFile, IdempotencyKey};

    use super::*;
    use crate::ids::SessionId;

    const UPLOAD: Slot = Slot::Upload(None);
    const DOWNLOAD: Slot = Slot::Download(None);

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
                while slots.take(session, &device(number), Slot::Upload(None)) {
                    slots.uploads.begin(session, None, upload());
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
        assert_eq!(
            (
                slots.uploads.bound.taken,
                slots.uploads.bound.by_device.len()
            ),
            (0, 0)
        );
        assert!(slots.uploads.holders.is_empty());
    }

    #[test]
    fn every_way_to_an_end_frees_the_slot_once() {
        let mut slots = Slots::within(&Capacity::default());
        let session = SessionId(1);
        let take = |slots: &mut Slots, what| assert!(slots.take(session, &device(1), what));
        let taken = |slots: &Slots| (slots.uploads.bound.taken, slots.downloads.bound.taken);
        take(&mut slots, UPLOAD);
        slots.refuse(session, UPLOAD);
        slots.refuse(session, UPLOAD);
        take(&mut slots, UPLOAD);
        let number = slots.uploads.begin(session, None, upload()).unwrap();
        slots.refuse(session, UPLOAD);
        assert_eq!(taken(&slots), (1, 0), "it has begun");
        assert!(slots.uploads.end(session, number).is_some());
        assert!(slots.uploads.end(session, number).is_none());
        take(&mut slots, DOWNLOAD);
        let number = slots.downloads.begin(session, None, ()).unwrap();
        slots.downloads.end(session, number);
        slots.downloads.end(session, number);
        assert_eq!(taken(&slots), (0, 0));
        take(&mut slots, UPLOAD);
        take(&mut slots, DOWNLOAD);
        slots.downloads.begin(session, None, ());
        slots.end_session(session);
        slots.end_session(session);
        slots.downloads.end(session, 9.into());
        assert_eq!(taken(&slots), (0, 0));
    }

    #[test]
    fn a_call_without_a_session_holds_its_one_upload_and_leaves_nothing_behind() {
        let mut slots = Slots::within(&Capacity::default());
        let mut open = Vec::new();
        for number in 0..MAX_UPLOADS_PER_DEVICE as u64 + 3 {
            let call = CallId(number);
            if slots.take(Holder::Call(call), &device(1), UPLOAD) {
                slots.uploads.begin(Holder::Call(call), None, upload());
                open.push(call);
            }
        }
        assert_eq!(open.len(), MAX_UPLOADS_PER_DEVICE);
        assert_eq!(slots.uploads.holders.len(), open.len());
        for call in open {
            assert!(slots.uploads.end_of(call).is_some());
            assert!(slots.uploads.end_of(call).is_none());
        }
        let refused = Holder::Call(CallId(99));
        assert!(slots.take(refused, &device(1), UPLOAD));
        slots.refuse(refused, UPLOAD);
        assert_eq!(slots.uploads.bound.taken, 0);
        assert!(slots.uploads.holders.is_empty());
    }

    #[test]
    fn numbers_are_unique_within_the_session() {
        let mut slots = Slots::within(&Capacity::default());
        let session = SessionId(1);
        assert!(slots.take(session, &device(1), Slot::Upload(None)));
        assert!(slots.take(session, &device(1), Slot::Download(None)));
        assert_eq!(slots.uploads.begin(session, None, upload()), Some(1.into()));
        assert_eq!(slots.downloads.begin(session, None, ()), Some(1.into()));
        assert!(slots.uploads.end(session, 1.into()).is_some());
        assert!(slots.take(session, &device(1), Slot::Upload(None)));
        assert_eq!(slots.uploads.begin(session, None, upload()), Some(2.into()));
        // A chosen one is used from the moment at which it is asked for, and the hub goes on behind it.
        for (number, may) in [
            (0, false),
            (2, false),
            (7, true),
            (MAX_NUMBER, true),
            (MAX_NUMBER + 1, false),
        ] {
            assert_eq!(
                slots.uploads.may_use(session, number.into()),
                may,
                "{number}"
            );
        }
        assert!(slots.take(session, &device(1), Slot::Upload(Some(7.into()))));
        assert!(
            !slots.uploads.may_use(session, 7.into()) && slots.downloads.may_use(session, 7.into())
        );
        assert!(slots.take(session, &device(1), Slot::Upload(None)));
        assert_eq!(slots.uploads.begin(session, None, upload()), Some(8.into()));
        slots.refuse(session, Slot::Upload(Some(7.into())));
        assert!(slots.uploads.may_use(session, 7.into()));
    }
}
