//! Executes the operator's calls; the core does almost all of them.

use std::sync::Arc;

use fleetlink_core::{
    AccountOrder, Actor, ActorKind, AdminReply, AdminRequest, AuditAction, AuditEvent, AuditPart,
    Author, Door, SessionChoice, SessionId,
};
use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;

use super::message::{AuditCall, OperatorCall, OperatorReply};
use super::status::Running;
use super::tickets;
use crate::audit::{AuditDocument, cursor, parse_cursor};
use crate::driver::DriverHandle;
use crate::driver::wall_time;
use crate::hub_state::HubState;
use crate::identity::{IdentityError, Rotated};
use crate::passwords::Passwords;
use crate::store::Store;

/// Audit records in one reply, at most: a reply is one line.
const AUDIT_PAGE: u32 = LISTED_AT_ONCE;

/// The parts that an operator's calls need. The holder of a desk has the data folder's lock.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) driver: DriverHandle,
    pub(crate) passwords: Passwords,
    /// For the content of data files, which no core carries.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hub_state: HubState,
    /// The parts of a hub that runs.
    pub(crate) running: Option<Arc<Running>>,
}

impl Desk {
    /// Has an operator's call done.
    pub(super) async fn perform(&self, call: OperatorCall) -> Result<OperatorReply, String> {
        let Desk {
            driver, passwords, ..
        } = self;
        let request = match call {
            OperatorCall::Data(call) => return self.data(call).await.map(OperatorReply::Data),
            // Answered by who sends the content behind the answer.
            OperatorCall::Read { device, file } => {
                let opened = self.content(device, file).await?;
                return Ok(opened.map_or_else(OperatorReply::NotDone, |content| {
                    OperatorReply::Content(content.info())
                }));
            }
            OperatorCall::People(call) => return self.people(call).await.map(OperatorReply::from),
            OperatorCall::Status => {
                let status = self.status().await?;
                return Ok(OperatorReply::Status(Box::new(status)));
            }
            OperatorCall::ListDevices { after } => {
                return self.devices(after).await.map(OperatorReply::Devices);
            }
            OperatorCall::RotateKey => return self.rotate_key().await,
            OperatorCall::ListAudit(call) => return self.list_audit(call).await,
            OperatorCall::AddAccount { name, password } => {
                password.check_for_account().map_err(|e| e.to_string())?;
                AdminRequest::Change {
                    name,
                    order: AccountOrder::Add(passwords.hash(password).await),
                }
            }
            OperatorCall::SetPassword { name, password } => {
                password.check_for_account().map_err(|e| e.to_string())?;
                AdminRequest::Change {
                    name,
                    order: AccountOrder::SetPassword(passwords.hash(password).await),
                }
            }
            OperatorCall::RemoveAccount { name, with_data } => {
                let key = random_key().map_err(|e| e.to_string())?;
                AdminRequest::Change {
                    name,
                    order: AccountOrder::Remove { with_data, key },
                }
            }
            OperatorCall::SetKey { name, key } => AdminRequest::SetKey { name, key },
            OperatorCall::RevokeKey { name } => AdminRequest::RevokeKey { name },
            OperatorCall::Unlock { name } => AdminRequest::Unlock { name },
            OperatorCall::ListAccounts { after } => AdminRequest::ListAccounts { after },
            OperatorCall::IssueTicket(order) => return tickets::issue(order, self).await,
            OperatorCall::RevokeTicket { ticket } => AdminRequest::RevokeTicket { ticket },
            OperatorCall::ListTickets { after } => AdminRequest::ListTickets { after },
            OperatorCall::ListSessions => AdminRequest::ListSessions,
            OperatorCall::ListUploads => AdminRequest::ListUploads,
            OperatorCall::EndSessionsOf { name } => {
                AdminRequest::EndSessions(SessionChoice::OfDevice(name))
            }
            OperatorCall::EndSession { session } => {
                AdminRequest::EndSessions(SessionChoice::Number(SessionId(session)))
            }
        };
        driver.admin(request).await.map(OperatorReply::from)
    }

    /// Not by the core, which knows no keys: nothing that it decides depends on which one it is.
    async fn rotate_key(&self) -> Result<OperatorReply, String> {
        let hub_state = self.hub_state.clone();
        let rotating =
            tokio::task::spawn_blocking(move || hub_state.identity()?.rotate(wall_time()));
        match rotating.await {
            Ok(Ok(rotated)) => {
                self.note_rotation(&rotated).await;
                Ok(OperatorReply::KeyRotated {
                    old: rotated.old,
                    new: rotated.new,
                })
            }
            Ok(Err(error)) => Err(IdentityError::to_string(&error)),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}

impl Desk {
    async fn list_audit(&self, call: AuditCall) -> Result<OperatorReply, String> {
        let AuditCall { wish, after, limit } = call;
        let place = |text: &String| {
            parse_cursor(text).ok_or_else(|| "there is no such place in the list".to_owned())
        };
        let after = after.as_ref().map(place).transpose()?;
        let limit = limit.clamp(1, AUDIT_PAGE);
        let request = AdminRequest::ListAudit {
            filter: Box::new(wish.parse()?),
            part: AuditPart::Newest { after },
            limit,
        };
        let AdminReply::Audit(records) = self.driver.admin(request).await? else {
            return Err("the hub gave a reply of another kind".to_owned());
        };
        let is_full = u32::try_from(records.len()).is_ok_and(|count| count >= limit);
        Ok(OperatorReply::Audit {
            next: records.last().filter(|_| is_full).map(cursor),
            records: records.into_iter().map(AuditDocument::from).collect(),
        })
    }

    async fn note_rotation(&self, rotated: &Rotated) {
        let author = Author {
            by: Actor {
                kind: ActorKind::Operator,
                name: None,
            },
            door: match self.hub_state {
                HubState::Running { .. } => Some(Door::Socket),
                HubState::Stopped(_) => None,
            },
            address: None,
        };
        let event = AuditEvent::new(wall_time(), AuditAction::HubKeyRotated, author);
        let pins = format!("from {} to {}", rotated.old, rotated.new);
        self.driver.happened(event.with_detail(pins)).await;
    }
}

/// A key for one change.
pub(crate) fn random_key() -> Result<IdempotencyKey, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(IdempotencyKey::from_bits(u128::from_be_bytes(bits)))
}
