//! A hub with some accounts, and short ways to make things happen to it.

use std::time::Duration;

use fleetlink_core::{
    Account, AccountVersion, AdminError, AdminId, AdminReply, AdminRequest, Attempts, AuditEvent,
    CallId, Caller, Capacity, Change, CheckId, Door, Effect, Hub, Input, Now, OperationId,
    PasswordHash, PenaltySettings, Person, Possession, Provenance, SessionId, Settings,
    ShownPassword, Staged, StagedId, StoreCall, StoreError, StoreReply,
};
use fleetlink_proto::access::AccessHash;
use fleetlink_proto::control::{
    EndReason, ErrorCode, Hello, Join, Login, OpenUpload, Receipt, Reply, Request, RequestId,
    RpcError, UploadMode, UploadNumber,
};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, DataFile, DeviceName, Generation, IdempotencyKey, WallTime};

use crate::stored::{ADMINISTRATOR, Stored, VIEWER};

pub(crate) type Answer = Result<Reply, RpcError>;

pub(crate) struct Fixture {
    pub(crate) hub: Hub,
    pub(crate) now: Now,
    /// The accounts that the store holds.
    pub(crate) stored: Stored,
    /// The hub's effects that no test has looked at yet.
    pub(crate) effects: Vec<Effect>,
    /// Whether reads of the store wait for the test to answer them.
    pub(crate) reads_wait: bool,
    /// The changes that went to the store with their authors.
    pub(crate) signed: Vec<(Change, Provenance)>,
    /// The audit events without a change that went to the store.
    pub(crate) events: Vec<AuditEvent>,
    last: i64,
}

pub(crate) fn name(text: &str) -> DeviceName {
    text.parse().unwrap()
}

/// A person with a session of the page that the store of a fixture has.
fn person(name: &str, secret: AccessHash) -> Box<Person> {
    Box::new(Person {
        name: name.into(),
        secret,
        is_token: false,
        address: None,
        expires: None,
    })
}

pub(crate) fn administrator() -> Caller {
    Caller::Administrator(person("ana", ADMINISTRATOR))
}

pub(crate) fn viewer() -> Caller {
    Caller::Viewer(person("vic", VIEWER))
}

pub(crate) fn hash(password: &str) -> PasswordHash {
    PasswordHash::new(password)
}

/// The settings of the fixtures' hubs.
pub(crate) fn settings() -> Settings {
    Settings {
        max_attempts: "2".parse().unwrap(),
        penalties: Some(PenaltySettings {
            names: 3,
            ..PenaltySettings::default()
        }),
        ..Settings::default()
    }
}

impl Fixture {
    /// A hub with the accounts `cam`, `uav` and `watch`, whose password is `right`, that blocks
    /// after two wrong ones, and penalises a source after three names.
    pub(crate) fn new() -> Self {
        Fixture::with_capacity(Capacity::default())
    }

    /// The same, where that is what the hub holds.
    pub(crate) fn with_capacity(capacity: Capacity) -> Self {
        let now = Now {
            monotonic: Duration::from_secs(1000),
            wall: WallTime::from_unix_millis(1_664_533_873_000),
        };
        let account = |text| Account {
            name: name(text),
            password_hash: Some(hash("right")),
            created: now.wall,
            key: None,
            version: AccountVersion::default(),
        };
        let accounts = ["cam", "uav", "watch"].map(account).to_vec();
        let settings = Settings {
            capacity,
            ..settings()
        };
        Fixture {
            stored: Stored::with(&accounts),
            hub: Hub::new(settings, now),
            reads_wait: false,
            signed: Vec::new(),
            events: Vec::new(),
            now,
            effects: Vec::new(),
            last: 0,
        }
    }

    /// The same hub with these attempts.
    pub(crate) fn with_attempts(mut self, attempts: impl Attempts + 'static) -> Self {
        self.hub = self.hub.with_attempts(Box::new(attempts));
        self
    }

    /// The hub starts anew with what its store holds.
    pub(crate) fn restart(&mut self, settings: Settings) {
        self.hub = Hub::new(settings, self.now);
        self.effects.clear();
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.hub.handle_input(input, self.now);
        self.drain();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.hub.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.hub.poll_effect() {
            match self.looked_at(effect) {
                Effect::Store {
                    operation,
                    call: StoreCall::Change(Change::Record(events)),
                } => {
                    self.events.extend(events);
                    let result = Ok(StoreReply::Done);
                    let answered = Input::StoreAnswered { operation, result };
                    self.hub.handle_input(answered, self.now);
                }
                Effect::Store { operation, call } if !self.reads_wait => {
                    match self.stored.read(&call) {
                        Some(reply) => {
                            let result = Ok(reply);
                            let answered = Input::StoreAnswered { operation, result };
                            self.hub.handle_input(answered, self.now);
                        }
                        None => self.effects.push(Effect::Store { operation, call }),
                    }
                }
                effect => self.effects.push(effect),
            }
        }
    }

    /// Notes who makes a change, and gives the change alone.
    fn looked_at(&mut self, effect: Effect) -> Effect {
        match effect {
            Effect::Store {
                operation,
                call: StoreCall::Recorded(change, by),
            } => {
                self.signed.push((change.clone(), *by));
                let call = StoreCall::Change(change);
                Effect::Store { operation, call }
            }
            effect => effect,
        }
    }

    /// Takes the first effect that `want` finds something in.
    pub(crate) fn take<T>(&mut self, want: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        let position = self.effects.iter().position(|e| want(e).is_some())?;
        want(&self.effects.remove(position))
    }

    pub(crate) fn call(&mut self, session: u64, request: Request) -> RequestId {
        self.call_with(session, request, Possession::Unproven)
    }

    /// Calls with a signature of which this was found.
    pub(crate) fn call_with(
        &mut self,
        session: u64,
        request: Request,
        possession: Possession,
    ) -> RequestId {
        self.last += 1;
        let id = RequestId::Number(self.last);
        self.input(Input::Call {
            session: SessionId(session),
            id: id.clone(),
            request,
            possession,
        });
        id
    }

    pub(crate) fn answer(&mut self, asked: &RequestId) -> Option<Answer> {
        self.take(|effect| match effect {
            Effect::Reply { id, result, .. } if id == asked => Some(result.clone()),
            _ => None,
        })
    }

    /// Calls and expects an error at once.
    pub(crate) fn refused(&mut self, session: u64, request: Request) -> RpcError {
        let id = self.call(session, request);
        self.answer(&id).expect("an answer").unwrap_err()
    }

    pub(crate) fn end_of(&mut self, ended: u64) -> Option<EndReason> {
        self.take(|effect| match effect {
            Effect::End {
                session, reason, ..
            } if session.0 == ended => Some(*reason),
            _ => None,
        })
    }

    pub(crate) fn end_with_message(&mut self, ended: u64) -> Option<(EndReason, String)> {
        self.take(|effect| match effect {
            Effect::End {
                session,
                reason,
                message,
            } if session.0 == ended => Some((*reason, message.clone())),
            _ => None,
        })
    }

    pub(crate) fn connect(&mut self, session: u64) {
        self.connect_from(session, [192, 0, 2, 1]);
    }

    pub(crate) fn connect_from(&mut self, session: u64, address: [u8; 4]) {
        let peer = (address, 40_000).into();
        let session = SessionId(session);
        self.input(Input::Connected { session, peer });
    }

    pub(crate) fn hello(&mut self, session: u64, versions: &[u32]) -> Answer {
        let hello = Hello {
            versions: versions.to_vec(),
            client: "test".to_owned(),
            ..Hello::default()
        };
        let id = self.call(session, Request::Hello(hello));
        self.answer(&id).expect("an answer")
    }

    pub(crate) fn greeted(&mut self, session: u64) {
        self.greeted_from(session, [192, 0, 2, 1]);
    }

    pub(crate) fn greeted_from(&mut self, session: u64, address: [u8; 4]) {
        self.connect_from(session, address);
        self.hello(session, &[1]).unwrap();
    }

    pub(crate) fn begin_login(&mut self, session: u64, name: &str, password: &str) -> RequestId {
        self.call(session, Request::Login(Login::by_password(name, password)))
    }

    /// The check that the hub asked for first, and whether its password is right.
    pub(crate) fn check(&mut self) -> Option<(CheckId, bool)> {
        self.take(|effect| match effect {
            Effect::CheckPassword {
                check,
                password,
                hash,
                ..
            } => {
                let right = hash.as_ref().map(PasswordHash::as_str) == Some(password.expose());
                Some((*check, right))
            }
            _ => None,
        })
    }

    pub(crate) fn finish_check(&mut self) {
        let (check, matches) = self.check().expect("a check");
        self.input(Input::PasswordChecked { check, matches });
    }

    pub(crate) fn login(&mut self, session: u64, name: &str, password: &str) -> Answer {
        let id = self.begin_login(session, name, password);
        self.finish_check();
        self.answer(&id).expect("an answer")
    }

    pub(crate) fn attached(&mut self, session: u64, name: &str) {
        self.greeted(session);
        self.login(session, name, "right").unwrap();
    }

    pub(crate) fn attached_from(&mut self, session: u64, name: &str, address: [u8; 4]) {
        self.greeted_from(session, address);
        self.login(session, name, "right").unwrap();
    }

    /// The generation of the join.
    pub(crate) fn joined(&mut self, session: u64, name: &str) -> Generation {
        self.joined_from(session, name, [192, 0, 2, 1])
    }

    pub(crate) fn joined_from(&mut self, session: u64, name: &str, address: [u8; 4]) -> Generation {
        self.greeted_from(session, address);
        self.login(session, name, "right").unwrap();
        let id = self.call(
            session,
            Request::Join(Join {
                udp_port: 5000,
                rejoin: None,
                ..Join::default()
            }),
        );
        match self.answer(&id).expect("an answer").unwrap() {
            Reply::Join(join) => join.generation,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn active(&self) -> Vec<String> {
        self.hub.active().map(|d| d.name.to_string()).collect()
    }

    pub(crate) fn store_call(&mut self) -> Option<(OperationId, StoreCall)> {
        self.take(|effect| match effect {
            Effect::Store { operation, call } => Some((*operation, call.clone())),
            _ => None,
        })
    }

    pub(crate) fn store_answers(&mut self, result: Result<StoreReply, StoreError>) -> StoreCall {
        let (operation, call) = self.store_call().expect("a store operation");
        self.answer_store(operation, &call, result);
        call
    }

    /// The store answers this call. Where a change of an account is done, the account goes with the
    /// answer.
    pub(crate) fn answer_store(
        &mut self,
        operation: OperationId,
        call: &StoreCall,
        result: Result<StoreReply, StoreError>,
    ) {
        let result = result.map(|reply| self.stored.follow(call, reply));
        self.input(Input::StoreAnswered { operation, result });
    }

    /// Opens an upload of file 1; its number.
    pub(crate) fn open_upload(&mut self, session: u64, key: u128) -> UploadNumber {
        self.call(session, open(key));
        self.store_answers(Ok(StoreReply::Receipt(None)));
        self.take(|effect| match effect {
            Effect::StartUpload { upload, .. } => Some(*upload),
            _ => None,
        })
        .expect("an upload")
    }

    pub(crate) fn staged(&mut self, session: u64, upload: UploadNumber) -> RequestId {
        self.last += 1;
        let id = RequestId::Number(self.last);
        self.input(Input::UploadStaged {
            session: SessionId(session),
            id: id.clone(),
            upload,
            staged: Box::new(Staged {
                id: StagedId(upload.into()),
                bytes: 4,
                hash: ContentHash::of(b"100\n"),
                summary: Summary::default(),
                last: None,
                ends_open: false,
            }),
        });
        id
    }

    pub(crate) fn is_discarded(&mut self) -> bool {
        let discarded = |effect: &Effect| matches!(effect, Effect::Discard { .. }).then_some(());
        self.take(discarded).is_some()
    }

    pub(crate) fn operate(&mut self, request: AdminRequest) {
        self.administer(Caller::Operator, Door::Socket, request);
    }

    pub(crate) fn administer(&mut self, caller: Caller, door: Door, request: AdminRequest) {
        self.input(Input::Admin {
            admin: AdminId(1),
            door,
            caller,
            request,
        });
    }

    pub(crate) fn next_call(&mut self) -> CallId {
        self.last += 1;
        CallId(self.last.unsigned_abs())
    }

    /// Calls without a session.
    pub(crate) fn call_by(&mut self, door: Door, caller: Caller, request: Request) -> CallId {
        self.last += 1;
        let call = CallId(self.last.unsigned_abs());
        self.input(Input::StatelessCall {
            call,
            door,
            caller,
            request,
        });
        call
    }

    /// Shows a password without a session.
    pub(crate) fn show(&mut self, address: [u8; 4], name: &str, password: &str) -> CallId {
        self.show_by(Door::Http, address, name, password)
    }

    pub(crate) fn show_by(
        &mut self,
        door: Door,
        address: [u8; 4],
        name: &str,
        password: &str,
    ) -> CallId {
        self.last += 1;
        let call = CallId(self.last.unsigned_abs());
        let shown = ShownPassword {
            address: address.into(),
            name: name.into(),
            password: password.into(),
        };
        self.input(Input::PasswordShown { call, door, shown });
        call
    }

    /// The device that has shown a password, or why there is none.
    pub(crate) fn identified(&mut self, shown: CallId) -> Option<Result<Caller, RpcError>> {
        self.take(|effect| match effect {
            Effect::Identified { call, result } if *call == shown => Some(result.clone()),
            _ => None,
        })
    }

    /// The reply to a call without a session.
    pub(crate) fn stateless_reply(&mut self, asked: CallId) -> Option<Answer> {
        self.take(|effect| match effect {
            Effect::ReplyStateless { call, result } if *call == asked => Some(result.clone()),
            _ => None,
        })
    }

    /// The answer to the operator; an error is its sentence.
    pub(crate) fn operator_answer(&mut self) -> Option<Result<AdminReply, String>> {
        let answer = self.administrators_answer()?;
        Some(answer.map_err(|error| error.message))
    }

    pub(crate) fn administrators_answer(&mut self) -> Option<Result<AdminReply, AdminError>> {
        self.take(|effect| match effect {
            Effect::ReplyToOperator { result, .. } => Some(result.clone()),
            _ => None,
        })
    }

    pub(crate) fn shown(&mut self) -> Vec<String> {
        let line = |effect: &Effect| match effect {
            Effect::Console(event) => Some(event.to_string()),
            _ => None,
        };
        std::iter::from_fn(|| self.take(line)).collect()
    }
}

pub(crate) fn open(key: u128) -> Request {
    Request::OpenUpload(OpenUpload {
        file: DataFile::numbered(1),
        mode: UploadMode::Replace,
        key: IdempotencyKey::from_bits(key),
        upload: None,
    })
}

pub(crate) fn receipt() -> Receipt {
    Receipt {
        file: DataFile::numbered(1),
        mode: UploadMode::Replace,
        samples: 1,
        bytes: 4,
        version: 1.into(),
        at: WallTime::from_unix_millis(0),
    }
}

pub(crate) fn coded(error: &RpcError) -> (ErrorCode, &str) {
    (error.code, &error.message)
}

pub(crate) fn retry_after(error: &RpcError) -> Option<u64> {
    error.data.as_ref()?.retry_after_ms
}
