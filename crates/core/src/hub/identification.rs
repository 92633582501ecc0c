//! Passwords that are shown without a session: by HTTP, say. They are attempts to log in like
//! those of sessions, with the same lock-outs and penalties.

use std::net::IpAddr;

use fleetlink_proto::DeviceName;

use crate::access::accounts::NotRead;
use crate::access::authorisation::Action;
use crate::access::logins::Attempt;
use crate::access::parked::Parked;
use crate::access::possession::Possession;
use crate::access::shown_password::ShownPassword;
use crate::call::Call;
use crate::caller::Caller;
use crate::door::Door;
use crate::errors;
use crate::hub::Hub;
use crate::hub::login::attempted_name;
use crate::hub::routing::{Context, Handler};
use crate::ids::CallId;
use crate::outgoing::ReplyTo;
use crate::time::Now;

impl Hub {
    /// Finds out which device shows this password.
    pub(super) fn identify(
        &mut self,
        (call, door): (CallId, Door),
        shown: ShownPassword,
        now: Now,
    ) {
        let address = shown.address;
        let asked = (shown, Action::ShowPassword);
        self.shown((call, door), address, asked, now, Hub::password_shown);
    }

    /// Goes on with a password or a secret that is shown without a session, if the table permits it.
    pub(super) fn shown<C>(
        &mut self,
        (call, door): (CallId, Door),
        address: IpAddr,
        (command, action): (C, Action<'_>),
        now: Now,
        then: Handler<C>,
    ) {
        let to = ReplyTo::Identity {
            call,
            door,
            address,
        };
        let call = self.calls.open(to, Caller::Nobody, "login");
        if self.closing {
            return call.refuse(errors::busy(errors::CLOSING), &mut self.out);
        }
        let possession = Possession::NoChannel;
        let at = Context { now, possession };
        self.permit(call.with(command), action, at, then);
    }

    fn password_shown(&mut self, call: Call<ShownPassword>, Context { now, .. }: Context) {
        let (shown, call) = call.split();
        let attempt = Attempt {
            call,
            address: shown.address,
            name: attempted_name(&shown.name),
            password: shown.password,
            person: None,
        };
        let is_shut_out = self.logins.is_shut_out(attempt.address, &attempt.name, now);
        match attempt.name.parse::<DeviceName>() {
            Ok(name) if !is_shut_out && !self.accounts.is_read(&name) => {
                self.read_account(NotRead(name), Parked::Shown(Box::new(attempt)), now);
            }
            _ => self.attempt(attempt, now),
        }
    }

    /// Refuses attempts without a session that wait: the hub is closing.
    pub(super) fn refuse_waiting_identities(&mut self) {
        for attempt in self.logins.take_waiting_without_session() {
            attempt
                .call
                .refuse(errors::busy(errors::CLOSING), &mut self.out);
        }
    }
}
