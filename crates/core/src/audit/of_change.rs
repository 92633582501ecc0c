//! The events of changes. A store calls this in the transaction of the change, and writes what it gets.

use fleetlink_proto::access::TokenRole;
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};

use crate::store::admission::{Admission, PageSession, PageSessions};
use crate::store::audit::action::AuditAction;
use crate::store::audit::author::{Actor, ActorKind, Author};
use crate::store::audit::event::AuditEvent;
use crate::store::audit::words::Outcome;
use crate::store::calls::{Account, Change, Ended, Query, StoreError, StoreReply};
use crate::store::journal::Deleter;
use crate::store::ticket::{TicketStanding, TicketUse};

/// The query whose reply before the change tells its event; none where the change itself does.
pub fn state_before(change: &Change) -> Option<Query> {
    match change {
        Change::SetKey { name, .. } | Change::RemoveLogin { name, .. } => {
            Some(Query::Account { name: name.clone() })
        }
        Change::ImportLogin {
            given,
            applies: true,
            ..
        } => {
            let name = given.name.clone();
            Some(Query::Account { name })
        }
        Change::RevokeTicket { ticket, .. } | Change::RedeemTicket { ticket, .. } => {
            Some(Query::Ticket(*ticket))
        }
        Change::SetRule(_) | Change::RemoveRule(_) => Some(Query::Rules),
        Change::EndPageSession { session } => Some(Query::Admission { secret: *session }),
        _ => None,
    }
}

/// The event of a change that a store has made: of one that changed nothing, and of one that has no
/// event, none. A repeated change of data has none either, which the store knows.
pub fn change_event(
    author: &Author,
    at: WallTime,
    change: &Change,
    before: Option<&StoreReply>,
    reply: &StoreReply,
) -> Option<AuditEvent> {
    let Tried {
        mut action,
        mut event,
    } = attempt(author, at, change)?;
    match (change, before, reply) {
        (Change::SetKey { name, key, .. }, Some(StoreReply::Account(before)), _) => {
            let before = key_of(before.as_ref(), name);
            if before == Some(key.key) {
                return None;
            }
            if before.is_some() {
                action = AuditAction::KeyReplaced;
            }
        }
        (Change::RemoveLogin { name, .. }, Some(StoreReply::Account(before)), _) => {
            let had = |account: &&Account| account.password_hash.is_some() || account.key.is_some();
            of_name(before.as_ref(), name).filter(had)?;
        }
        (Change::ImportLogin { given, .. }, Some(StoreReply::Account(before)), _)
            if of_name(before.as_ref(), &given.name).is_some() =>
        {
            action = AuditAction::AccountPasswordChanged;
        }
        (
            Change::RedeemTicket { name, key, .. },
            Some(StoreReply::Ticket(before)),
            StoreReply::Account(Some(after)),
        ) => {
            let used = before.iter().flat_map(|ticket| &ticket.used);
            let is_same = |used: &TicketUse| used.name == *name && used.key == key.key;
            if used.into_iter().any(is_same) {
                return None;
            }
            let effect = match after.created == key.enrolled {
                true => "the account was added",
                false => "the account was there",
            };
            event = add_detail(event, effect);
            // It has shown the private half of its key, and the name is its own from now on.
            event.by = Actor::device(name);
        }
        (Change::RevokeTicket { at, .. }, Some(StoreReply::Ticket(before)), _) => {
            let standing = before.as_ref().map(|ticket| ticket.standing(*at));
            standing.filter(|standing| *standing == TicketStanding::Open)?;
        }
        (Change::AddTicket { .. }, _, StoreReply::Ticket(added)) => {
            event = event.about(format!("ticket {}", added.as_ref()?.number));
        }
        (Change::AddToken { .. }, _, StoreReply::Token(token)) => {
            event = event.about(format!("token {}", token.id.0));
        }
        (Change::UseLink { .. } | Change::OpenPageSession { .. }, _, reply) => {
            let StoreReply::Admission(Some(Admission::Session(session))) = reply else {
                return None;
            };
            event.by = holder(session);
        }
        (Change::SetRule(rule), Some(StoreReply::Rules(before)), _) => {
            let before = before.iter().find(|before| before.name == rule.name);
            if before == Some(rule) {
                return None;
            }
            if let Some(before) = before {
                event = add_detail(event, &format!("before: {before}"));
            }
        }
        (Change::RemoveRule(name), Some(StoreReply::Rules(before)), _) => {
            if let Some(before) = before.iter().find(|before| before.name == *name) {
                event = event.with_detail(format!("before: {before}"));
            }
        }
        (Change::EndPageSession { .. }, before, _) => {
            let Some(StoreReply::Admission(Some(Admission::Session(session)))) = before else {
                return None;
            };
            event.by = holder(session);
        }
        (_, _, StoreReply::Ended(ended)) => {
            let what = numbers(ended);
            if what.is_empty() && matches!(change, Change::EndPageSessions(_)) {
                return None;
            }
            if !what.is_empty() {
                event = add_detail(event, &what);
            }
        }
        _ => {}
    }
    Some(AuditEvent { action, ..event })
}

/// The event of a change that a store has not made.
pub fn attempted(
    author: &Author,
    at: WallTime,
    change: &Change,
    error: &StoreError,
) -> Option<AuditEvent> {
    let outcome = match error {
        StoreError::Conflict(_) | StoreError::NotFound => Outcome::Refused,
        _ => Outcome::Failed,
    };
    let Tried { action, event } = attempt(author, at, change)?;
    let event = event.with_detail(error.to_string()).with_outcome(outcome);
    Some(AuditEvent { action, ..event })
}

/// Whether a change has an event, if it changes something. The journal has the data that are added to
/// data files, and other changes are the hub's own memory.
pub(crate) fn has_event(change: &Change) -> bool {
    match change {
        Change::Commit(commit) => commit.mode == UploadMode::Replace,
        Change::ImportLogin { applies, .. } => *applies,
        Change::FinishImport { .. } | Change::NoteUses(_) | Change::Record(_) => false,
        _ => true,
    }
}

struct Tried {
    action: AuditAction,
    event: AuditEvent,
}

/// The event as far as the change itself tells it. None of a change that has no event.
fn attempt(author: &Author, at: WallTime, change: &Change) -> Option<Tried> {
    use AuditAction as A;
    if !has_event(change) {
        return None;
    }
    let new = |action| AuditEvent::new(at, action, author.clone());
    let of = |action, device: &DeviceName| new(action).of_device(device.as_str());
    let event = match change {
        Change::AddAccount(account) => of(A::AccountAdded, &account.name),
        Change::SetPassword { name, .. } => of(A::AccountPasswordChanged, name),
        Change::ImportLogin { given, .. } => of(A::AccountAdded, &given.name),
        Change::RemoveLogin { name, .. } => of(A::AccountLoginRemoved, name),
        Change::SetKey { name, key, .. } => {
            of(A::KeyEnrolled, name).with_detail(key.key.to_string())
        }
        Change::RemoveKey { name } => of(A::KeyRevoked, name),
        Change::RemoveAccount { name } => of(A::AccountRemoved, name),
        Change::AddTicket { ticket, .. } => {
            let times = match ticket.uses {
                1 => "1 use".to_owned(),
                uses => format!("{uses} uses"),
            };
            new(A::TicketIssued).with_detail(format!("for {}, {times}", ticket.subject))
        }
        Change::RevokeTicket { ticket, .. } => {
            new(A::TicketRevoked).about(format!("ticket {ticket}"))
        }
        Change::RedeemTicket { ticket, name, key } => {
            let event = of(A::TicketUsed, name).about(format!("ticket {ticket}"));
            event.with_detail(key.key.to_string())
        }
        Change::AddWebLogin(login) => {
            let event = new(A::PersonAdded).about(format!("login {}", login.name));
            event.with_detail(format!("as {}", login.role))
        }
        Change::SetWebPassword { name, .. } => {
            new(A::PersonPasswordChanged).about(format!("login {name}"))
        }
        Change::RemoveWebLogin { name } => new(A::PersonRemoved).about(format!("login {name}")),
        Change::AddToken { token, .. } => {
            let event = new(A::TokenMade).with_detail(format!("{}, as {}", token.name, token.role));
            match &token.role {
                TokenRole::Device(device) => event.of_device(device.as_str()),
                TokenRole::Person(_) => event,
            }
        }
        Change::RevokeToken { token } => new(A::TokenRevoked).about(format!("token {}", token.0)),
        Change::AddLink { .. } => new(A::LinkMade),
        Change::UseLink { .. } => new(A::LinkUsed),
        Change::OpenPageSession { login, .. } => new(A::PageLogin).about(format!("login {login}")),
        Change::EndPageSession { .. } => new(A::PageLogout),
        Change::EndPageSessions(sessions) => match sessions {
            PageSessions::OfLogin(login) => new(A::PageLogout).about(format!("login {login}")),
            PageSessions::OfLinks => new(A::PageLogout).about("one-time links"),
            PageSessions::All => new(A::PageLogout).about("all sessions of the page"),
        },
        Change::SetRule(rule) => {
            let event = new(A::RuleSet).about(rule.name.to_string());
            event.with_detail(rule.to_string())
        }
        Change::RemoveRule(name) => new(A::RuleRemoved).about(name.to_string()),
        Change::Commit(commit) => {
            let mut event = of(A::DataUploaded, &commit.device);
            event.file = Some(commit.file.clone());
            let (samples, bytes) = (commit.staged.summary.count(), commit.staged.bytes);
            event.with_detail(format!("{samples} samples, {bytes} bytes"))
        }
        Change::Delete(delete) => {
            let mut event = of(A::DataDeleted, &delete.device);
            event.file = Some(delete.file.clone());
            if delete.by == Deleter::Retention {
                Author {
                    by: event.by,
                    door: event.door,
                    address: event.address,
                } = Author::hub(Some("retention"));
            }
            event
        }
        Change::FinishImport { .. } | Change::NoteUses(_) | Change::Record(_) => return None,
    };
    let action = event.action;
    Some(Tried { action, event })
}

fn add_detail(event: AuditEvent, more: &str) -> AuditEvent {
    match event.detail.clone() {
        Some(detail) => event.with_detail(format!("{detail}; {more}")),
        None => event.with_detail(more),
    }
}

/// The numbers of what a change has ended; empty where that is nothing.
fn numbers(ended: &Ended) -> String {
    let of = |count: usize, one: &str, several: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {several}")),
    };
    let numbers = [
        of(
            ended.sessions,
            "session of the page",
            "sessions of the page",
        ),
        of(ended.links, "unused link", "unused links"),
        of(ended.tokens, "token", "tokens"),
    ];
    let numbers: Vec<String> = numbers.into_iter().flatten().collect();
    match numbers.is_empty() {
        true => String::new(),
        false => format!("ended {}", numbers.join(", ")),
    }
}

/// The account, unless it is another one whose name differs by case.
fn of_name<'a>(account: Option<&'a Account>, name: &DeviceName) -> Option<&'a Account> {
    account.filter(|account| account.name == *name)
}

fn key_of(account: Option<&Account>, name: &DeviceName) -> Option<DeviceKey> {
    Some(of_name(account, name)?.key.as_ref()?.key)
}

/// The person whose session it is.
fn holder(session: &PageSession) -> Actor {
    use fleetlink_proto::access::Role;
    let name = match &session.login {
        Some(login) => login.as_str(),
        None => "one-time link",
    };
    Actor {
        kind: match session.role {
            Role::Administrator => ActorKind::Administrator,
            Role::Viewer => ActorKind::Viewer,
        },
        name: Some(name.into()),
    }
}
