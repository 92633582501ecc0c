//! The open sessions as the operator sees and ends them.

use fleetlink_proto::WallTime;

use crate::call::Call;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::ids::SessionId;
use crate::operator::errors::{AdminError, no_account};
use crate::operator::requests::{AdminReply, SessionChoice, SessionStatus};
use crate::session::state::{Session, Stage};
use crate::store::audit::action::AuditAction;
use crate::time::Now;

impl Hub {
    pub(super) fn session_statuses(&self, now: Now) -> Vec<SessionStatus> {
        let sessions = self.out.sessions.iter();
        sessions
            .map(|(id, session)| self.session_status(id, session, now))
            .collect()
    }

    fn session_status(&self, id: SessionId, session: &Session, now: Now) -> SessionStatus {
        let age = now.monotonic.saturating_sub(session.since);
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let (uploads, downloads) = self.slots.of_session(id);
        SessionStatus {
            session: id,
            device: session.name().cloned(),
            address: session.address,
            since: WallTime::from_unix_millis(now.wall.unix_millis().saturating_sub(age)),
            joined: matches!(session.stage, Stage::Joined { .. }),
            means: self.caller(id).means(),
            idle: now.monotonic.saturating_sub(session.heard),
            uploads,
            downloads,
        }
    }

    /// Ends the sessions that somebody has chosen, and tells how many these were.
    pub(super) fn end_chosen_sessions(&mut self, call: Call, choice: &SessionChoice) {
        let device = match choice {
            SessionChoice::Number(number) => self.device_of(*number).cloned(),
            SessionChoice::OfDevice(_) => None,
        };
        let ended = self.end_choice(choice);
        if let Ok(ended) = ended {
            self.note_done(&call, AuditAction::SessionEnded, |event| match choice {
                SessionChoice::OfDevice(name) => {
                    let event = event.of_device(name.as_str());
                    event.with_detail(format!("sessions: {ended}"))
                }
                SessionChoice::Number(SessionId(number)) => {
                    let event = event.about(format!("session {number}"));
                    match device {
                        Some(device) => event.of_device(device.as_str()),
                        None => event,
                    }
                }
            });
        }
        match ended {
            Ok(ended) => call.report(Ok(AdminReply::Ended(ended)), &mut self.out),
            // There is no such session, or no such device.
            Err(why) => call.report_error(AdminError::not_found(why), &mut self.out),
        }
    }

    fn end_choice(&mut self, choice: &SessionChoice) -> Result<usize, String> {
        let ended = match choice {
            SessionChoice::OfDevice(name) => self.end_sessions_of(name, Ending::ByOperator, None),
            SessionChoice::Number(number) => {
                self.end_sessions(|id, _| (id == *number).then_some(Ending::ByOperator))
            }
        };
        match (ended, choice) {
            (0, SessionChoice::OfDevice(name)) if !self.accounts.contains(name) => {
                Err(no_account(name))
            }
            (0, SessionChoice::OfDevice(name)) => Err(format!("{name} has no session")),
            (0, SessionChoice::Number(SessionId(number))) => {
                Err(format!("there is no session {number}"))
            }
            (ended, _) => Ok(ended),
        }
    }
}
