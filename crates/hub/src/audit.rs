//! Audit records as documents, and the filters that people write: for the API, the command line and the
//! hub's lines.

use fleetlink_core::{
    ActorKind, AuditAction, AuditBy, AuditEvent, AuditFilter, AuditId, AuditPlace, AuditRecord,
    Outcome,
};
use fleetlink_proto::WallTime;
use fleetlink_proto::samples::{Decimal, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An audit record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "AuditEvent", as = AuditEvent)]
pub struct AuditDocument {
    /// Its number, which no other record ever has.
    pub id: String,
    /// The time, in UTC.
    pub at: String,
    /// The deed or the attempt: one of a closed set of words.
    pub action: String,
    pub by: AuditActor,
    /// `session`, `socket`, `http` or `mqtt`; null where the hub did it, or a command without a hub.
    pub door: Option<String>,
    /// The address from which it was done.
    pub address: Option<String>,
    /// The device that it is about. Of a failed login, the name as it was sent.
    pub device: Option<String>,
    /// The data file that it is about.
    pub file: Option<String>,
    /// Something else that it is about, such as `ticket 3`.
    pub subject: Option<String>,
    /// `done`, `refused` or `failed`.
    pub outcome: String,
    /// More in words.
    pub detail: Option<String>,
}

/// The one who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditActor {
    /// `device`, `operator`, `administrator`, `viewer`, `token`, `nobody` or `hub`.
    pub kind: String,
    /// The name of the device, login or token, or the hub's part.
    pub name: Option<String>,
}

impl From<AuditRecord> for AuditDocument {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { id, event } = record;
        let AuditEvent {
            at,
            action,
            by,
            door,
            address,
            device,
            file,
            subject,
            outcome,
            detail,
        } = event;
        AuditDocument {
            id: id.0.to_string(),
            at: at.to_string(),
            action: action.to_string(),
            by: AuditActor {
                kind: by.kind.to_string(),
                name: by.name.map(Into::into),
            },
            door: door.map(|door| door.as_str().to_owned()),
            address: address.map(|address| address.to_string()),
            device: device.map(Into::into),
            file: file.map(|file| file.to_string()),
            subject: subject.map(Into::into),
            outcome: outcome.to_string(),
            detail: detail.map(Into::into),
        }
    }
}

/// A filter as people write it. What is empty is not given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AuditWish {
    /// Only records about this device.
    pub device: Option<String>,
    /// Only records about this data file.
    pub file: Option<String>,
    /// Only records of this action, or of all actions that begin with this word and a dot, as `key`;
    /// several are separated by commas.
    pub action: Option<String>,
    /// Only records by this kind of caller (`device`, `operator`, `administrator`, `viewer`, `token`,
    /// `nobody`, `hub`), or by the one of this name.
    pub by: Option<String>,
    /// Only records with this outcome: `done`, `refused` or `failed`.
    pub outcome: Option<String>,
    /// Only records from this time on: RFC 3339, or milliseconds since 1970.
    pub from: Option<String>,
    /// Only records before this time.
    pub to: Option<String>,
}

impl AuditWish {
    /// The filter that is meant.
    ///
    /// # Errors
    /// A sentence: a word or a time is none.
    pub fn parse(&self) -> Result<AuditFilter, String> {
        let file = given(self.file.as_ref()).map(|file| {
            file.parse()
                .map_err(|error| format!("file is the name of a data file: {error}"))
        });
        let outcome = given(self.outcome.as_ref()).map(|word| {
            Outcome::of_word(word).ok_or_else(|| "outcome is done, refused or failed".to_owned())
        });
        let by = given(self.by.as_ref()).map(|by| match ActorKind::of_word(by) {
            Some(kind) => AuditBy::Kind(kind),
            None => AuditBy::Name(by.into()),
        });
        let time = |name: &str, text: Option<&String>| {
            let time = given(text).map(|text| parse_time(text).ok_or_else(|| no_time(name)));
            time.transpose()
        };
        Ok(AuditFilter {
            device: given(self.device.as_ref()).map(Into::into),
            file: file.transpose()?,
            actions: given(self.action.as_ref()).map(parse_actions).transpose()?,
            by,
            outcome: outcome.transpose()?,
            from: time("from", self.from.as_ref())?,
            to: time("to", self.to.as_ref())?,
        })
    }
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn parse_actions(words: &str) -> Result<Vec<AuditAction>, String> {
    let mut actions = Vec::new();
    for word in words.split(',') {
        actions.extend(parse_action(word)?);
    }
    actions.sort_unstable();
    actions.dedup();
    Ok(actions)
}

fn parse_action(word: &str) -> Result<Vec<AuditAction>, String> {
    let actions = AuditAction::beginning_with(word);
    match actions.is_empty() {
        true => {
            let all: Vec<&str> = AuditAction::ALL.iter().map(|a| a.as_str()).collect();
            let all = all.join(", ");
            Err(format!(
                "action is one of {all}, or what some of them begin with before a dot"
            ))
        }
        false => Ok(actions),
    }
}

/// A time to the millisecond. One between two is the later one, so that no bound takes in more.
fn parse_time(text: &str) -> Option<WallTime> {
    let nanos = match Decimal::parse_sample(text.as_bytes()) {
        // A decimal counts in 10^-9.
        Ok(millis) => millis.units().checked_div_euclid(1_000)?,
        Err(_) => Timestamp::parse(text.as_bytes()).ok()?.unix_nanos(),
    };
    let millis = nanos.div_euclid(1_000_000) + i128::from(nanos.rem_euclid(1_000_000) > 0);
    let millis = i64::try_from(millis).ok()?;
    Some(WallTime::from_unix_millis(millis))
}

fn no_time(name: &str) -> String {
    format!("{name} is a time: RFC 3339, as 2026-01-31T12:00:00Z, or milliseconds since 1970")
}

/// The text of a place in the list, and back.
pub(crate) fn cursor(record: &AuditRecord) -> String {
    format!("{}.{}", record.event.at.unix_millis(), record.id.0)
}

pub(crate) fn parse_cursor(text: &str) -> Option<AuditPlace> {
    let (at, id) = text.split_once('.')?;
    Some(AuditPlace {
        at: WallTime::from_unix_millis(at.parse().ok()?),
        id: AuditId(id.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(set: impl FnOnce(&mut AuditWish)) -> Result<AuditFilter, String> {
        let mut wish = AuditWish::default();
        set(&mut wish);
        wish.parse()
    }

    #[test]
    fn words_are_understood_and_empty_ones_are_not_given() {
        let empty = wish(|wish| {
            wish.device = Some(String::new());
            wish.action = Some(String::new());
            wish.from = Some(String::new());
        });
        assert_eq!(empty, Ok(AuditFilter::default()));
        let keys = wish(|wish| wish.action = Some("key".to_owned())).unwrap();
        assert_eq!(keys.actions.map(|actions| actions.len()), Some(3));
        let several = "key,ticket.used,key.revoked".to_owned();
        let several = wish(|wish| wish.action = Some(several)).unwrap();
        assert_eq!(several.actions.map(|actions| actions.len()), Some(4));
        let by = |text: &str| wish(|wish| wish.by = Some(text.to_owned())).unwrap().by;
        assert_eq!(by("nobody"), Some(AuditBy::Kind(ActorKind::Nobody)));
        assert_eq!(by("ana"), Some(AuditBy::Name("ana".into())));
    }

    #[test]
    fn times_are_instants_or_milliseconds() {
        let from = |text: &str| wish(|wish| wish.from = Some(text.to_owned())).map(|f| f.from);
        let at = |ms| Ok(Some(WallTime::from_unix_millis(ms)));
        assert_eq!(from("1970-01-01T00:00:01Z"), at(1000));
        assert_eq!(from("1970-01-01T00:00:00.0000001Z"), at(1));
        assert_eq!(from("1000"), at(1000));
        assert_eq!(from("-1"), at(-1));
        for wrong in ["yesterday", "1e3x", "2026-01-31"] {
            assert!(
                from(wrong).unwrap_err().contains("from is a time"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_does() {
        let action = wish(|wish| wish.action = Some("kez".to_owned())).unwrap_err();
        assert!(
            action.contains("key.enrolled") && action.contains("locked_out"),
            "{action}"
        );
        assert!(wish(|wish| wish.outcome = Some("ok".to_owned())).is_err());
        assert!(wish(|wish| wish.file = Some("a//b".to_owned())).is_err());
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        for text in ["-5.7", "1664533873042.18446744073709551615"] {
            let AuditPlace { at, id } = parse_cursor(text).unwrap();
            assert_eq!(format!("{}.{}", at.unix_millis(), id.0), text);
        }
        for wrong in ["", ".", "1", "1.", "1.x", "1.-1", "1.2.3"] {
            assert_eq!(parse_cursor(wrong), None, "{wrong}");
        }
    }
}
