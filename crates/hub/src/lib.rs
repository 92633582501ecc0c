//! The hub: listeners, sessions, the driver of the core, the store and the log files.

mod accept;
mod audit;
mod backup;
mod credentials;
mod descriptors;
mod devices;
mod driver;
mod feed;
mod grants;
mod hashing;
mod http;
mod hub_state;
mod identity;
mod import;
mod ingest;
mod lease;
mod logs;
mod metrics;
mod network_places;
pub mod number_exchange;
mod operator;
mod passwords;
mod rules;
mod seen;
mod server;
mod session;
pub mod store;
mod traffic;
mod verify;
mod watch;
mod whole_file;

pub use audit::{AuditActor, AuditDocument, AuditWish};
pub use backup::{
    BackedUp, BackupError, BackupInfo, BackupOrder, BackupPlace, BackupVerified, RestoreOrder,
    Restored, back_up, restore, verify_backup,
};
pub use credentials::{Credentials, SETTLED_AFTER};
pub use descriptors::TooFewDescriptors;
#[doc(hidden)]
pub use driver::WallClock;
pub use driver::{HubEvent, StatelessCalls};
pub use fleetlink_core::{
    AccountChange, Command, ConsoleEvent, Deleter, Departure, Entrance, LoginFailure, PageSessions,
    PeopleEvent, Refusal, TicketEvent,
};
pub use fleetlink_core::{
    AttemptLimits, Capacity, MaxAttempts, MaxAttemptsError, PenaltySettings, Settings,
};
pub use fleetlink_core::{Caller, Proof, ShownPassword};
pub use http::{HttpAddress, HttpConfig, HttpError, HttpListening, HttpTls, TlsError};
pub use identity::IdentityError;
pub use import::{Authority, ImportHandle, Imported};
pub use lease::{
    Asked, Clock, LeaseConfig, LeaseStartError, LeasesEnded, RequestLog, RunningLeases,
    ShownRequest, ShownRequests, start_leases,
};
pub use logs::LogBounds;
pub use operator::{
    AccountInfo, ContentInfo, CountsInfo, DataCall, DataCallReply, DeviceInfo, FileInfo,
    IssuedTicket, LatestInfo, LoginInfo, LoginMeans, Operator, OperatorCall, OperatorError,
    OperatorReply, PeopleCall, PeopleReply, ReadError, ReadFile, SessionInfo, SessionState,
    StatusInfo, TicketInfo, TicketOrder, TicketState, TicketUseInfo, TokenInfo, TokenOrder,
    UploadInfo,
};
pub use rules::RuleDocument;
#[doc(hidden)]
pub use server::start_with_clock;
#[cfg(feature = "without-dummy-hash")]
pub use server::start_without_dummy_hash;
pub use server::{CredentialsFile, HubConfig, HubError, RunningHub, StartError, start};
pub use verify::verify;
pub use watch::{Stopped, Watch};
