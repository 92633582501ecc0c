//! Errors as the API sends them: `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fleetlink_core::{AdminError, AdminErrorKind};
use fleetlink_proto::control::{ErrorCode, RpcError};
use serde::Serialize;
use utoipa::ToSchema;

/// The header that the page sends with each request.
pub(crate) const PAGE_HEADER: &str = "x-fleetlink";

/// The code of the error for a caller that is not, or no longer, known.
const LOGIN_NEEDED: &str = "login_needed";

/// An error as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub(crate) struct ProblemDocument {
    /// Always `about:blank`: `code` tells errors apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// A sentence for people: the fault, and what to do.
    detail: String,
    /// The error, for programs.
    code: &'static str,
    /// The line of the data file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// After how many milliseconds another try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// An error of a request. In a box: most requests have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(Box<Content>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    document: ProblemDocument,
    /// Whether a client other than the page shall ask for a name and a password.
    challenges: bool,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Problem(Box::new(Content {
            document: ProblemDocument {
                kind: "about:blank",
                title: title.to_owned(),
                status: status.as_u16(),
                detail: detail.into(),
                code,
                line: None,
                retry_after_ms: None,
            },
            challenges: false,
        }))
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Problem::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::InvalidParams.name(),
            detail,
        )
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::FORBIDDEN, ErrorCode::NotAllowed.name(), detail)
    }

    pub(super) fn misdirected(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", detail)
    }

    /// The caller is not known. Only the page is spared the browser's own question for a password.
    pub(crate) fn unauthorised(headers: &HeaderMap, detail: impl Into<String>) -> Self {
        let mut problem = Problem::new(StatusCode::UNAUTHORIZED, LOGIN_NEEDED, detail);
        problem.0.challenges = !headers.contains_key(PAGE_HEADER);
        problem
    }

    /// The same problem as the reply to a login that failed with this code.
    #[must_use]
    pub(crate) fn of_login(error: RpcError, headers: &HeaderMap) -> Self {
        let mut problem = Problem::from(error);
        let is_unknown = problem.status() == StatusCode::UNAUTHORIZED;
        problem.0.challenges = is_unknown && !headers.contains_key(PAGE_HEADER);
        problem
    }

    /// The core gave a reply of another kind.
    pub(crate) fn internal(why: impl Into<String>) -> Self {
        RpcError::new(ErrorCode::Internal, why).into()
    }

    pub(crate) fn odd_reply() -> Self {
        RpcError::new(ErrorCode::Internal, "the hub gave a reply of another kind").into()
    }

    pub(crate) fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.0.document.status);
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The status of an error of the core.
fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::ParseError | ErrorCode::InvalidRequest | ErrorCode::InvalidParams => {
            StatusCode::BAD_REQUEST
        }
        // A call without a session is out of order only where its caller is not, or no longer, logged in.
        ErrorCode::OutOfOrder
        | ErrorCode::WrongPassword
        | ErrorCode::NowBlocked
        | ErrorCode::KeyRefused => StatusCode::UNAUTHORIZED,
        ErrorCode::Blocked | ErrorCode::Penalised => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::NotAllowed | ErrorCode::NoChannel => StatusCode::FORBIDDEN,
        ErrorCode::MethodNotFound
        | ErrorCode::NoSuchFile
        | ErrorCode::NoSuchTransfer
        | ErrorCode::NoSuchTicket
        | ErrorCode::NoKey => StatusCode::NOT_FOUND,
        ErrorCode::BadLine | ErrorCode::HashMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::NoProgress => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::StoreFull | ErrorCode::QuotaReached => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::Busy
        | ErrorCode::Closing
        | ErrorCode::StoreUnavailable
        | ErrorCode::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal | ErrorCode::Corrupt | ErrorCode::Other(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        ErrorCode::VersionMismatch
        | ErrorCode::Replaced
        | ErrorCode::ActiveElsewhere
        | ErrorCode::KeyEnrolled
        | ErrorCode::StaleNonce
        | ErrorCode::NoSamples
        | ErrorCode::Conflict
        | ErrorCode::TicketUsed
        | ErrorCode::TicketExpired
        | ErrorCode::TicketRevoked
        | ErrorCode::NameTaken
        | ErrorCode::Offline
        | ErrorCode::NoEndpoint
        | ErrorCode::BadCertificate => StatusCode::CONFLICT,
    }
}

impl From<RpcError> for Problem {
    fn from(error: RpcError) -> Self {
        let RpcError {
            code,
            message,
            data,
        } = error;
        let name = match code {
            ErrorCode::OutOfOrder => LOGIN_NEEDED,
            code => code.name(),
        };
        let mut problem = Problem::new(status_of(code), name, message);
        let data = data.unwrap_or_default();
        let document = &mut problem.0.document;
        document.line = data.line;
        document.retry_after_ms = data.retry_after_ms;
        problem
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let (status, code) = match error.kind {
            AdminErrorKind::NotAdmitted => (StatusCode::UNAUTHORIZED, LOGIN_NEEDED),
            AdminErrorKind::Forbidden => (StatusCode::FORBIDDEN, "not_allowed"),
            AdminErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            AdminErrorKind::Invalid => (StatusCode::BAD_REQUEST, "invalid_params"),
            AdminErrorKind::Refused => (StatusCode::CONFLICT, "conflict"),
            AdminErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            AdminErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            AdminErrorKind::Unknown => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
        };
        Problem::new(status, code, error.message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let Content {
            document,
            challenges,
        } = *self.0;
        let wait = match (document.retry_after_ms, status) {
            (Some(wait), _) => Some(wait),
            (None, StatusCode::SERVICE_UNAVAILABLE) => Some(1_000),
            _ => None,
        };
        let mut response = (status, Json(document)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, json);
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1_000)));
        }
        if challenges {
            let basic = HeaderValue::from_static("Basic realm=\"fleetlink\", charset=\"UTF-8\"");
            headers.insert(WWW_AUTHENTICATE, basic);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_of_a_login_challenges_everybody_but_the_page() {
        let response = |headers: &HeaderMap| {
            let error = RpcError::new(ErrorCode::WrongPassword, "no");
            Problem::of_login(error, headers).into_response()
        };
        let other = response(&HeaderMap::new());
        assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
        assert!(other.headers().contains_key(WWW_AUTHENTICATE));
        let mut page = HeaderMap::new();
        page.insert(PAGE_HEADER, HeaderValue::from_static("1"));
        assert!(!response(&page).headers().contains_key(WWW_AUTHENTICATE));
    }

    #[test]
    fn a_caller_that_is_known_no_more_has_to_log_in() {
        let gone = RpcError::new(ErrorCode::OutOfOrder, "upload.commit comes after a login");
        let not_admitted = AdminError {
            kind: AdminErrorKind::NotAdmitted,
            message: gone.message.clone(),
        };
        let problem = Problem::from(gone);
        assert_eq!(problem.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(problem.0.document.code, LOGIN_NEEDED);
        assert_eq!(problem, Problem::from(not_admitted));
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_that_are_no_less() {
        let full = RpcError::new(ErrorCode::Busy, "full").retry_after(Duration::from_millis(1_200));
        let response = Problem::from(full).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let unknown = RpcError::new(ErrorCode::OutcomeUnknown, "ask again");
        let response = Problem::from(unknown).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
