//! What a session has open: uploads and downloads, each a slot of a bounded number.

use std::collections::{BTreeMap, BTreeSet};

use fleetlink_proto::control::OpenUpload;
use fleetlink_proto::control::limits::{
    MAX_DOWNLOADS_PER_HUB, MAX_DOWNLOADS_PER_SESSION, MAX_UPLOADS_PER_HUB, MAX_UPLOADS_PER_SESSION,
};

/// The uploads and downloads of one session. A slot is taken when a transfer is asked for, while
/// the store is still asked about it.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    /// The last number given to a transfer of this session.
    last: u64,
    uploads: BTreeMap<u64, OpenUpload>,
    uploads_asked: usize,
    downloads: BTreeSet<u64>,
    downloads_asked: usize,
}

/// How many transfers all sessions have.
#[derive(Debug, Default)]
pub(crate) struct HubTransfers {
    uploads: usize,
    downloads: usize,
}

impl Transfers {
    /// Takes a slot for an upload; `false` where the session or the hub has none left.
    #[must_use]
    pub(crate) fn ask_upload(&mut self, hub: &mut HubTransfers) -> bool {
        let own = self.uploads.len() + self.uploads_asked;
        let free = own < MAX_UPLOADS_PER_SESSION && hub.uploads < MAX_UPLOADS_PER_HUB;
        if free {
            self.uploads_asked += 1;
            hub.uploads += 1;
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
            hub.uploads -= 1;
        }
    }

    /// Takes an upload out: it is staged, or it ended.
    pub(crate) fn take_upload(
        &mut self,
        number: u64,
        hub: &mut HubTransfers,
    ) -> Option<OpenUpload> {
        let upload = self.uploads.remove(&number)?;
        hub.uploads -= 1;
        Some(upload)
    }

    /// Takes a slot for a download; `false` where the session or the hub has none left.
    #[must_use]
    pub(crate) fn ask_download(&mut self, hub: &mut HubTransfers) -> bool {
        let own = self.downloads.len() + self.downloads_asked;
        let free = own < MAX_DOWNLOADS_PER_SESSION && hub.downloads < MAX_DOWNLOADS_PER_HUB;
        if free {
            self.downloads_asked += 1;
            hub.downloads += 1;
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
            hub.downloads -= 1;
        }
    }

    pub(crate) fn end_download(&mut self, number: u64, hub: &mut HubTransfers) {
        if self.downloads.remove(&number) {
            hub.downloads -= 1;
        }
    }

    /// Gives every slot back: the session is over.
    pub(crate) fn release(self, hub: &mut HubTransfers) {
        hub.uploads -= self.uploads.len() + self.uploads_asked;
        hub.downloads -= self.downloads.len() + self.downloads_asked;
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::{FileId, IdempotencyKey};

    use super::*;

    fn upload() -> OpenUpload {
        OpenUpload {
            file: FileId::new(1),
            mode: UploadMode::Replace,
            key: IdempotencyKey::from_bits(1),
        }
    }

    #[test]
    fn a_session_and_the_hub_have_a_bound() {
        let mut hub = HubTransfers::default();
        let mut sessions = Vec::new();
        let mut open = 0;
        for _ in 0..MAX_UPLOADS_PER_HUB {
            let mut session = Transfers::default();
            let mut own = 0;
            while session.ask_upload(&mut hub) {
                session.begin_upload(upload());
                own += 1;
            }
            assert!(own <= MAX_UPLOADS_PER_SESSION);
            open += own;
            sessions.push(session);
        }
        assert_eq!(open, MAX_UPLOADS_PER_HUB);
        sessions.into_iter().for_each(|s| s.release(&mut hub));
        assert_eq!(hub.uploads, 0);
    }

    #[test]
    fn numbers_are_unique_within_the_session() {
        let (mut hub, mut session) = Default::default();
        assert!(Transfers::ask_upload(&mut session, &mut hub));
        assert!(session.ask_download(&mut hub));
        assert_eq!(
            (session.begin_upload(upload()), session.begin_download()),
            (1, 2)
        );
        assert!(session.take_upload(1, &mut hub).is_some());
        assert!(session.take_upload(1, &mut hub).is_none());
        assert!(session.ask_upload(&mut hub));
        assert_eq!(session.begin_upload(upload()), 3);
    }
}
