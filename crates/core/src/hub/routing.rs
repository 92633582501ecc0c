//! A call of a session on its way: the table decides, and its subject is given it.

use crate::hub::Hub;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{
    AnnounceEndpoint, EnrolKey, OpenTransfer, Pong, ReplaceKey, Reply, Request, RequestId, RpcError,
};

use crate::access::authorisation::{Action, Caller, Decision, Means, decide};
use crate::access::errors::not_allowed;
use crate::access::possession::Possession;
use crate::errors;
use crate::files::task::Task;
use crate::ids::SessionId;
use crate::presence::device::Reached;
use crate::session::state::{Proof, Session, Stage};
use crate::time::Now;

impl Hub {
    pub(super) fn call(
        &mut self,
        session: SessionId,
        id: RequestId,
        request: Request,
        possession: Possession,
        now: Now,
    ) {
        if !self.heard(session, now) {
            return;
        }
        self.owe(session);
        match request {
            Request::Hello(hello) => self.hello(session, id, &hello, possession),
            _ if self.is_at(session, |stage| matches!(stage, Stage::Connected)) => {
                self.refuse(session, id, errors::out_of_order("the first call is hello"));
            }
            Request::Ping => {
                let clock = Some(self.clock(now));
                self.answer(session, id, Ok(Reply::Pong(Pong { clock })));
            }
            Request::Leave => self.goodbye(session, id),
            Request::Login(login) => self.login(session, id, login, possession, now),
            Request::RedeemTicket(redeem) => {
                match decide(self.caller(session), Action::RedeemTicket) {
                    Decision::Allowed => self.redeem(session, id, redeem, possession, now),
                    decision => {
                        let error = not_allowed(decision, "ticket.redeem");
                        self.refuse(session, id, error);
                    }
                }
            }
            request => match self.admit(session, &request) {
                Ok(name) => self.command(session, id, name, request, possession, now),
                Err(error) => self.refuse(session, id, error),
            },
        }
    }

    /// The device whose session may do this.
    fn admit(&self, session: SessionId, request: &Request) -> Result<DeviceName, RpcError> {
        let name = self.sessions.get(&session).and_then(Session::name).cloned();
        let refused = |decision| Err(not_allowed(decision, request.method()));
        let Some(name) = name else {
            return refused(Decision::LoginNeeded);
        };
        match decide(self.caller(session), action(request, &name)) {
            Decision::Allowed => Ok(name),
            decision => refused(decision),
        }
    }

    /// Who is at the other end of a session.
    pub(crate) fn caller(&self, session: SessionId) -> Caller<'_> {
        let Some(session) = self.sessions.get(&session) else {
            return Caller::Stranger;
        };
        let (Some(name), Some(proof)) = (session.name(), &session.proof) else {
            return Caller::Stranger;
        };
        let account = self.accounts.get(name);
        let means = match proof {
            Proof::Key(_) => Means::Key,
            Proof::Password(hash)
                if account.is_some_and(|a| a.password_hash.as_ref() == Some(hash)) =>
            {
                Means::Password
            }
            // A session ends with its password; should one be left, it is nobody's.
            Proof::Password(_) => return Caller::Stranger,
        };
        let joined = matches!(session.stage, Stage::Joined { .. });
        Caller::Device {
            name,
            means,
            joined,
        }
    }

    /// A call of a session that is logged in.
    fn command(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: DeviceName,
        request: Request,
        possession: Possession,
        now: Now,
    ) {
        match request {
            Request::Join(join) => self.join(session, id, name, &join, now),
            Request::ListDevices(list) => self.list_devices(session, id, &name, &list),
            Request::OpenUpload(upload) => self.open_upload(session, id, &name, upload, now),
            Request::OpenDownload(download) => {
                self.open_download(session, id, &name, download, now);
            }
            Request::Compute(compute) => {
                self.issue(session, id, &name, Task::Compute(compute), now);
            }
            Request::DeleteFile(delete) => {
                self.issue(session, id, &name, Task::Delete(delete), now);
            }

            Request::ListFiles(list) => {
                self.issue(session, id, &name, Task::ListFiles(list), now);
            }

            Request::EnrolKey(EnrolKey { key, .. }) => {
                self.enrol_key((session, id), &name, (key, possession), false, now);
            }
            Request::ReplaceKey(ReplaceKey { key, .. }) => {
                self.enrol_key((session, id), &name, (key, possession), true, now);
            }
            Request::RevokeKey => self.revoke_key((session, id), &name, now),
            Request::ListKeys => self.list_keys(session, id, &name),
            Request::AnnounceEndpoint(AnnounceEndpoint {
                certificate,
                addresses,
            }) => {
                let endpoint = certificate.certificate;
                let reached = Reached {
                    endpoint,
                    addresses,
                };
                self.announce_endpoint((session, id), &name, reached, possession);
            }
            Request::OpenTransfer(OpenTransfer { to, certificate }) => {
                let endpoint = certificate.map(|signed| (signed.certificate, possession));
                self.open_transfer((session, id), &name, &to, endpoint, now);
            }

            // The driver answers the last three itself. Should one come all the same, the caller is
            // not left without an answer.
            Request::Hello(_)
            | Request::Login(_)
            | Request::RedeemTicket(_)
            | Request::Ping
            | Request::Leave
            | Request::CommitUpload(_)
            | Request::AbortUpload(_)
            | Request::CancelDownload(_) => self.refuse(session, id, errors::no_such_transfer()),
        }
    }
}

/// What a call of a device asks for, in the words of [`decide`]. Where it names no device, it asks
/// about its own.
fn action<'a>(request: &'a Request, own: &'a DeviceName) -> Action<'a> {
    match request {
        Request::Hello(_) | Request::Login(_) | Request::Ping | Request::Leave => Action::Converse,
        Request::Join(_) => Action::Join(own),
        Request::ListDevices(_) => Action::ListDevices,
        Request::Compute(_)
        | Request::ListFiles(_)
        | Request::OpenDownload(_)
        | Request::CancelDownload(_) => Action::ReadData(own),
        Request::OpenUpload(_) | Request::CommitUpload(_) | Request::AbortUpload(_) => {
            Action::WriteData(own)
        }
        Request::DeleteFile(_) => Action::DeleteData(own),
        Request::ListKeys => Action::ListKeys(own),
        Request::EnrolKey(EnrolKey { name, .. }) | Request::ReplaceKey(ReplaceKey { name, .. }) => {
            Action::ChangeKey(name)
        }
        Request::RevokeKey => Action::ChangeKey(own),
        Request::AnnounceEndpoint(_) | Request::OpenTransfer(_) => Action::Transfer(own),
        Request::RedeemTicket(_) => Action::RedeemTicket,
    }
}
