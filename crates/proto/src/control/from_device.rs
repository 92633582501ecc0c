//! What a hub makes of a device's bytes: a message, a mistake to answer, or garbage to count.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{ErrorCode, RpcError};
use super::framer::{Frame, Framer};
use super::limits::MAX_CHUNK_BYTES;
use super::request::Request;
use super::request_id::RequestId;

/// What the hub found in a device's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum FromDevice<'a> {
    /// A call.
    Call {
        /// The caller's id for it.
        id: RequestId,
        /// What is asked.
        request: Request,
    },
    /// A chunk line; its body follows.
    Chunk {
        /// The upload that the body belongs to.
        upload: u64,
    },
    /// A piece of the chunk announced last.
    Body(&'a [u8]),
    /// Well-formed, but not a call that can be done: to be answered with this error.
    Invalid {
        /// The caller's id, where it could be read.
        id: Option<RequestId>,
        /// What is wrong.
        error: RpcError,
    },
    /// No message at all: to be counted, and answered once with this error.
    Garbage(RpcError),
}

/// Turns a device's bytes into [`FromDevice`], however they arrive in pieces.
#[derive(Debug, Default)]
pub struct HubDecoder {
    framer: Framer,
}

impl HubDecoder {
    /// Takes the next message off the front of `input`; `None` once all of it is consumed.
    pub fn next_message<'a>(&mut self, input: &mut &'a [u8]) -> Option<FromDevice<'a>> {
        Some(match self.framer.next_frame(input)? {
            Frame::Body(body) => FromDevice::Body(body),
            Frame::OverlongLine => FromDevice::Garbage(overlong()),
            Frame::Line(line) => self.line(&line),
        })
    }

    /// Bytes of the chunk announced last that have not come yet.
    pub fn body_left(&self) -> u32 {
        self.framer.body_left()
    }

    fn line(&mut self, line: &[u8]) -> FromDevice<'static> {
        match parse_line(line) {
            Ok(Line::Call { id, request }) => FromDevice::Call { id, request },
            Ok(Line::Chunk { upload, bytes }) => {
                self.framer.expect_body(bytes);
                FromDevice::Chunk { upload }
            }
            Err(outcome) => outcome,
        }
    }
}

enum Line {
    Call { id: RequestId, request: Request },
    Chunk { upload: u64, bytes: u32 },
}

/// The members of a request object (JSON-RPC 2.0, section 4).
#[derive(Deserialize)]
struct Envelope<'a> {
    jsonrpc: Option<&'a str>,
    id: Option<RequestId>,
    #[serde(borrow)]
    method: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

fn parse_line(line: &[u8]) -> Result<Line, FromDevice<'static>> {
    let text = std::str::from_utf8(line).map_err(|_| garbage("the line is not UTF-8"))?;
    let value: &RawValue =
        serde_json::from_str(text).map_err(|e| garbage(&format!("the line is no JSON: {e}")))?;
    let invalid = |id: Option<RequestId>, code, message: &str| FromDevice::Invalid {
        id,
        error: RpcError::new(code, message),
    };
    let Envelope {
        jsonrpc,
        id,
        method,
        params,
    } = serde_json::from_str(value.get()).map_err(|e| {
        invalid(
            None,
            ErrorCode::InvalidRequest,
            &format!("no request object: {e}"),
        )
    })?;
    if jsonrpc != Some("2.0") {
        let message = "the member \"jsonrpc\" must be \"2.0\"";
        return Err(invalid(id, ErrorCode::InvalidRequest, message));
    }
    let Some(method) = method else {
        return Err(invalid(
            id,
            ErrorCode::InvalidRequest,
            "the member \"method\" is missing",
        ));
    };
    let params = params.map_or("{}", RawValue::get);
    if !params.starts_with('{') {
        return Err(invalid(
            id,
            ErrorCode::InvalidParams,
            "the parameters must be an object",
        ));
    }
    let Some(id) = id else {
        return chunk(&method, params);
    };
    match Request::parse(&method, params) {
        Some(Ok(request)) => Ok(Line::Call { id, request }),
        Some(Err(e)) => {
            let message = format!("the parameters of {method} are wrong: {e}");
            Err(invalid(Some(id), ErrorCode::InvalidParams, &message))
        }
        None => {
            let known = Request::METHODS.join(", ");
            let message = format!("there is no such method; the methods are {known}");
            Err(invalid(Some(id), ErrorCode::MethodNotFound, &message))
        }
    }
}

/// The one message without an id. What follows a chunk line that cannot be understood is unknown,
/// so it counts as garbage.
fn chunk(method: &str, params: &str) -> Result<Line, FromDevice<'static>> {
    #[derive(Deserialize)]
    struct Chunk {
        upload: u64,
        bytes: u32,
    }
    if method != "upload.chunk" {
        return Err(FromDevice::Invalid {
            id: None,
            error: RpcError::new(
                ErrorCode::InvalidRequest,
                "only upload.chunk comes without an id",
            ),
        });
    }
    match serde_json::from_str(params) {
        Ok(Chunk { upload, bytes }) if (1..=MAX_CHUNK_BYTES).contains(&bytes) => {
            Ok(Line::Chunk { upload, bytes })
        }
        Ok(Chunk { bytes, .. }) => Err(garbage(&format!(
            "a chunk has 1 to {MAX_CHUNK_BYTES} bytes, not {bytes}"
        ))),
        Err(e) => Err(garbage(&format!(
            "the parameters of upload.chunk are wrong: {e}"
        ))),
    }
}

fn garbage(message: &str) -> FromDevice<'static> {
    FromDevice::Garbage(RpcError::new(ErrorCode::ParseError, message))
}

fn overlong() -> RpcError {
    let limit = super::limits::MAX_LINE_BYTES;
    RpcError::new(
        ErrorCode::ParseError,
        format!("a line has at most {limit} bytes"),
    )
}
