//! The content of a data file.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fleetlink_core::Caller;
use fleetlink_proto::control::RpcError;
use fleetlink_proto::{IdempotencyKey, Version};
use futures_util::stream::{Stream, try_unfold};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::extract::Fields;
use super::super::page::is_known;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::lines::{Lines, Written};
use super::source::Source;
use super::subject::Subject;
use super::upload::{self, UPLOAD_OFFSET};
use crate::operator::{Content, Next};

/// The form of a content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// As it is stored.
    #[default]
    Text,
    /// With a line of names.
    Csv,
    /// A JSON object a line; values are exact decimals in text.
    Ndjson,
}

impl Format {
    /// The tag of a version in this form. That of another form than the stored one is weak: its bytes are
    /// others.
    fn tag(self, version: Version) -> String {
        let tag = Subject::tag(version);
        match self {
            Format::Text => tag,
            Format::Csv | Format::Ndjson => format!("W/{tag}"),
        }
    }
}

/// The form of a content.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormatFields {
    #[param(inline)]
    format: Option<Format>,
}

/// Sends a data file, or as much of it as `Range` asks for.
#[utoipa::path(get, path = "/api/v1/devices/{device}/data/{file}", tag = "data",
    operation_id = "read_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path), FormatFields,
        ("Range" = Option<String>, Header,
            description = "One range of bytes; only of the stored form.")),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 206, body = String, content_type = "text/plain"),
        (status = 304, description = "The client has this version."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn content(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    subject: Subject,
    Fields(FormatFields { format }): Fields<FormatFields>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send(http, caller, subject, format.unwrap_or_default(), &headers).await
}

/// The content in a form, with the headers that describe it.
async fn send(
    http: Arc<Http>,
    caller: Caller,
    subject: Subject,
    format: Format,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let snapshot = http.snapshot(caller.clone(), &subject).await?;
    let tag = format.tag(snapshot.version);
    if is_known(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let content = Content::new(&http.store, snapshot);
    let source = Source::new(http, caller, subject.clone(), content);
    Ok(match format {
        Format::Text => as_stored(source, &subject, tag, headers),
        Format::Csv => rewritten(source, &subject, tag, Written::Csv),
        Format::Ndjson => rewritten(source, &subject, tag, Written::Ndjson),
    })
}

/// The upload whose progress is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadFields {
    /// The idempotency key of an upload: the reply tells how much of it the hub keeps.
    #[param(min_length = 1, max_length = 255)]
    upload: Option<String>,
    /// The form that is described.
    #[param(inline)]
    format: Option<Format>,
}

/// Tells the version and the size of a data file, or how much the hub keeps of an upload.
#[utoipa::path(head, path = "/api/v1/devices/{device}/data/{file}", tag = "data",
    operation_id = "look_at_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path), UploadFields),
    responses(
        (status = 200, description = "In the headers, ETag and Content-Length, or Upload-Offset.",
            headers(("Upload-Offset" = u64, description = "The bytes of the upload that are kept."))),
        (status = 304, description = "The client has this version."),
        (status = "4XX", description = "As for GET."),
        (status = "5XX", description = "As for GET."),
    ))]
pub(crate) async fn head(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    subject: Subject,
    Fields(UploadFields { upload, format }): Fields<UploadFields>,
    mut headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(key) = upload {
        let key: IdempotencyKey = upload::parse_key(&key)?;
        let offset = http.upload_offset(caller, &subject, key).await?;
        return Ok([(HeaderName::from_static(UPLOAD_OFFSET), offset)].into_response());
    }
    // A range is of GET alone.
    headers.remove(RANGE);
    send(http, caller, subject, format.unwrap_or_default(), &headers).await
}

fn as_stored(mut source: Source, subject: &Subject, tag: String, headers: &HeaderMap) -> Response {
    let whole = source.content.info().bytes;
    let wanted = wanted_range(headers, &tag).map(|text| Range::parse(text, whole));
    let wanted = match wanted.transpose() {
        Ok(wanted) => wanted.flatten(),
        Err(problem) => return unsatisfiable(problem, whole),
    };
    let (from, bytes) = wanted.map_or((0, whole), |range| (range.from, range.bytes));
    let pass_over = from - source.content.skip(from);
    let body = Body::from_stream(pieces(source, (pass_over, bytes)));
    let mut response = described(body, subject, tag, "text/plain; charset=utf-8", "txt");
    let of_response = response.headers_mut();
    of_response.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    of_response.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if wanted.is_some() {
        let last = from + bytes - 1;
        if let Ok(range) = HeaderValue::from_str(&format!("bytes {from}-{last}/{whole}")) {
            of_response.insert(CONTENT_RANGE, range);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// Refuses a range, and tells how much there is.
fn unsatisfiable(problem: Problem, whole: u64) -> Response {
    let mut response = problem.into_response();
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{whole}")) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}

fn rewritten(source: Source, subject: &Subject, tag: String, form: Written) -> Response {
    let lines = Lines::new(form);
    let stream = try_unfold(Some((source, lines)), async |state| {
        let Some((source, mut lines)) = state else {
            return Ok::<_, RpcError>(None);
        };
        match source.next().await? {
            (source, Next::Bytes(piece)) => {
                let written = lines.write(&piece)?;
                Ok(Some((Bytes::from(written), Some((source, lines)))))
            }
            (_, Next::End { .. }) => Ok(Some((Bytes::from(lines.finish()?), None))),
        }
    });
    let (content_type, extension) = form.names();
    described(
        Body::from_stream(Box::pin(stream)),
        subject,
        tag,
        content_type,
        extension,
    )
}

fn described(
    body: Body,
    subject: &Subject,
    tag: String,
    content_type: &'static str,
    extension: &str,
) -> Response {
    let Subject { device, file } = subject;
    let (file, ending) = (file.local_name(), format!(".{extension}"));
    // Many a data file has the name of the file that was uploaded.
    let stem = file.strip_suffix(&ending).unwrap_or(&file);
    let attachment = format!("attachment; filename=\"{device}-{stem}{ending}\"");
    let headers = [
        (CONTENT_TYPE, content_type.to_owned()),
        (CONTENT_DISPOSITION, attachment),
        (ETAG, tag),
    ];
    (headers, body).into_response()
}

/// The range that applies: one of another version does not.
fn wanted_range<'a>(headers: &'a HeaderMap, tag: &str) -> Option<&'a str> {
    let is_meant = headers.get(IF_RANGE).is_none_or(|meant| meant == tag);
    let range = headers.get(RANGE).filter(|_| is_meant)?;
    range.to_str().ok()
}

/// A range of bytes; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: u64,
    bytes: u64,
}

impl Range {
    /// The range that a header asks for; `None` if it is not one range of bytes: then all is sent
    /// (RFC 9110).
    ///
    /// # Errors
    /// It begins behind the end.
    fn parse(text: &str, whole: u64) -> Result<Option<Self>, Problem> {
        let Some((first, last)) = text
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Ok(None);
        };
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u64>().ok(),
            false => None,
        };
        let (from, end) = match (
            number(first),
            number(last),
            first.is_empty(),
            last.is_empty(),
        ) {
            (Some(from), Some(last), ..) if from <= last => {
                (from, whole.min(last.saturating_add(1)))
            }
            (Some(from), None, _, true) => (from, whole),
            (None, Some(count), true, _) => (whole.saturating_sub(count), whole),
            _ => return Ok(None),
        };
        match from < end {
            true => Ok(Some(Range {
                from,
                bytes: end - from,
            })),
            false => Err(Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "invalid_params",
                format!("the data file has {whole} bytes"),
            )),
        }
    }
}

/// So many bytes of a content, behind others that are passed over. A failure ends the connection, so
/// that the client sees that bytes are missing.
fn pieces(
    source: Source,
    (pass_over, bytes): (u64, u64),
) -> impl Stream<Item = Result<Bytes, RpcError>> + Send {
    let state = (source, pass_over, bytes);
    // In a box: the futures within are large.
    Box::pin(try_unfold(
        state,
        async |(mut source, mut pass_over, left)| {
            if left == 0 {
                return Ok::<_, RpcError>(None);
            }
            loop {
                let (next_source, Next::Bytes(piece)) = source.next().await? else {
                    return Ok(None);
                };
                source = next_source;
                let mut piece = Bytes::from(piece);
                let passed = piece
                    .len()
                    .min(usize::try_from(pass_over).unwrap_or(usize::MAX));
                let _ = piece.split_to(passed);
                pass_over -= passed as u64;
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                if !piece.is_empty() {
                    let left = left - piece.len() as u64;
                    return Ok(Some((piece, (source, pass_over, left))));
                }
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_within_the_content_or_refused() {
        let range =
            |text: &str| Range::parse(text, 10).map(|range| range.map(|r| (r.from, r.bytes)));
        for (text, wanted) in [
            ("bytes=0-0", (0, 1)),
            ("bytes=3-5", (3, 3)),
            ("bytes=3-99", (3, 7)),
            ("bytes=3-18446744073709551615", (3, 7)),
            ("bytes=9-", (9, 1)),
            ("bytes=-4", (6, 4)),
            ("bytes=-99", (0, 10)),
        ] {
            assert_eq!(range(text), Ok(Some(wanted)), "{text}");
        }
        for ignored in [
            "lines=1-2",
            "bytes=",
            "bytes=-",
            "bytes=5-3",
            "bytes=0-1,3-4",
            "bytes=+1-2",
            "bytes=a-",
        ] {
            assert_eq!(range(ignored), Ok(None), "{ignored}");
        }
        for behind in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            let refused = range(behind).unwrap_err();
            assert_eq!(
                refused.status(),
                StatusCode::RANGE_NOT_SATISFIABLE,
                "{behind}"
            );
        }
        assert!(Range::parse("bytes=0-", 0).is_err());
    }
}
