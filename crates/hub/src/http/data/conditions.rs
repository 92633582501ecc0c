//! The conditions of an upload: it changes the version that its sender means, or nothing.

use axum::http::header::{CONTENT_RANGE, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use fleetlink_core::Caller;
use fleetlink_proto::{DeviceName, Version};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::super::Http;
use super::super::problem::Problem;
use super::subject::Subject;

/// The condition of a request on the version that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conditions {
    is: Option<Tags>,
    is_not: Option<Tags>,
}

/// The tags of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: a data file that is there, whatever its version.
    Any,
    These(Vec<String>),
}

impl Conditions {
    /// The conditions of an upload.
    ///
    /// # Errors
    /// They cannot be read, or the body is a part of the data file alone (RFC 9110, 14.5).
    pub(super) fn of_upload(headers: &HeaderMap) -> Result<Self, Problem> {
        if headers.contains_key(CONTENT_RANGE) {
            let why = "an upload takes no Content-Range: PUT replaces the whole data file, POST adds \
                       to it, and Upload-Offset with an Idempotency-Key goes on with an upload";
            return Err(Problem::bad_request(why));
        }
        Ok(Conditions {
            is: tags(headers, &IF_MATCH)?,
            is_not: tags(headers, &IF_NONE_MATCH)?,
        })
    }

    /// Whether there are any.
    pub(super) fn are_set(&self) -> bool {
        self.is.is_some() || self.is_not.is_some()
    }

    fn hold(&self, version: Option<Version>) -> bool {
        let tag = version.map(Subject::tag);
        let named = |tags: &Tags, strip: fn(&str) -> &str| match (tags, &tag) {
            (_, None) => false,
            (Tags::Any, Some(_)) => true,
            (Tags::These(tags), Some(tag)) => tags.iter().any(|known| strip(known) == tag),
        };
        // A weak tag never matches here (RFC 9110, 13.1.1), and there it does.
        self.is.as_ref().is_none_or(|tags| named(tags, |tag| tag))
            && self
                .is_not
                .as_ref()
                .is_none_or(|tags| !named(tags, |tag| tag.trim_start_matches("W/")))
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let mut found: Option<Tags> = None;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| unreadable(name))?.trim();
        found = match (found, text) {
            (None, "*") => Some(Tags::Any),
            (Some(Tags::Any), _) | (_, "" | "*") => return Err(unreadable(name)),
            (found, text) => {
                let mut known = match found {
                    Some(Tags::These(known)) => known,
                    _ => Vec::new(),
                };
                known.extend(text.split(',').map(|tag| tag.trim().to_owned()));
                Some(Tags::These(known))
            }
        };
    }
    Ok(found)
}

fn unreadable(name: &HeaderName) -> Problem {
    let why = format!("{name} is a list of ETags of this data file, or *");
    Problem::bad_request(why)
}

/// The order of changes over HTTP. One with a condition has its device's data files to itself from the
/// look at the version until the change is done.
pub(in super::super) struct Turns([RwLock<()>; TURNS]);

const TURNS: usize = 64;

/// A change's turn.
pub(super) enum Turn<'a> {
    Shared(#[expect(dead_code, reason = "it is held")] RwLockReadGuard<'a, ()>),
    Alone(#[expect(dead_code, reason = "it is held")] RwLockWriteGuard<'a, ()>),
}

impl Turns {
    pub(in super::super) fn new() -> Self {
        Turns(std::array::from_fn(|_| RwLock::new(())))
    }

    /// Waits until a change of this device's data may be done.
    pub(super) async fn take(&self, device: &DeviceName, alone: bool) -> Turn<'_> {
        let hash = blake3::hash(device.folded().as_bytes());
        let lock = &self.0[usize::from(hash.as_bytes()[0]) % TURNS];
        match alone {
            true => Turn::Alone(lock.write().await),
            false => Turn::Shared(lock.read().await),
        }
    }
}

impl Http {
    /// Compares the version of a data file with what an upload says of it.
    ///
    /// # Errors
    /// It is another one, or cannot be found out.
    pub(super) async fn check_conditions(
        &self,
        caller: Caller,
        subject: &Subject,
        conditions: &Conditions,
    ) -> Result<(), Problem> {
        if !conditions.are_set() {
            return Ok(());
        }
        let version = match self.snapshot(caller, subject).await {
            Ok(snapshot) => Some(snapshot.version),
            Err(problem) if problem.status() == StatusCode::NOT_FOUND => None,
            Err(problem) => return Err(problem),
        };
        match conditions.hold(version) {
            true => Ok(()),
            false => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "conflict",
                match version {
                    Some(version) => format!(
                        "the data file has the version {version}, which If-Match or If-None-Match \
                         rules out; nothing is changed"
                    ),
                    None => "there is no such data file, and If-Match wants one".to_owned(),
                },
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(pairs: &[(HeaderName, &str)]) -> Result<Conditions, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        Conditions::of_upload(&headers)
    }

    #[test]
    fn an_upload_is_of_the_version_that_is_meant() {
        let version = |number: u64| Some(Version::at_most(number));
        for (pairs, of, holds) in [
            (&[][..], None, true),
            (&[], version(5), true),
            (&[(IF_MATCH, "*")], version(5), true),
            (&[(IF_MATCH, "*")], None, false),
            (&[(IF_MATCH, "\"v5\"")], version(5), true),
            (&[(IF_MATCH, "\"v4\", \"v5\"")], version(5), true),
            (
                &[(IF_MATCH, "\"v4\""), (IF_MATCH, "\"v5\"")],
                version(5),
                true,
            ),
            (&[(IF_MATCH, "W/\"v5\"")], version(5), false),
            (&[(IF_MATCH, "\"v4\"")], version(5), false),
            (&[(IF_MATCH, "\"v5\"")], None, false),
            (&[(IF_NONE_MATCH, "*")], None, true),
            (&[(IF_NONE_MATCH, "*")], version(5), false),
            (&[(IF_NONE_MATCH, "\"v5\"")], version(5), false),
            (&[(IF_NONE_MATCH, "W/\"v5\"")], version(5), false),
            (&[(IF_NONE_MATCH, "\"v4\"")], version(5), true),
            (
                &[(IF_MATCH, "*"), (IF_NONE_MATCH, "\"v5\"")],
                version(5),
                false,
            ),
        ] {
            let found = conditions(pairs).unwrap().hold(of);
            assert_eq!(found, holds, "{pairs:?} {of:?}");
        }
        for wrong in [
            &[(IF_MATCH, "")][..],
            &[(IF_MATCH, "*"), (IF_MATCH, "\"v5\"")],
            &[(CONTENT_RANGE, "bytes 5-6/7")],
            &[(CONTENT_RANGE, "")],
        ] {
            assert!(conditions(wrong).is_err(), "{wrong:?}");
        }
    }
}
