//! The world beside the sessions: another hub of the same store, and passwords that are shown at another
//! door.

use fleetlink_core::{
    Account, AccountVersion, CallId, Caller, Change, Door, Input, PasswordHash, Proof,
    ShownPassword, StoreCall,
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{EnrolledKey, ErrorCode, RpcError};

use crate::guesses::name_of;
use crate::oracle::Oracle;
use crate::world::{Event, World};

impl World {
    /// Another hub does something, or a password is shown without a session.
    pub(crate) fn elsewhere(&mut self) {
        let next = self.rng.millis(1_000, 15_000);
        self.schedule(next, Event::Elsewhere);
        match self.rng.below(10) {
            0 => {
                let name = self.rng.pick(&self.names).as_str().into();
                self.input(Input::AttemptsChanged { name });
            }
            1..4 => self.other_hub(),
            _ => self.show_password(),
        }
    }

    /// Another hub changes an account, and this one hears of it a little later; or nothing has changed.
    fn other_hub(&mut self) {
        let name: DeviceName = self.rng.pick(&self.names).parse().unwrap();
        if let Some(change) = self.change_elsewhere(&name) {
            self.coverage.count("account changed elsewhere");
            self.store.change_elsewhere(&StoreCall::Change(change));
        }
        let after = self.rng.millis(1, 500);
        self.schedule(after, Event::Arrive(Input::AccountChanged { name }));
    }

    fn change_elsewhere(&mut self, name: &DeviceName) -> Option<Change> {
        self.last_password += 1;
        let hash = PasswordHash::new(format!("{name}|e{}", self.last_password));
        let name = name.clone();
        let client = usize::try_from(self.rng.below(self.clients.len() as u64)).unwrap();
        let key = EnrolledKey {
            key: self.clients[client].key,
            enrolled: self.now.wall,
        };
        match self.rng.below(10) {
            0..3 => Some(Change::SetPassword {
                name,
                password_hash: hash,
            }),
            3 | 4 => Some(Change::SetKey {
                name,
                key,
                replace: true,
            }),
            5 => Some(Change::RemoveKey { name }),
            6 => Some(Change::RemoveAccount { name }),
            7 | 8 => Some(Change::AddAccount(Account {
                name,
                password_hash: Some(hash),
                created: self.now.wall,
                key: None::<EnrolledKey>,
                version: AccountVersion::default(),
            })),
            _ => None,
        }
    }

    /// Somebody shows a password at the door of HTTP: a right one, or one like those of logins.
    fn show_password(&mut self) {
        let client = usize::try_from(self.rng.below(self.clients.len() as u64)).unwrap();
        let address = self.address(client);
        let login = self.password(client);
        self.last_shown += 1;
        self.input(Input::PasswordShown {
            call: CallId(self.last_shown),
            door: Door::Http,
            shown: ShownPassword {
                address,
                name: login.0.into(),
                password: login.1.as_str().into(),
            },
        });
    }
}

impl Oracle {
    pub(crate) fn password_shown(&mut self, call: CallId, shown: &ShownPassword) {
        let password = shown.password.expose().to_owned();
        let network = self.penalties.network(shown.address);
        self.penalties.tried(&password, network);
        self.shown.insert(call, password);
    }

    /// A shown password was decided.
    pub(crate) fn identified(
        &mut self,
        call: CallId,
        result: &Result<Caller, RpcError>,
        now: fleetlink_core::Now,
    ) {
        let password = self.shown.remove(&call);
        let password = password.expect("was shown, and is answered once");
        match result {
            Ok(Caller::Device {
                name,
                proof: Proof::Password(hash),
                ..
            }) => {
                assert!(self.is_right(&password), "{password} is not right");
                assert_eq!(name.as_str(), name_of(&password));
                assert_eq!(
                    self.accounts.get(name).map(String::as_str),
                    Some(hash.as_str())
                );
                self.happened = Some("identified");
            }
            Ok(caller) => panic!("{password} is {caller:?}'s"),
            Err(error) => {
                assert_ne!(error.code, ErrorCode::OutOfOrder);
                self.happened = Some("not identified");
                self.password_refused(&password, error, now);
            }
        }
    }
}
