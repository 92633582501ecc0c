//! Calls without a session that outlive what has shown who calls: whatever they wait for, they are not
//! done, and what they held is free again.

use std::time::Duration;

use fleetlink_core::{
    AccountOrder, AdminErrorKind, AdminReply, AdminRequest, CallId, Caller, Change, DataRequest,
    Door, Effect, Input, PeopleOrder, Proof, Query, Staged, StagedId, StoreCall, StoreReply,
    TokenId,
};
use fleetlink_proto::control::limits::MAX_UPLOADS_PER_DEVICE;
use fleetlink_proto::control::{ErrorCode, FileList, ListFiles, Request};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{ContentHash, DataFile, DeviceKey, IdempotencyKey};

use crate::admission::TOKEN;
use crate::fixture::{Fixture, administrator, hash, name, open};
use crate::stored::ADMINISTRATOR;

const LIFE: Duration = Duration::from_secs(10);

/// A way in which what has shown who calls is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Revoked,
    RevokedElsewhere,
    Expired,
    AccountAnew,
    Password,
}

fn by_password(password: &str) -> Caller {
    Caller::Device {
        name: name("cam"),
        proof: Proof::Password(hash(password)),
        address: None,
    }
}

fn change(order: AccountOrder) -> AdminRequest {
    AdminRequest::Change {
        name: name("cam"),
        order,
    }
}

fn remove() -> AdminRequest {
    change(AccountOrder::Remove {
        with_data: false,
        key: IdempotencyKey::from_bits(1),
    })
}

fn list_files() -> Request {
    Request::ListFiles(ListFiles::default())
}

fn no_files() -> StoreReply {
    StoreReply::Files(FileList {
        files: Vec::new(),
        next: None,
    })
}

impl Fixture {
    /// A hub with a token of this role that lives for a while, and its holder.
    fn with_holder(role: &str) -> (Self, Caller) {
        let mut f = Fixture::new();
        let expires = f.now.wall.later(LIFE);
        f.put_token(role, Some(expires));
        let caller = f.admit(TOKEN).unwrap();
        f.noted();
        (f, caller)
    }

    fn with_caller(way: Way) -> (Self, Caller) {
        match way {
            Way::Password => (Fixture::new(), by_password("right")),
            _ => Fixture::with_holder("device=cam"),
        }
    }

    /// Loses it. A call of the device that is with the store is answered.
    fn lose(&mut self, way: Way) {
        match way {
            Way::Revoked => self.revoke_token(),
            Way::RevokedElsewhere => {
                self.stored.admissions.remove(&TOKEN);
                self.wait(Duration::from_secs(1));
            }
            Way::Expired => self.wait(LIFE),
            Way::Password => {
                self.operate(change(AccountOrder::SetPassword(hash("new"))));
                self.stores();
            }
            Way::AccountAnew => {
                self.operate(remove());
                self.stored.admissions.remove(&TOKEN);
                self.stores();
                self.operate(change(AccountOrder::Add(hash("new"))));
            }
        }
        self.stores();
    }

    /// The store does what it is asked for.
    fn stores(&mut self) {
        while let Some((operation, call)) = self.store_call() {
            let reply = match &call {
                StoreCall::Query(Query::ListFiles { .. }) => no_files(),
                StoreCall::Query(_) => panic!("{call:?}"),
                StoreCall::Change(_) | StoreCall::Recorded(..) => StoreReply::Done,
            };
            self.answer_store(operation, &call, Ok(reply));
        }
    }

    /// The number of uploads that this caller can begin.
    fn begin_uploads(&mut self, caller: &Caller) -> Vec<CallId> {
        let mut begun = Vec::new();
        for key in 0..2 * MAX_UPLOADS_PER_DEVICE {
            let call = self.call_by(Door::Http, caller.clone(), open(100 + key as u128));
            match self.stateless_reply(call) {
                Some(reply) => assert_eq!(reply.unwrap_err().code, ErrorCode::Busy),
                None => {
                    self.store_answers(Ok(StoreReply::Receipt(None)));
                    begun.extend(self.take(|effect| match effect {
                        Effect::StartStatelessUpload { call, .. } => Some(*call),
                        _ => None,
                    }));
                }
            }
        }
        begun
    }

    fn commit(&mut self, caller: Caller, upload: CallId) -> CallId {
        let call = self.next_call();
        self.input(Input::StatelessUploadStaged {
            call,
            door: Door::Http,
            caller,
            upload,
            staged: Box::new(Staged {
                id: StagedId(upload.0),
                bytes: 4,
                hash: ContentHash::of(b"100\n"),
                summary: Summary::default(),
                last: None,
                ends_open: false,
            }),
        });
        call
    }

    fn is_not_admitted(&mut self, case: &str) {
        let answer = self.administrators_answer();
        let error = answer.unwrap_or_else(|| panic!("{case}: no answer"));
        let error = error.expect_err(case);
        assert_eq!(error.kind, AdminErrorKind::NotAdmitted, "{case}: {error}");
    }
}

fn own_now(way: Way) -> Caller {
    by_password(match way {
        Way::Password | Way::AccountAnew => "new",
        _ => "right",
    })
}

const WAYS: [Way; 5] = [
    Way::Revoked,
    Way::RevokedElsewhere,
    Way::Expired,
    Way::AccountAnew,
    Way::Password,
];

#[test]
fn an_upload_is_not_committed_for_who_is_nobody_any_more() {
    for way in WAYS {
        let (mut f, caller) = Fixture::with_caller(way);
        let begun = f.begin_uploads(&caller);
        assert_eq!(begun.len(), MAX_UPLOADS_PER_DEVICE);
        f.lose(way);
        for upload in begun {
            let call = f.commit(caller.clone(), upload);
            let reply = f.stateless_reply(call);
            let error = reply.unwrap_or_else(|| panic!("{way:?}: no reply"));
            assert_eq!(error.unwrap_err().code, ErrorCode::OutOfOrder, "{way:?}");
            assert!(f.is_discarded(), "{way:?}");
        }
        assert!(f.store_call().is_none(), "{way:?}");
        let again = f.begin_uploads(&own_now(way));
        assert_eq!(again.len(), MAX_UPLOADS_PER_DEVICE, "{way:?}");
    }
}

#[test]
fn an_upload_by_a_token_that_holds_is_committed_however_long_it_took() {
    let (mut f, caller) = Fixture::with_holder("device=cam");
    let upload = f.begin_uploads(&caller)[0];
    f.wait(LIFE - Duration::from_millis(1));
    f.commit(caller, upload);
    let asked = f.store_call().map(|(_, call)| call);
    assert!(matches!(asked, Some(StoreCall::Change(Change::Commit(_)))));
}

#[test]
fn a_commit_that_waits_for_the_token_to_be_read_is_refused_with_it() {
    let (mut f, caller) = Fixture::with_holder("device=cam");
    let upload = f.begin_uploads(&caller)[0];
    f.wait(Duration::from_secs(1));
    f.reads_wait = true;
    let call = f.commit(caller, upload);
    f.input(Input::Close);
    let error = f.stateless_reply(call).expect("a reply").unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(f.is_discarded());
}

#[test]
fn uploads_that_were_withdrawn_before_they_began_leave_room_for_as_many() {
    for way in WAYS {
        if way == Way::RevokedElsewhere {
            continue;
        }
        let (mut f, caller) = Fixture::with_caller(way);
        f.call_by(Door::Http, caller.clone(), list_files());
        let waiting: Vec<_> = (0..MAX_UPLOADS_PER_DEVICE)
            .map(|key| f.call_by(Door::Http, caller.clone(), open(key as u128)))
            .collect();
        let more = f.call_by(Door::Http, caller.clone(), open(99));
        let error = f.stateless_reply(more).expect("a reply").unwrap_err();
        assert_eq!(error.code, ErrorCode::Busy, "they hold their slots");
        f.lose(way);
        for call in waiting {
            let error = f.stateless_reply(call).expect("a reply").unwrap_err();
            assert_eq!(error.code, ErrorCode::OutOfOrder, "{way:?}");
        }
        let again = f.begin_uploads(&own_now(way));
        assert_eq!(again.len(), MAX_UPLOADS_PER_DEVICE, "{way:?}");
    }
}

#[test]
fn a_commit_that_waits_is_discarded_with_its_token() {
    for way in [Way::Revoked, Way::Expired, Way::AccountAnew] {
        let (mut f, caller) = Fixture::with_caller(way);
        let upload = f.begin_uploads(&caller)[0];
        f.call_by(Door::Http, caller.clone(), list_files());
        let call = f.commit(caller, upload);
        f.lose(way);
        let error = f.stateless_reply(call).expect("a reply").unwrap_err();
        assert_eq!(error.code, ErrorCode::OutOfOrder, "{way:?}");
        assert!(f.is_discarded(), "{way:?}");
    }
}

/// The requests of an administrator about the account `cam`, each a job of its queue.
fn jobs() -> Vec<AdminRequest> {
    vec![
        change(AccountOrder::SetPassword(hash("mine"))),
        remove(),
        AdminRequest::SetKey {
            name: name("cam"),
            key: DeviceKey::from_bytes([1; 32]),
        },
        AdminRequest::RevokeKey { name: name("cam") },
        AdminRequest::IssueTicket {
            hash: TicketHash::from_bytes([1; 32]),
            subject: TicketSubject::Name(name("cam")),
            uses: 1,
            life: LIFE,
        },
        AdminRequest::Data(DataRequest::Delete {
            device: name("cam"),
            file: DataFile::numbered(1),
            version: None,
            key: IdempotencyKey::from_bits(1),
        }),
        AdminRequest::Data(DataRequest::Read {
            device: name("cam"),
            file: DataFile::numbered(1),
        }),
    ]
}

#[test]
fn a_request_of_an_administrator_whose_token_is_lost_is_not_done_when_its_turn_comes() {
    for way in [Way::Revoked, Way::Expired] {
        for request in jobs() {
            let case = format!("{way:?}: {request:?}");
            let (mut f, caller) = Fixture::with_holder("administrator");
            f.call_by(Door::Http, by_password("right"), list_files());
            f.administer(caller, Door::Http, request);
            assert_eq!(f.administrators_answer(), None, "{case}: it waits");
            match way {
                Way::Revoked => {
                    f.stored.admissions.remove(&TOKEN);
                    let token = TokenId(7);
                    let revoke = PeopleOrder::RevokeToken { token };
                    f.order_people(revoke, &Change::RevokeToken { token });
                    f.is_not_admitted(&case);
                    let done = f.administrators_answer();
                    assert_eq!(done, Some(Ok(AdminReply::Done)), "{case}: to the operator");
                    f.store_answers(Ok(no_files()));
                }
                _ => {
                    f.wait(LIFE);
                    f.store_answers(Ok(no_files()));
                    f.is_not_admitted(&case);
                }
            }
            assert!(f.store_call().is_none(), "{case}");
        }
    }
}

#[test]
fn a_request_of_a_person_whose_login_is_removed_is_not_done_either() {
    for request in jobs() {
        let case = format!("{request:?}");
        let mut f = Fixture::new();
        f.call_by(Door::Http, by_password("right"), list_files());
        f.administer(administrator(), Door::Http, request);
        f.stored.admissions.remove(&ADMINISTRATOR);
        let ana = || "ana".parse().unwrap();
        let remove = PeopleOrder::RemoveLogin { name: ana() };
        f.order_people(remove, &Change::RemoveWebLogin { name: ana() });
        f.is_not_admitted(&case);
        f.store_answers(Ok(no_files()));
        assert!(f.store_call().is_none(), "{case}");
    }
}

#[test]
fn a_request_that_waits_for_what_is_read_is_not_done_after_a_revocation() {
    let lists = [
        AdminRequest::ListAccounts { after: None },
        AdminRequest::ListTickets { after: None },
        AdminRequest::ListLogins { after: None },
        AdminRequest::ListTokens { after: None },
        AdminRequest::ListRules,
        AdminRequest::RevokeTicket {
            ticket: TicketNumber(1),
        },
    ];
    for request in jobs().into_iter().chain(lists) {
        let case = format!("{request:?}");
        let (mut f, caller) = Fixture::with_holder("administrator");
        f.reads_wait = true;
        f.administer(caller, Door::Http, request);
        let (operation, asked) = f.store_call().expect("a read");
        f.revoke_token();
        let found = match &asked {
            StoreCall::Query(Query::WebLogins { .. }) => StoreReply::WebLogins(Vec::new()),
            StoreCall::Query(Query::Tokens { .. }) => StoreReply::Tokens(Vec::new()),
            StoreCall::Query(Query::Rules) => StoreReply::Rules(Vec::new()),
            _ => f.stored.read(&asked).expect("a question about accounts"),
        };
        f.answer_store(operation, &asked, Ok(found));
        f.is_not_admitted(&case);
        assert!(f.store_call().is_none(), "{case}");
    }
}

#[test]
fn a_device_whose_password_was_changed_asks_for_its_data_in_vain() {
    let mut f = Fixture::new();
    let read = DataRequest::Read {
        device: name("cam"),
        file: DataFile::numbered(1),
    };
    f.administer(by_password("before"), Door::Http, AdminRequest::Data(read));
    f.is_not_admitted("a device");
}
