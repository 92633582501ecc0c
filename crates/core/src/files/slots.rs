//! What a session has open: uploads and downloads, each a slot of a bounded number.

use std::collections::{BTreeMap, BTreeSet};

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::OpenUpload;
use fleetlink_proto::control::limits::{
    MAX_DOWNLOADS_PER_DEVICE, MAX_DOWNLOADS_PER_SESSION, MAX_UPLOADS_PER_DEVICE,
    MAX_UPLOADS_PER_SESSION,
};

use crate::capacity::Capacity;

/// The uploads and downloads of one session. A slot is taken when a transfer is asked for, while
/// the store is still asked about it.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    /// The last number given to a transfer of this session.
    last: u64,
    /// Whose session it is, once it has asked for a transfer.
    owner: Option<DeviceName>,
    uploads: BTreeMap<u64, OpenUpload>,
    uploads_asked: usize,
    downloads: BTreeSet<u64>,
    downloads_asked: usize,
}

/// How many transfers all sessions have.
#[derive(Debug)]
pub(crate) struct HubTransfers {
    uploads: Slots,
    downloads: Slots,
}

impl HubTransfers {
    pub(crate) fn within(capacity: &Capacity) -> Self {
        HubTransfers {
            uploads: Slots::new(capacity.uploads, MAX_UPLOADS_PER_DEVICE),
            downloads: Slots::new(capacity.downloads, MAX_DOWNLOADS_PER_DEVICE),
        }
    }
}

/// Slots of one kind that are taken, in all and by device: one device with many sessions must not
/// take them all.
#[derive(Debug)]
struct Slots {
    of_hub: usize,
    of_device: usize,
    taken: usize,
    by_device: BTreeMap<DeviceName, usize>,
}

impl Slots {
    /// A hub with few slots leaves half of them to others than one device.
    fn new(of_hub: usize, of_device: usize) -> Self {
        Slots {
            of_hub,
            of_device: of_device.min((of_hub / 2).max(1)),
            taken: 0,
            by_device: BTreeMap::new(),
        }
    }

    fn take(&mut self, device: &DeviceName) -> bool {
        let own = self.by_device.get(device).copied().unwrap_or(0);
        let free = self.taken < self.of_hub && own < self.of_device;
        if free {
            self.taken += 1;
            self.by_device.insert(device.clone(), own + 1);
        }
        free
    }

    fn give_back(&mut self, device: Option<&DeviceName>, slots: usize) {
        let Some(device) = device else { return };
        self.taken -= slots;
        if let Some(own) = self.by_device.get_mut(device) {
            *own -= slots;
            if *own == 0 {
                self.by_device.remove(device);
            }
        }
    }
}

impl Transfers {
    /// How many uploads it has open or has asked for.
    pub(crate) fn uploads(&self) -> usize {
        self.uploads.len() + self.uploads_asked
    }

    /// How many downloads it has open or has asked for.
    pub(crate) fn downloads(&self) -> usize {
        self.downloads.len() + self.downloads_asked
    }

    /// Takes a slot for an upload; `false` where the session, the device or the hub has none left.
    #[must_use]
    pub(crate) fn ask_upload(&mut self, device: &DeviceName, hub: &mut HubTransfers) -> bool {
        self.owner.get_or_insert_with(|| device.clone());
        let own = self.uploads.len() + self.uploads_asked;
        let free = own < MAX_UPLOADS_PER_SESSION && hub.uploads.take(device);
        if free {
            self.uploads_asked += 1;
        }
        free
    }

    /// The upload that was asked for begins; its number.
    pub(crate) fn begin_upload(&mut self, upload: OpenUpload) -> u64 {
        self.uploads_asked = self.uploads_asked.saturating_sub(1);
        self.last += 1;
        self.uploads.insert(self.last, upload);
        self.last
    }

    /// The upload that was asked for does not begin.
    pub(crate) fn refuse_upload(&mut self, hub: &mut HubTransfers) {
        if self.uploads_asked > 0 {
            self.uploads_asked -= 1;
            hub.uploads.give_back(self.owner.as_ref(), 1);
        }
    }

    /// Takes an upload out: it is staged, or it ended.
    pub(crate) fn take_upload(
        &mut self,
        number: u64,
        hub: &mut HubTransfers,
    ) -> Option<OpenUpload> {
        let upload = self.uploads.remove(&number)?;
        hub.uploads.give_back(self.owner.as_ref(), 1);
        Some(upload)
    }

    /// Takes a slot for a download; `false` where the session, the device or the hub has none left.
    #[must_use]
    pub(crate) fn ask_download(&mut self, device: &DeviceName, hub: &mut HubTransfers) -> bool {
        self.owner.get_or_insert_with(|| device.clone());
        let own = self.downloads.len() + self.downloads_asked;
        let free = own < MAX_DOWNLOADS_PER_SESSION && hub.downloads.take(device);
        if free {
            self.downloads_asked += 1;
        }
        free
    }

    /// The download that was asked for begins; its number.
    pub(crate) fn begin_download(&mut self) -> u64 {
        self.downloads_asked = self.downloads_asked.saturating_sub(1);
        self.last += 1;
        self.downloads.insert(self.last);
        self.last
    }

    /// The download that was asked for does not begin.
    pub(crate) fn refuse_download(&mut self, hub: &mut HubTransfers) {
        if self.downloads_asked > 0 {
            self.downloads_asked -= 1;
            hub.downloads.give_back(self.owner.as_ref(), 1);
        }
    }

    pub(crate) fn end_download(&mut self, number: u64, hub: &mut HubTransfers) {
        if self.downloads.remove(&number) {
            hub.downloads.give_back(self.owner.as_ref(), 1);
        }
    }

    /// Gives every slot back: the session is over.
    pub(crate) fn release(self, hub: &mut HubTransfers) {
        let owner = self.owner.as_ref();
        hub.uploads
            .give_back(owner, self.uploads.len() + self.uploads_asked);
        hub.downloads
            .give_back(owner, self.downloads.len() + self.downloads_asked);
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
        }
    }

    fn device(number: usize) -> DeviceName {
        format!("device-{number}").parse().unwrap()
    }

    #[test]
    fn a_session_a_device_and_the_hub_have_a_bound() {
        let mut hub = HubTransfers::within(&Capacity::default());
        let mut sessions = Vec::new();
        let mut open = 0;
        for number in 0..MAX_UPLOADS_PER_HUB {
            let mut by_device = 0;
            for _ in 0..MAX_UPLOADS_PER_DEVICE {
                let mut session = Transfers::default();
                let mut own = 0;
                while session.ask_upload(&device(number), &mut hub) {
                    session.begin_upload(upload());
                    own += 1;
                }
                assert!(own <= MAX_UPLOADS_PER_SESSION);
                by_device += own;
                sessions.push(session);
            }
            assert!(by_device <= MAX_UPLOADS_PER_DEVICE);
            open += by_device;
        }
        assert_eq!(open, MAX_UPLOADS_PER_HUB);
        sessions.into_iter().for_each(|s| s.release(&mut hub));
        assert_eq!((hub.uploads.taken, hub.uploads.by_device.len()), (0, 0));
    }

    #[test]
    fn numbers_are_unique_within_the_session() {
        let mut hub = HubTransfers::within(&Capacity::default());
        let mut session = Transfers::default();
        assert!(session.ask_upload(&device(1), &mut hub));
        assert!(session.ask_download(&device(1), &mut hub));
        assert_eq!(
            (session.begin_upload(upload()), session.begin_download()),
            (1, 2)
        );
        assert!(session.take_upload(1, &mut hub).is_some());
        assert!(session.take_upload(1, &mut hub).is_none());
        assert!(session.ask_upload(&device(1), &mut hub));
        assert_eq!(session.begin_upload(upload()), 3);
    }
}
