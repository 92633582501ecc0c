//! The calls of a session that may not go to the core yet, in the order in which they came.

use fleetlink_core::Input;
use fleetlink_proto::control::{Request, UploadNumber};
use fleetlink_proto::{DataFile, IdempotencyKey};

/// The data files, upload and key that a call concerns. Of two calls that concern the same, the later one
/// takes effect later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::session) struct Subject {
    pub(super) files: Files,
    /// The number of an upload.
    pub(super) upload: Option<UploadNumber>,
    /// The key of a change.
    pub(super) key: Option<IdempotencyKey>,
    /// Whether it takes a download's place, or gives one back.
    pub(super) downloads: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Files {
    #[default]
    None,
    One(DataFile),
    All,
}

impl Subject {
    /// An upload to a data file.
    pub(in crate::session) fn upload(
        file: DataFile,
        upload: UploadNumber,
        key: IdempotencyKey,
    ) -> Self {
        Subject {
            files: Files::One(file),
            upload: Some(upload),
            key: Some(key),
            downloads: false,
        }
    }

    /// The end of a download: its number and its place can be taken behind that.
    pub(in crate::session) fn download() -> Self {
        Subject {
            downloads: true,
            ..Subject::default()
        }
    }

    pub(super) fn of(input: &Input) -> Self {
        let Input::Call { request, .. } = input else {
            return Subject::default();
        };
        let (upload, key) = match request {
            Request::OpenUpload(open) => (open.upload, Some(open.key)),
            Request::DeleteFile(delete) => (None, Some(delete.key)),
            _ => (None, None),
        };
        let downloads = matches!(request, Request::OpenDownload(_));
        let files = match request {
            Request::OpenUpload(open) => Files::One(open.file.clone()),
            Request::Compute(compute) => Files::One(compute.file.clone()),
            Request::DeleteFile(delete) => Files::One(delete.file.clone()),
            Request::OpenDownload(open) => Files::One(open.file.clone()),
            // The last two end the session, and with it what is not handed over.
            Request::ListFiles(_) | Request::Leave | Request::RevokeKey => Files::All,
            _ => Files::None,
        };
        Subject {
            files,
            upload,
            key,
            downloads,
        }
    }

    pub(super) fn concerns(&self, other: &Self) -> bool {
        let same_upload = self.upload.is_some() && self.upload == other.upload;
        let same_key = self.key.is_some() && self.key == other.key;
        if same_upload || same_key || (self.downloads && other.downloads) {
            return true;
        }
        match (&self.files, &other.files) {
            (Files::None, _) | (_, Files::None) => false,
            (Files::All, _) | (_, Files::All) => true,
            (Files::One(one), Files::One(other)) => one == other,
        }
    }
}

/// Names something that is under way beside the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The calls that wait. Each entry is a call, so the limit of calls in flight bounds them.
#[derive(Debug)]
pub(super) struct Log<I> {
    last: u64,
    entries: Vec<Entry<I>>,
}

#[derive(Debug)]
struct Entry<I> {
    subject: Subject,
    state: State<I>,
}

#[derive(Debug)]
enum State<I> {
    /// Under way beside the core.
    Pending(Ticket),
    /// For the core, when nothing before it concerns the same.
    Ready(Option<I>),
}

impl<I> Default for Log<I> {
    fn default() -> Self {
        Log {
            last: 0,
            entries: Vec::new(),
        }
    }
}

impl<I> Log<I> {
    /// Adds a call; back where it need not wait.
    pub(super) fn admit(&mut self, subject: Subject, call: I) -> Option<I> {
        if !concerned(&self.entries, &subject) {
            return Some(call);
        }
        let state = State::Ready(Some(call));
        self.entries.push(Entry { subject, state });
        None
    }

    /// Adds something that goes on beside the core.
    pub(super) fn begin(&mut self, subject: Subject) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        let state = State::Pending(ticket);
        self.entries.push(Entry { subject, state });
        ticket
    }

    /// It has ended, with what the core is to know; what may go now, in its order.
    pub(super) fn end(&mut self, ticket: Ticket, input: Option<I>) -> Vec<I> {
        let is_it = |state: &State<I>| matches!(state, State::Pending(found) if *found == ticket);
        if let Some(entry) = self.entries.iter_mut().find(|entry| is_it(&entry.state)) {
            entry.state = State::Ready(input);
        }
        let (mut kept, mut inputs) = (Vec::new(), Vec::new());
        for entry in std::mem::take(&mut self.entries) {
            match entry.state {
                State::Ready(input) if !concerned(&kept, &entry.subject) => inputs.extend(input),
                _ => kept.push(entry),
            }
        }
        self.entries = kept;
        inputs
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn concerned<I>(entries: &[Entry<I>], subject: &Subject) -> bool {
    entries.iter().any(|entry| entry.subject.concerns(subject))
}
