//! Calls that wait until the store has been read for them, and what else their sessions ask meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use fleetlink_proto::control::limits::{MAX_PARKED_CALLS, MAX_QUEUED_OPERATIONS};
use fleetlink_proto::control::{Login, Request, RequestId};
use fleetlink_proto::{DeviceName, LoginNonce};

use crate::access::logins::Attempt;
use crate::access::possession::Possession;
use crate::access::redemption::Redemption;
use crate::access::shown_password::ShownSecret;
use crate::call::Call;
use crate::ids::{CallId, OperationId, SessionId};
use crate::operator::requests::AdminRequest;
use crate::store::calls::{Query, Staged};

/// A call that waits for what is read.
#[derive(Debug)]
pub(crate) enum Parked {
    Login(Call<NamedLogin>),
    /// A password that was shown without a session.
    Shown(Box<Attempt>),
    Redemption(Call<Redemption>),
    Stateless(Call<Request>),
    /// The commit of an upload without a session.
    Commit(Call<StagedUpload>),
    /// A secret of the HTTP door.
    Secret(Call<ShownSecret>),
    Admin(Call<AdminRequest>),
}

/// An upload without a session whose bytes are staged.
#[derive(Debug)]
pub(crate) struct StagedUpload {
    /// The call that began it.
    pub(crate) upload: CallId,
    pub(crate) staged: Box<Staged>,
}

/// The callers whose parked calls share a bound: devices cannot crowd out the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    /// Devices, and who says that it is one.
    Devices,
    /// The callers that show a secret of the HTTP door.
    Secrets,
    /// The operator, administrators and the import of credentials.
    Administration,
}

/// A login whose session may log in.
#[derive(Debug)]
pub(crate) struct NamedLogin {
    pub(crate) login: Login,
    /// The name as far as the hub looks at it.
    pub(crate) name: Box<str>,
    pub(crate) address: IpAddr,
    pub(crate) possession: Possession,
    /// Whether it names a nonce that is not valid.
    pub(crate) is_stale: bool,
}

/// A call that a session sent behind its parked call.
#[derive(Debug)]
pub(crate) enum Behind {
    Call(RequestId, Request, Possession),
    NonceAsked(RequestId, Option<LoginNonce>),
}

/// A question to the store, and who waits for the answer.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) query: Query,
    pub(crate) parked: VecDeque<Parked>,
    /// Whether what is read has changed since it was asked for.
    pub(crate) is_outdated: bool,
}

/// The reads that are under way.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    running: BTreeMap<OperationId, Read>,
    /// Those of accounts, by folded name.
    accounts: BTreeMap<String, OperationId>,
    /// The sessions whose call is parked.
    sessions: BTreeMap<SessionId, Waiting>,
    parked: BTreeMap<Share, usize>,
}

#[derive(Debug)]
struct Waiting {
    read: OperationId,
    behind: VecDeque<Behind>,
}

impl Parked {
    pub(crate) fn session(&self) -> Option<SessionId> {
        Some(self.origin()?.0)
    }

    pub(crate) fn origin(&self) -> Option<(SessionId, &RequestId)> {
        match self {
            Parked::Login(call) => call.origin(),
            Parked::Shown(attempt) => attempt.call.origin(),
            Parked::Redemption(call) => call.origin(),
            Parked::Stateless(call) => call.origin(),
            Parked::Commit(call) => call.origin(),
            Parked::Secret(call) => call.origin(),
            Parked::Admin(call) => call.origin(),
        }
    }

    fn share(&self) -> Share {
        match self {
            Parked::Admin(_) => Share::Administration,
            Parked::Secret(_) => Share::Secrets,
            Parked::Login(_)
            | Parked::Shown(_)
            | Parked::Redemption(_)
            | Parked::Stateless(_)
            | Parked::Commit(_) => Share::Devices,
        }
    }

    fn withdraw(self) {
        match self {
            Parked::Login(call) => _ = call.withdraw(),
            Parked::Shown(attempt) => attempt.call.withdraw(),
            Parked::Redemption(call) => _ = call.withdraw(),
            Parked::Stateless(call) => _ = call.withdraw(),
            Parked::Commit(call) => _ = call.withdraw(),
            Parked::Secret(call) => _ = call.withdraw(),
            Parked::Admin(call) => _ = call.withdraw(),
        }
    }
}

impl Reads {
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether this call may not be parked: too many like it are.
    pub(crate) fn is_full(&self, call: &Parked) -> bool {
        let parked = self.parked.get(&call.share());
        parked.is_some_and(|parked| *parked >= MAX_PARKED_CALLS)
    }

    fn discount(&mut self, call: &Parked) {
        if let Some(parked) = self.parked.get_mut(&call.share()) {
            *parked -= 1;
        }
    }

    /// The read of this name's account, if one is under way.
    pub(crate) fn of_account(&self, name: &DeviceName) -> Option<OperationId> {
        self.accounts.get(&name.folded()).copied()
    }

    /// Whether an account of this folded name is being read.
    pub(crate) fn concern(&self, folded: &str) -> bool {
        self.accounts.contains_key(folded)
    }

    /// A read begins.
    pub(crate) fn begin(&mut self, operation: OperationId, query: Query) {
        if let Query::Account { name } = &query {
            self.accounts.insert(name.folded(), operation);
        }
        let read = Read {
            query,
            parked: VecDeque::new(),
            is_outdated: false,
        };
        self.running.insert(operation, read);
    }

    /// Parks a call until this read is answered.
    pub(crate) fn park(&mut self, operation: OperationId, call: Parked) {
        let Some(read) = self.running.get_mut(&operation) else {
            debug_assert!(false, "no such read");
            return call.withdraw();
        };
        *self.parked.entry(call.share()).or_default() += 1;
        if let Some(session) = call.session() {
            let waiting = self.sessions.entry(session).or_insert_with(|| Waiting {
                read: operation,
                behind: VecDeque::new(),
            });
            waiting.read = operation;
        }
        read.parked.push_back(call);
    }

    /// Marks the read of this name as outdated: the account has changed since.
    pub(crate) fn outdate(&mut self, name: &DeviceName) {
        let read = self.of_account(name);
        if let Some(read) = read.and_then(|read| self.running.get_mut(&read)) {
            read.is_outdated = true;
        }
    }

    /// Marks the reads about secrets as outdated: some secret has changed since.
    pub(crate) fn outdate_admissions(&mut self) {
        for read in self.running.values_mut() {
            read.is_outdated |= matches!(read.query, Query::Admission { .. });
        }
    }

    /// A read is answered; its calls wait no more.
    pub(crate) fn end(&mut self, operation: OperationId) -> Option<Read> {
        let read = self.running.remove(&operation)?;
        if let Query::Account { name } = &read.query {
            self.accounts.remove(&name.folded());
        }
        read.parked.iter().for_each(|call| self.discount(call));
        Some(read)
    }

    /// The call that waits the longest for this read.
    pub(crate) fn caller(&self, operation: OperationId) -> Option<(SessionId, &RequestId)> {
        self.running.get(&operation)?.parked.front()?.origin()
    }

    pub(crate) fn is_parked(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Puts something behind the session's parked call; `false` where too much is there.
    pub(crate) fn hold(&mut self, session: SessionId, behind: Behind) -> bool {
        match self.sessions.get_mut(&session) {
            Some(waiting) if waiting.behind.len() < MAX_QUEUED_OPERATIONS => {
                waiting.behind.push_back(behind);
                true
            }
            _ => false,
        }
    }

    /// Takes what was put behind the session's call that waited for this read, unless that waits for
    /// another one now.
    pub(crate) fn release(&mut self, session: SessionId, read: OperationId) -> VecDeque<Behind> {
        let waiting = self.sessions.get(&session);
        if waiting.is_none_or(|waiting| waiting.read != read) {
            return VecDeque::new();
        }
        let waiting = self.sessions.remove(&session);
        waiting.map(|waiting| waiting.behind).unwrap_or_default()
    }

    /// Forgets the parked call of a session that is gone, and what is behind it.
    pub(crate) fn withdraw(&mut self, session: SessionId) {
        let Some(waiting) = self.sessions.remove(&session) else {
            return;
        };
        let Some(read) = self.running.get_mut(&waiting.read) else {
            return;
        };
        let is_own = |call: &Parked| call.session() == Some(session);
        if let Some(place) = read.parked.iter().position(is_own)
            && let Some(call) = read.parked.remove(place)
        {
            self.discount(&call);
            call.withdraw();
        }
    }

    /// Takes all parked calls.
    pub(crate) fn take_all(&mut self) -> Vec<Parked> {
        self.parked.clear();
        self.sessions.clear();
        let reads = self.running.values_mut();
        reads.flat_map(|read| read.parked.drain(..)).collect()
    }
}
