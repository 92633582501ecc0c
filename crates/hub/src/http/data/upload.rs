//! Uploads: parsed, hashed and staged while they arrive, as in a session.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use fleetlink_core::Caller;
use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::{ErrorCode, OpenUpload, Receipt, RpcError, UploadMode};
use fleetlink_proto::samples::Summary;
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::conditions::Conditions;
use super::subject::Subject;
use super::summary::SummaryDocument;
use crate::driver::OpenedUpload;
use crate::operator::random_key;

mod receiving;

use self::receiving::Receiving;

/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The bytes of an upload that the hub keeps, and those that the client leaves out.
pub(super) const UPLOAD_OFFSET: &str = "upload-offset";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An upload that is committed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Uploaded {
    /// Samples of this upload.
    samples: u64,
    /// Bytes of this upload.
    bytes: u64,
    /// The data file's version that this upload made.
    version: u64,
    /// The summary of this upload; null if it was committed before.
    summary: Option<SummaryDocument>,
}

impl Uploaded {
    fn new(receipt: &Receipt, summary: Option<&Summary>) -> Self {
        Uploaded {
            samples: receipt.samples,
            bytes: receipt.bytes,
            version: receipt.version.into(),
            summary: summary.map(SummaryDocument::from),
        }
    }
}

/// Replaces a data file. What a client sends again under the same key has one effect.
#[utoipa::path(put, path = "/api/v1/devices/{device}/data/{file}", tag = "data",
    operation_id = "replace_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "Names this upload across retries."),
        ("Upload-Offset" = Option<u64>, Header,
            description = "The bytes at the beginning that the hub keeps already, as HEAD told."),
        ("If-Match" = Option<String>, Header,
            description = "The tags of the versions of which one is changed, or * for any."),
        ("If-None-Match" = Option<String>, Header,
            description = "* where no data file of this name may be there yet.")),
    request_body(content = String, content_type = "text/plain"),
    responses(
        (status = 200, body = Uploaded, description = "It had been committed before."),
        (status = 201, body = Uploaded),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn replace(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    subject: Subject,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    upload(http, caller, subject, UploadMode::Replace, headers, body).await
}

/// Adds samples at the end of a data file. What a client sends again under the same key has one
/// effect.
#[utoipa::path(post, path = "/api/v1/devices/{device}/data/{file}", tag = "data",
    operation_id = "append_to_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "Names this upload across retries."),
        ("Upload-Offset" = Option<u64>, Header,
            description = "The bytes at the beginning that the hub keeps already, as HEAD told."),
        ("If-Match" = Option<String>, Header,
            description = "The tags of the versions of which one is changed, or * for any."),
        ("If-None-Match" = Option<String>, Header,
            description = "* where no data file of this name may be there yet.")),
    request_body(content = String, content_type = "text/plain"),
    responses(
        (status = 200, body = Uploaded, description = "It had been committed before."),
        (status = 201, body = Uploaded),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn append(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    subject: Subject,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    upload(http, caller, subject, UploadMode::Append, headers, body).await
}

async fn upload(
    http: Arc<Http>,
    caller: Caller,
    subject: Subject,
    mode: UploadMode,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Some(own) = caller.device() else {
        return Err(Problem::forbidden("a device alone uploads data"));
    };
    if *own != subject.device {
        return Err(Problem::forbidden("a device uploads its own data alone"));
    }
    let conditions = Conditions::of_upload(&headers)?;
    let open = OpenUpload {
        file: subject.file.clone(),
        mode,
        key: key_of(&headers)?,
        upload: None,
    };
    let left_out = offset_of(&headers)?;
    let begun = match http.calls.open_upload(caller.clone(), open).await? {
        OpenedUpload::Committed(receipt) => {
            return Ok(uploaded(StatusCode::OK, &receipt, None));
        }
        OpenedUpload::Begun(begun) => begun,
    };
    // Once more before the commit; here, so that nothing is sent in vain.
    http.check_conditions(caller.clone(), &subject, &conditions)
        .await?;
    let (reply, replied) = oneshot::channel();
    // On its own: if the client breaks off, what came is kept, and a commit goes on.
    let receiving = Receiving::new(http, caller, begun, body).of(subject, conditions);
    tokio::spawn(receiving.run(left_out, reply));
    let done = replied.await.unwrap_or_else(|_| Err(died().into()));
    let (receipt, summary) = done?;
    Ok(uploaded(StatusCode::CREATED, &receipt, Some(&summary)))
}

/// The reply to an upload, with the tag of the version that it has made.
fn uploaded(status: StatusCode, receipt: &Receipt, summary: Option<&Summary>) -> Response {
    let tag = [(ETAG, Subject::tag(receipt.version))];
    let document = Json(Uploaded::new(receipt, summary));
    (status, tag, document).into_response()
}

fn died() -> RpcError {
    RpcError::new(
        ErrorCode::Internal,
        "the upload ended by a fault of the hub",
    )
}

/// The key of a change; one that the hub makes, if the client gives none.
pub(super) fn key_of(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    match headers.get(IDEMPOTENCY_KEY) {
        Some(key) => parse_key(key.to_str().unwrap_or_default()),
        None => random_key()
            .map_err(|error| RpcError::new(ErrorCode::Internal, error.to_string()).into()),
    }
}

/// A key as the control protocol writes it, or any other text: then its hash is the key.
pub(super) fn parse_key(text: &str) -> Result<IdempotencyKey, Problem> {
    if text.is_empty() || text.len() > MAX_KEY_BYTES {
        let why = format!("an idempotency key is a text of 1 to {MAX_KEY_BYTES} bytes");
        return Err(Problem::bad_request(why));
    }
    Ok(text.parse().unwrap_or_else(|_| {
        let hash = blake3::hash(text.as_bytes());
        let mut bits = [0; 16];
        bits.copy_from_slice(&hash.as_bytes()[..16]);
        IdempotencyKey::from_bits(u128::from_be_bytes(bits))
    }))
}

/// The number of bytes that the client does not send again.
fn offset_of(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(offset) = headers.get(UPLOAD_OFFSET) else {
        return Ok(0);
    };
    let offset = offset.to_str().ok().and_then(|offset| offset.parse().ok());
    offset.ok_or_else(|| Problem::bad_request("Upload-Offset is a number of bytes"))
}

/// Unfinished uploads that are looked through at most.
const UPLOADS_LISTED: usize = 10_000;

impl Http {
    /// The bytes that the hub keeps of a device's upload.
    pub(super) async fn upload_offset(
        &self,
        caller: Caller,
        subject: &Subject,
        key: IdempotencyKey,
    ) -> Result<u64, Problem> {
        if caller.device() != Some(&subject.device) {
            return Err(Problem::forbidden("a device sees its own uploads alone"));
        }
        let uploads = self.store.uploads(UPLOADS_LISTED).await;
        let uploads = uploads.map_err(super::of_store)?;
        let found = uploads
            .into_iter()
            .find(|upload| upload.device == subject.device && upload.key == key);
        match found {
            Some(upload) => Ok(upload.bytes),
            None => Err(Problem::not_found(
                "nothing is kept of an upload of this key: it is committed, or to be sent whole",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_key_and_each_names_one_upload() {
        let key = |text: &str| parse_key(text).unwrap();
        let own = "0123456789abcdef0123456789abcdef";
        assert_eq!(key(own).to_string(), own);
        assert_eq!(key("monday"), key("monday"));
        assert_ne!(key("monday"), key("tuesday"));
        assert!(parse_key("").is_err() && parse_key(&"x".repeat(256)).is_err());
        let none = HeaderMap::new();
        assert_ne!(key_of(&none).unwrap(), key_of(&none).unwrap());
    }
}
