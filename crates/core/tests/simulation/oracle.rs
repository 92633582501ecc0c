//! The rules, kept beside the hub and derived from its inputs and effects alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_core::{
    Account, AccountOrder, AdminId, AdminRequest, CallId, Capacity, Change, CheckId, ConsoleEvent,
    Delete, Effect, Hub, Input, Made, Now, Possession, Query, SessionId, Settings, StoreCall,
    StoreError, StoreReply,
};
use fleetlink_proto::control::limits::silence_limit;
use fleetlink_proto::control::{
    Compute, ComputeReply, EndReason, EnrolKey, ErrorCode, Join, LoginProof, ReplaceKey, Reply,
    Request, RequestId, RpcError, UploadNumber,
};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::ticket::TicketNumber;
use fleetlink_proto::transfer::{Party, ReportTransfer};
use fleetlink_proto::{ClientNetwork, DeviceKey, DeviceName, IdempotencyKey, LoginNonce};

use crate::guesses::{Attempts, Verdict};
use crate::limits::Shares;
use crate::penalties::Penalties;
use crate::presence::List;
use crate::store::{Store, whose};
use crate::tickets::AskedRedemption;
use crate::transfers::Model;

/// The login that the hub treats as removed until the store reports another change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taken {
    Key,
    /// Password and key.
    Login,
}

pub(crate) struct Oracle {
    pub(crate) max_attempts: u8,
    pub(crate) penalties: Penalties,
    keep_alive: Duration,
    pub(crate) capacity: Capacity,
    pub(crate) live: BTreeMap<SessionId, Live>,
    /// The sessions whose shares were checked last.
    pub(crate) checked_shares: Shares,
    pub(crate) list: List,
    /// Something to be counted.
    pub(crate) happened: Option<&'static str>,
    pub(crate) names: BTreeMap<String, Attempts>,
    pub(crate) checks: BTreeMap<CheckId, String>,
    /// The accounts that the store has reported to the hub, each with its hash.
    pub(crate) accounts: BTreeMap<DeviceName, String>,
    /// The same of keys.
    pub(crate) keys: BTreeMap<DeviceName, DeviceKey>,
    /// Accounts of which nobody knows whether their login or key was taken away.
    pub(crate) taken_as_gone: BTreeMap<DeviceName, Taken>,
    /// The folded names of accounts of which a call has failed, or which somebody else has changed, since
    /// the store made the last change of them. A read may have been outdated, so it settles nothing here.
    in_doubt: BTreeSet<String>,
    /// The answer to a read that the hub has just been given.
    read: Option<(DeviceName, Option<Account>)>,
    /// Tickets that the hub takes as revoked, whatever the store says.
    pub(crate) taken_as_revoked: BTreeSet<TicketNumber>,
    /// Uses of tickets, by key, that the store has refused.
    pub(crate) refused_uses: BTreeSet<(TicketNumber, DeviceKey)>,
    /// Changes that sessions asked for which were ended before their turn came.
    pub(crate) withdrawn: BTreeSet<(DeviceName, IdempotencyKey)>,
    /// Checks whose name waits for an import, and those that have waited for one.
    pub(crate) settling: BTreeSet<CheckId>,
    pub(crate) settled: BTreeSet<CheckId>,
    unanswered: usize,
    /// Passwords that were shown without a session and are not decided.
    pub(crate) shown: BTreeMap<CallId, String>,
    pub(crate) admins: BTreeMap<AdminId, AdminRequest>,
    closing: bool,
    pub(crate) transfers: Model,
    /// The news that the input of this step brought to the hub.
    pub(crate) told: Told,
    unknown_outcomes: BTreeSet<u64>,
}

pub(crate) struct Live {
    /// Its client network, if passwords from there can be refused.
    pub(crate) network: Option<ClientNetwork>,
    pub(crate) address: IpAddr,
    pub(crate) heard: Duration,
    pub(crate) greeted: bool,
    pub(crate) name: Option<DeviceName>,
    /// The proof that opened it.
    pub(crate) opened_by: OpenedBy,
    /// The key that it has shown: by its login, or by enrolling it.
    pub(crate) key: Option<DeviceKey>,
    /// Whether the device's key was revoked meanwhile, and not by this session.
    pub(crate) revoked: bool,
    /// Whether the operator has asked that it ends.
    pub(crate) unwanted: bool,
    pub(crate) asked: BTreeMap<RequestId, Asked>,
    pub(crate) uploads: BTreeMap<UploadNumber, IdempotencyKey>,
    /// Those that were issued and not used, and when.
    pub(crate) nonces: Vec<(LoginNonce, Duration)>,
}

pub(crate) enum Asked {
    Login {
        password: String,
    },
    KeyLogin {
        name: String,
        key: DeviceKey,
        possession: Possession,
        /// Whether its nonce is valid, if it names one.
        nonce_holds: bool,
    },
    /// To this one, or to none.
    KeyChange(Option<DeviceKey>),
    Redemption(AskedRedemption),
    Commit {
        key: IdempotencyKey,
    },
    Delete {
        key: IdempotencyKey,
    },
    Compute(Compute),
    Join(Join),
    Endpoint(Party),
    Transfer {
        to: DeviceName,
    },
    Report(ReportTransfer),
    Other,
}

#[derive(Default)]
pub(crate) enum OpenedBy {
    #[default]
    Nothing,
    /// The password of this hash.
    Password(String),
    Key(DeviceKey),
}

#[derive(Default)]
pub(crate) enum Told {
    #[default]
    Nothing,
    Checked {
        password: String,
        verdict: Verdict,
    },
    Store(Box<StoreCall>, Result<StoreReply, StoreError>),
}

impl Oracle {
    pub(crate) fn new(settings: &Settings, store: &Store) -> Self {
        let account = |(name, account): (&DeviceName, &Account)| (name.clone(), hash_of(account));
        Oracle {
            max_attempts: settings.max_attempts.get(),
            keep_alive: settings.keep_alive,
            capacity: settings.capacity,
            penalties: Penalties::new(settings.penalties, settings.max_attempts.get()),
            live: BTreeMap::new(),
            checked_shares: Shares::default(),
            list: List::default(),
            happened: None,
            names: BTreeMap::new(),
            checks: BTreeMap::new(),
            accounts: store.accounts.iter().map(account).collect(),
            keys: store.keys().collect(),
            taken_as_gone: BTreeMap::new(),
            in_doubt: BTreeSet::new(),
            read: None,
            taken_as_revoked: BTreeSet::new(),
            refused_uses: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
            settling: BTreeSet::new(),
            settled: BTreeSet::new(),
            unanswered: 0,
            shown: BTreeMap::new(),
            admins: BTreeMap::new(),
            closing: false,
            transfers: Model::default(),
            told: Told::Nothing,
            unknown_outcomes: BTreeSet::new(),
        }
    }

    /// Whether the store has just failed to tell how an account is.
    pub(crate) fn was_not_read(&self) -> bool {
        matches!(&self.told, Told::Store(call, Err(_))
            if matches!(**call, StoreCall::Query(Query::Account { .. })))
    }

    pub(crate) fn is_live(&self, session: SessionId) -> bool {
        self.live.contains_key(&session)
    }

    /// Whether these staged bytes may be left over: nobody knows whether they were committed.
    pub(crate) fn may_be_left(&self, staged: fleetlink_core::StagedId) -> bool {
        self.unknown_outcomes.contains(&staged.0)
    }

    pub(crate) fn before(&mut self, input: &Input, call: Option<StoreCall>, now: Now) {
        self.told = Told::Nothing;
        self.transfers.now = now.monotonic;
        self.list.new_input();
        match input {
            Input::Connected { session, peer } if !self.closing => {
                let live = Live {
                    network: self.penalties.network(peer.ip()),
                    address: peer.ip(),
                    heard: now.monotonic,
                    greeted: false,
                    name: None,
                    opened_by: OpenedBy::Nothing,
                    key: None,
                    revoked: false,
                    unwanted: false,
                    asked: BTreeMap::new(),
                    uploads: BTreeMap::new(),
                    nonces: Vec::new(),
                };
                self.live.insert(*session, live);
            }
            Input::Connected { .. } => {}
            Input::Alive { session } => self.hear(*session, now),
            Input::Call {
                session,
                id,
                request,
                possession,
            } => {
                self.hear(*session, now);
                let asked = match request {
                    Request::Login(login) => match &login.proof {
                        LoginProof::Password(password) => {
                            let password = password.expose().to_owned();
                            let network = self.live.get(session).and_then(|live| live.network);
                            self.penalties.tried(&password, network);
                            Asked::Login { password }
                        }
                        LoginProof::Key { key, .. } => Asked::KeyLogin {
                            name: login.name.clone(),
                            key: *key,
                            possession: *possession,
                            nonce_holds: self.nonce_holds(*session, &login.proof, now.monotonic),
                        },
                    },
                    Request::Join(join) => Asked::Join(join.clone()),
                    Request::AnnounceEndpoint(announce) => {
                        Asked::Endpoint(announce.certificate.certificate.party.clone())
                    }
                    Request::OpenTransfer(open) => Asked::Transfer {
                        to: open.to.clone(),
                    },
                    Request::ReportTransfer(report) => Asked::Report(report.clone()),
                    Request::EnrolKey(EnrolKey { key, .. })
                    | Request::ReplaceKey(ReplaceKey { key, .. }) => Asked::KeyChange(Some(*key)),
                    Request::RevokeKey => Asked::KeyChange(None),
                    Request::RedeemTicket(request) => Asked::Redemption(AskedRedemption {
                        request: request.clone(),
                        possession: *possession,
                    }),
                    Request::Compute(compute) => Asked::Compute(compute.clone()),
                    Request::DeleteFile(delete) => {
                        self.change_asked(*session, delete.key);
                        Asked::Delete { key: delete.key }
                    }
                    _ => Asked::Other,
                };
                self.ask(*session, id, asked);
            }
            // The simulation's devices have sessions.
            Input::StatelessUploadStaged { .. } | Input::StatelessUploadEnded { .. } => {}
            Input::NonceAsked { session, id, .. } => {
                self.hear(*session, now);
                self.ask(*session, id, Asked::Other);
            }
            Input::UploadStaged {
                session,
                id,
                upload,
                ..
            } => {
                self.hear(*session, now);
                let live = self.live.get_mut(session);
                let key = live.and_then(|live| live.uploads.remove(upload));
                if let Some(key) = key {
                    self.change_asked(*session, key);
                }
                let asked = key.map_or(Asked::Other, |key| Asked::Commit { key });
                self.ask(*session, id, asked);
            }
            Input::UploadEnded { session, upload } => {
                if let Some(live) = self.live.get_mut(session) {
                    live.uploads.remove(upload);
                }
            }
            Input::DownloadEnded { .. } => {}
            Input::Disconnected { session } | Input::Unread { session } => self.end(*session),
            Input::Importing { .. }
            | Input::LoginSettled { .. }
            | Input::AttemptsChanged { .. }
            | Input::LoginShown { .. }
            | Input::SecretShown { .. }
            | Input::Happened(_) => {}
            Input::PasswordShown { call, shown, .. } => self.password_shown(*call, shown),
            Input::PasswordChecked { check, matches } => self.checked(*check, *matches, now),
            Input::StoreAnswered { result, .. } => {
                self.store_told(call.expect("the operation's call"), result.clone());
            }
            Input::AccountChanged { name } => {
                // The next read tells how the account is, whatever was in doubt before.
                self.taken_as_gone.remove(name);
                self.in_doubt.insert(name.folded());
            }
            Input::StatelessCall { .. } => {}
            Input::Admin { admin, request, .. } => {
                self.ends_sessions(request);
                assert!(self.admins.insert(*admin, request.clone()).is_none());
            }
            Input::Granted { grant, from, to } => self.transfers.granted(*grant, from, to),
            Input::LimitsChanged(_) => {}
            Input::Close => self.closing = true,
        }
    }

    /// Nothing reached the hub for this time, through no fault of its sessions.
    pub(crate) fn stood_still(&mut self, time: Duration) {
        for live in self.live.values_mut() {
            live.heard += time;
        }
        self.transfers.stood_still(time);
    }

    fn hear(&mut self, session: SessionId, now: Now) {
        if let Some(live) = self.live.get_mut(&session) {
            live.heard = now.monotonic;
        }
    }

    fn ask(&mut self, session: SessionId, id: &RequestId, asked: Asked) {
        if let Some(live) = self.live.get_mut(&session) {
            assert!(
                live.asked.insert(id.clone(), asked).is_none(),
                "an id twice"
            );
            self.unanswered += 1;
        }
    }

    fn end(&mut self, session: SessionId) {
        if let Some(live) = self.live.remove(&session) {
            self.unanswered -= live.asked.len();
        }
        self.list.end(session);
        self.transfers.session_ended(session);
    }

    fn store_told(&mut self, call: StoreCall, result: Result<StoreReply, StoreError>) {
        match (&result, whose(&call)) {
            (Err(_), Some(name)) => _ = self.in_doubt.insert(name.folded()),
            (Ok(StoreReply::Account(found)), None) => {
                if let StoreCall::Query(Query::Account { name }) = &call {
                    self.read = Some((name.clone(), found.clone()));
                }
            }
            (Ok(StoreReply::Account(Some(account))), Some(_)) => self.account_told(account),
            (Ok(StoreReply::Account(None)), Some(name)) => self.nobody_told(name),
            _ => {}
        }
        if let (Ok(StoreReply::Account(_)), Some(name)) = (&result, whose(&call)) {
            self.in_doubt.remove(&name.folded());
        }
        match (&call, &result) {
            (StoreCall::Change(Change::RemoveLogin { name, .. }), Err(StoreError::Unknown(_))) => {
                self.take_as_gone(name, Taken::Login);
                self.login_removed(name);
            }
            (
                StoreCall::Change(Change::RemoveKey { name }),
                Ok(_) | Err(StoreError::NotFound | StoreError::Unknown(_)),
            ) => {
                match result {
                    Err(StoreError::Unknown(_)) => self.take_as_gone(name, Taken::Key),
                    Err(_) if self.taken_as_gone.get(name) == Some(&Taken::Key) => {
                        self.taken_as_gone.remove(name);
                    }
                    _ => {}
                }
                self.key_revoked(name);
            }
            (
                StoreCall::Change(Change::RemoveAccount { name }),
                Ok(_) | Err(StoreError::NotFound),
            ) => self.no_account_told(name),
            (StoreCall::Change(Change::Commit(commit)), Err(StoreError::Unknown(_))) => {
                self.unknown_outcomes.insert(commit.staged.id.0);
            }
            _ => {}
        }
        self.ticket_told(&call, &result);
        self.told = Told::Store(Box::new(call), result);
    }

    /// The hub takes a login or a key as gone until the store tells of another change.
    fn take_as_gone(&mut self, name: &DeviceName, taken: Taken) {
        if self.accounts.contains_key(name) {
            let known = self.taken_as_gone.entry(name.clone()).or_insert(taken);
            *known = taken.max(*known);
        }
    }

    /// Takes in what was read last, unless the hub reads that again at once: a change has overtaken it.
    fn take_read_in(&mut self, next: Option<&Effect>) {
        let Some((name, found)) = self.read.take() else {
            return;
        };
        let is_read_again = matches!(next, Some(Effect::Store {
            call: StoreCall::Query(Query::Account { name: again }),
            ..
        }) if *again == name);
        match found {
            _ if is_read_again => {}
            Some(account) => self.account_read(&account),
            None => self.nobody_told(&name),
        }
    }

    /// The store was read: what is taken as gone is so all the same.
    fn account_read(&mut self, account: &Account) {
        let taken = self.taken_as_gone.get(&account.name).copied();
        let mut account = account.clone();
        if taken.is_some() {
            account.key = None;
        }
        if taken == Some(Taken::Login) {
            account.password_hash = None;
        }
        self.account_told(&account);
        if let Some(taken) = taken {
            self.taken_as_gone.insert(account.name, taken);
        }
    }

    pub(crate) fn is_in_doubt(&self, name: &str) -> bool {
        self.in_doubt.contains(&name.to_ascii_lowercase())
    }

    /// There is neither an account of this name nor one whose name differs only by case.
    fn nobody_told(&mut self, name: &DeviceName) {
        let alike = |other: &&DeviceName| other.folded() == name.folded();
        let known = self.accounts.keys().filter(alike).cloned();
        for gone in known.collect::<Vec<_>>() {
            self.no_account_told(&gone);
        }
        self.no_account_told(name);
    }

    fn no_account_told(&mut self, name: &DeviceName) {
        self.taken_as_gone.remove(name);
        self.accounts.remove(name);
        self.list.account_removed(name);
        self.keys.remove(name);
    }

    /// The store has told how an account is.
    fn account_told(&mut self, account: &Account) {
        let name = account.name.clone();
        let alike = |other: &&DeviceName| other.folded() == name.folded() && **other != name;
        if let Some(other) = self.accounts.keys().find(alike).cloned() {
            self.no_account_told(&other);
        }
        self.taken_as_gone.remove(&name);
        match &account.key {
            Some(key) => _ = self.keys.insert(name.clone(), key.key),
            None => _ = self.keys.remove(&name),
        }
        self.accounts.insert(name, hash_of(account));
    }

    pub(crate) fn effect(&mut self, effect: &Effect, store: &Store, now: Now) {
        self.take_read_in(Some(effect));
        self.transfers.now = now.monotonic;
        match effect {
            Effect::Reply {
                session,
                id,
                result,
            } => self.replied(*session, id, result, store, now),
            Effect::End {
                session, reason, ..
            } => {
                self.withdraw_changes(*session, *reason);
                self.ended(*session, *reason, now);
            }
            Effect::Close { session } => {
                assert!(self.is_live(*session), "closes a session that is gone");
                self.end(*session);
            }
            Effect::SettleLogin { check, .. } => {
                self.settling.insert(*check);
            }
            Effect::CheckPassword {
                check, password, ..
            } => {
                self.check_begun(*check, password.expose(), now);
            }
            Effect::StartUpload {
                session,
                id,
                upload,
                change,
            } => {
                self.take_asked(*session, id, now);
                let live = self.live.get_mut(session).expect("a live session");
                assert!(
                    live.uploads.insert(*upload, change.key).is_none(),
                    "a number twice"
                );
            }
            Effect::StartStatelessUpload { .. } => panic!("nobody uploads without a session"),
            Effect::StartDownload { session, id, .. } => _ = self.take_asked(*session, id, now),
            Effect::ReplyToOperator { admin, result } => {
                self.admin_answered(*admin, result.is_ok());
            }
            Effect::Discard { staged } => {
                assert!(!self.may_be_left(*staged), "discards what may be committed");
            }
            Effect::Console(ConsoleEvent::Penalised { network, time }) => {
                self.penalties.shown(*network, None, *time);
            }
            Effect::Console(ConsoleEvent::NamePenalised {
                network,
                name,
                time,
            }) => {
                self.penalties.shown(*network, Some(name), *time);
            }
            Effect::Store {
                call: StoreCall::Change(Change::RedeemTicket { ticket, name, key }),
                ..
            } => self.redemption_begun((*ticket, name, key), store, now),
            Effect::Store { call, .. } => {
                self.store_asked(call);
                self.has_account(call);
                self.import_begun(call);
            }
            Effect::Grant {
                session,
                id,
                to,
                addresses,
                ..
            } => {
                self.take_asked(*session, id, now);
                self.granted(*session, to, addresses);
            }
            Effect::Identified { call, result } => self.identified(*call, result, now),
            Effect::Transfer(status) => self.happened = Some(self.transfer_told(status)),
            Effect::ActiveChanged => self.list.changed(),
            Effect::ListUploads { .. }
            | Effect::ListData { .. }
            | Effect::ReplyStateless { .. }
            | Effect::JournalGrew
            | Effect::Console(_) => {}
        }
    }

    fn ended(&mut self, session: SessionId, reason: EndReason, now: Now) {
        let live = self.is_live(session);
        assert!(live || self.closing, "ends a session that is gone");
        if reason == EndReason::AccountRemoved {
            let name = self.live[&session].name.as_ref().expect("is logged in");
            assert!(!self.accounts.contains_key(name), "{name} has its account");
        }
        if reason == EndReason::LoginRemoved {
            let name = self.live[&session].name.as_ref().expect("is logged in");
            let hash = self.accounts.get(name).map(String::as_str);
            assert_eq!(hash, Some(""), "{name} has its login");
        }
        if reason == EndReason::PasswordChanged {
            let ended = &self.live[&session];
            assert!(!self.password_holds(ended), "the password is the device's");
        }
        if reason == EndReason::EndedByOperator {
            let wanted = self.live[&session].unwanted || self.is_to_end(session);
            assert!(wanted, "nobody asked for it");
        }
        if reason == EndReason::KeyRevoked {
            assert!(
                self.live[&session].revoked || !self.key_holds(&self.live[&session]),
                "the key is the device's"
            );
        }
        if reason == EndReason::Busy {
            assert!(
                self.may_turn_away(session),
                "turned away where there is room"
            );
        }
        if reason == EndReason::Silent {
            let live = &self.live[&session];
            let limit = live.heard + silence_limit(self.keep_alive);
            assert!(now.monotonic >= limit, "{session:?} was not silent");
            assert!(live.asked.is_empty(), "{session:?} waited for the hub");
        }
        self.end(session);
    }

    fn admin_answered(&mut self, admin: AdminId, done: bool) {
        let request = self
            .admins
            .remove(&admin)
            .expect("asked, and answered once");
        match request {
            AdminRequest::Unlock { name } if done => {
                self.penalties.unlock(name.as_str());
                if let Some(attempts) = self.names.get_mut(name.as_str()) {
                    (attempts.failed, attempts.locked_out_until) = (0, None);
                }
            }
            AdminRequest::SetKey { name, key } if done => {
                assert_eq!(self.keys.get(&name), Some(&key), "done before the commit");
            }
            AdminRequest::RevokeKey { name } if done => {
                assert!(!self.keys.contains_key(&name), "{name} has its key");
            }
            AdminRequest::Change {
                name,
                order: AccountOrder::Remove { .. },
            } if done => {
                assert!(!self.accounts.contains_key(&name), "{name} is not removed");
            }
            AdminRequest::Change {
                name,
                order: AccountOrder::Add(password_hash),
            }
            | AdminRequest::Change {
                name,
                order: AccountOrder::SetPassword(password_hash),
            } if done => {
                let hash = self.accounts.get(&name).map(String::as_str);
                assert_eq!(hash, Some(password_hash.as_str()), "done before the commit");
            }
            _ => {}
        }
    }

    fn take_asked(&mut self, session: SessionId, id: &RequestId, now: Now) -> Asked {
        let live = self.live.get_mut(&session);
        let live = live.unwrap_or_else(|| panic!("answers {session:?}, which is gone"));
        let asked = live.asked.remove(id);
        // Until now it may have waited for this in silence.
        live.heard = live.heard.max(now.monotonic);
        self.unanswered -= 1;
        asked.unwrap_or_else(|| panic!("answers {id:?}, which is not asked or answered"))
    }

    fn replied(
        &mut self,
        session: SessionId,
        id: &RequestId,
        result: &Result<Reply, RpcError>,
        store: &Store,
        now: Now,
    ) {
        let asked = self.take_asked(session, id, now);
        let live = self.live.get_mut(&session).expect("is live");
        if matches!(asked, Asked::KeyChange(_)) {
            // Who asks goes on.
            live.revoked = false;
        }
        match (&asked, result) {
            (_, Ok(Reply::Hello(_))) => live.greeted = true,
            (Asked::Login { password }, result) => {
                self.login_decided(session, password, result, now);
            }
            (
                Asked::KeyLogin {
                    name,
                    key,
                    possession,
                    nonce_holds,
                },
                result,
            ) => {
                let stale = result
                    .as_ref()
                    .is_err_and(|e| e.code == ErrorCode::StaleNonce);
                if *nonce_holds {
                    assert!(!stale, "a nonce that is valid is refused");
                    self.key_login_decided(session, (name, *key, *possession), result);
                } else if !stale {
                    // Without TLS, or out of order.
                    assert!(result.is_err(), "{name} is in by a nonce that is not valid");
                    self.key_login_decided(session, (name, *key, *possession), result);
                }
            }
            (_, Ok(Reply::LoginNonce(reply))) => self.nonce_issued(session, *reply, now.monotonic),
            (Asked::KeyChange(key), Ok(_)) => self.key_changed(session, *key),
            (Asked::Redemption(asked), result) => {
                self.redemption_decided(session, asked, result, store, now);
            }
            (Asked::Join(join), Ok(Reply::Join(reply))) => {
                self.join_answered(session, join, Ok(reply));
            }
            (Asked::Join(join), Err(error)) => self.join_answered(session, join, Err(error)),
            (Asked::Endpoint(party), Ok(_)) => self.endpoint_announced(session, party),
            (Asked::Report(report), result) => self.reported(session, report, result),
            (Asked::Transfer { to }, Err(error)) => self.not_granted(session, to, error.code),
            (Asked::Commit { key }, Ok(Reply::Committed(receipt))) => {
                let name = live.name.as_ref().expect("is logged in");
                let committed = store.outcome(name, *key);
                let told = matches!(&self.told, Told::Store(call, Ok(_))
                    if matches!(&**call, StoreCall::Change(Change::Commit(commit))
                        if commit.key == *key && commit.device == *name));
                assert!(told, "acknowledged before the store has answered");
                assert_eq!(
                    committed,
                    Some(&StoreReply::Committed(receipt.clone(), Made::Now))
                );
            }
            (Asked::Compute(compute), Ok(Reply::Compute(reply))) => {
                let name = live.name.as_ref().expect("is logged in");
                let samples = store.samples(name, compute.file.clone()).expect("a file");
                check_result(compute, reply, &samples);
            }
            (_, Ok(Reply::Devices(page))) => {
                let own = live.name.as_ref();
                let others = self.list.names().filter(|name| Some(*name) != own);
                assert!(others.eq(page.devices.iter().map(|d| &d.name)));
            }
            (_, Ok(Reply::Delete(_))) => {
                let told = matches!(&self.told, Told::Store(call, Ok(_))
                    if matches!(**call, StoreCall::Change(Change::Delete(Delete { .. }))));
                assert!(told, "deleted before the store has answered");
            }
            _ => {}
        }
    }

    /// The store is asked for something of a device: it has an account, as far as the hub was told.
    fn has_account(&self, call: &StoreCall) {
        let account = matches!(
            call,
            StoreCall::Change(Change::AddAccount(_))
                | StoreCall::Change(Change::SetPassword { .. })
                | StoreCall::Change(Change::AddTicket { .. })
                | StoreCall::Change(Change::RevokeTicket { .. })
                | StoreCall::Change(Change::RedeemTicket { .. })
                | StoreCall::Change(Change::ImportLogin { .. })
                | StoreCall::Change(Change::RemoveLogin { .. })
                | StoreCall::Change(Change::FinishImport { .. })
        );
        let known = whose(call).is_none_or(|name| self.accounts.contains_key(name));
        let removal = matches!(
            call,
            StoreCall::Change(Change::RemoveAccount { .. })
                | StoreCall::Query(Query::ListFiles { .. })
                | StoreCall::Change(Change::Delete(Delete { .. }))
        );
        assert!(account || known || removal, "{call:?} without an account");
    }

    /// Checks the rules that hold between two inputs.
    pub(crate) fn after(&mut self, hub: &Hub, store: &Store, now: Now) {
        self.take_read_in(None);
        self.check_list(hub);
        assert!(self.penalties.all_are_shown(), "a penalty in secret");
        self.check_shares();
        self.transfers.now = now.monotonic;
        if !self.closing {
            self.transfers.check();
        }
        for (session, live) in &self.live {
            let limit = live.heard + silence_limit(self.keep_alive);
            assert!(self.key_holds(live), "{session:?} outlives its key");
            assert!(!live.revoked, "{session:?} outlives the revocation");
            assert!(
                self.password_holds(live),
                "{session:?} outlives its password"
            );
            assert!(!live.unwanted, "{session:?} outlives the operator's word");
            let late = live.greeted && live.asked.is_empty() && now.monotonic >= limit;
            assert!(!late, "{session:?} is silent since {:?}", live.heard);
        }
        if store.running.is_empty() && self.checks.is_empty() && self.settling.is_empty() {
            assert_eq!(self.unanswered, 0, "calls without an answer");
            assert!(self.admins.is_empty(), "operator's calls without an answer");
            assert!(self.shown.is_empty(), "shown passwords without an answer");
        }
        if let Some(next) = hub.poll_timeout() {
            assert!(next > now.monotonic, "a deadline in the past: a busy loop");
        }
        if self.closing {
            assert!(self.live.is_empty() && self.list.is_empty());
            let is_idle = store.running.is_empty() && self.shown.is_empty();
            assert_eq!(hub.is_drained(), is_idle);
        } else {
            assert!(!hub.is_drained());
        }
    }
}

/// The hash of an account's password; without one a text that no password matches.
fn hash_of(account: &Account) -> String {
    let hash = account.password_hash.as_ref();
    hash.map_or_else(String::new, |hash| hash.as_str().to_owned())
}

/// The result again, the plain way.
fn check_result(compute: &Compute, reply: &ComputeReply, samples: &[i64]) {
    assert_eq!(
        (&reply.file, reply.operation),
        (&compute.file, compute.operation)
    );
    assert_eq!(reply.samples, samples.len() as u64);
    let sum: i64 = samples.iter().sum();
    let units = 1_000_000_000;
    let plain = match compute.operation {
        Operation::Sum => i128::from(sum) * units,
        Operation::Max => i128::from(*samples.iter().max().unwrap()) * units,
        Operation::Min => i128::from(*samples.iter().min().unwrap()) * units,
        Operation::Average => {
            let error = reply.result.units() * samples.len() as i128 - i128::from(sum) * units;
            assert!(error.abs() * 2 <= samples.len() as i128);
            return;
        }
    };
    assert_eq!(reply.result.units(), plain);
}
