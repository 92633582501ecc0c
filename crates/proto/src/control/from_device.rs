//! Decodes a device's bytes into a message, an invalid call that gets an error, or garbage that is
//! counted.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{ErrorCode, RpcError};
use super::framer::{Frame, Framer};
use super::limits::MAX_CHUNK_BYTES;
use super::number::UploadNumber;
use super::request::Request;
use super::request_id::RequestId;

/// The notification that bytes follow.
const CHUNK: &str = "upload.chunk";

/// A decoded input of a device.
#[derive(Debug, PartialEq, Eq)]
pub enum FromDevice<'a> {
    /// A call.
    Call {
        /// The caller's id for it.
        id: RequestId,
        /// The call.
        request: Request,
    },
    /// A chunk line; its body follows.
    Chunk {
        /// The upload that the body belongs to.
        upload: UploadNumber,
    },
    /// A piece of the chunk announced last.
    Body(&'a [u8]),
    /// Well-formed, but not a call that can be done: to be answered with this error.
    Invalid {
        /// The caller's id, where it could be read.
        id: Option<RequestId>,
        /// The error for the reply.
        error: RpcError,
    },
    /// A notification that this version does not know, to be passed over.
    UnknownNotification(String),
    /// No message at all: to be counted, and answered once with this error.
    Garbage(RpcError),
    /// A chunk line that is wrong: what follows it cannot be told from lines any more, so the
    /// session is over.
    Unframed(RpcError),
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
            Ok(Line::UnknownNotification(method)) => FromDevice::UnknownNotification(method),
            Err(fault) => *fault,
        }
    }
}

enum Line {
    Call { id: RequestId, request: Request },
    Chunk { upload: UploadNumber, bytes: u32 },
    UnknownNotification(String),
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

/// A fault is in a box: it is rare, and a call is large.
fn parse_line(line: &[u8]) -> Result<Line, Box<FromDevice<'static>>> {
    let text = std::str::from_utf8(line).map_err(|_| garbage("the line is not UTF-8"))?;
    let value: &RawValue =
        serde_json::from_str(text).map_err(|e| garbage(&format!("the line is no JSON: {e}")))?;
    let invalid = |id: Option<RequestId>, code, message: &str| {
        let error = RpcError::new(code, message);
        Box::new(FromDevice::Invalid { id, error })
    };
    let Envelope {
        jsonrpc,
        id,
        method,
        params,
    } = serde_json::from_str(value.get()).map_err(|_| {
        invalid(
            None,
            ErrorCode::InvalidRequest,
            "no request object: expected the members jsonrpc, id, method and params, each once",
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
    if id.is_none() && method != CHUNK && !Request::METHODS.contains(&&*method) {
        return Ok(Line::UnknownNotification(method.into_owned()));
    }
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
    if method == CHUNK {
        return Err(unframed("upload.chunk is a notification: it has no id"));
    }
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

/// The one notification of a device.
fn chunk(method: &str, params: &str) -> Result<Line, Box<FromDevice<'static>>> {
    #[derive(Deserialize)]
    struct Chunk {
        upload: UploadNumber,
        bytes: u32,
    }
    if method != CHUNK {
        return Err(Box::new(FromDevice::Invalid {
            id: None,
            error: RpcError::new(
                ErrorCode::InvalidRequest,
                "this method is a call: it needs an id",
            ),
        }));
    }
    match serde_json::from_str(params) {
        Ok(Chunk { upload, bytes }) if (1..=MAX_CHUNK_BYTES).contains(&bytes) => {
            Ok(Line::Chunk { upload, bytes })
        }
        Ok(Chunk { bytes, .. }) => Err(unframed(&format!(
            "a chunk has 1 to {MAX_CHUNK_BYTES} bytes, not {bytes}"
        ))),
        Err(e) => Err(unframed(&format!(
            "the parameters of {CHUNK} are wrong: {e}"
        ))),
    }
}

fn unframed(message: &str) -> Box<FromDevice<'static>> {
    let error = RpcError::new(ErrorCode::InvalidParams, message);
    Box::new(FromDevice::Unframed(error))
}

fn garbage(message: &str) -> Box<FromDevice<'static>> {
    let error = RpcError::new(ErrorCode::ParseError, message);
    Box::new(FromDevice::Garbage(error))
}

fn overlong() -> RpcError {
    let limit = super::limits::MAX_LINE_BYTES;
    RpcError::new(
        ErrorCode::ParseError,
        format!("a line has at most {limit} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::encode_request;

    /// Every message in `input`, cut at `cut`, with the bytes of chunks joined.
    fn decode(input: &[u8], cut: usize) -> (Vec<String>, Vec<u8>) {
        let (mut decoder, mut messages, mut body) = (HubDecoder::default(), Vec::new(), Vec::new());
        let (first, second) = input.split_at(cut);
        for mut piece in [first, second] {
            while let Some(message) = decoder.next_message(&mut piece) {
                match message {
                    FromDevice::Body(bytes) => body.extend_from_slice(bytes),
                    message => messages.push(format!("{message:?}")),
                }
            }
        }
        (messages, body)
    }

    fn only(line: &str) -> FromDevice<'static> {
        let mut input = line.as_bytes();
        match HubDecoder::default().next_message(&mut input) {
            Some(FromDevice::Body(_)) | None => panic!("{line:?} is a line"),
            Some(FromDevice::Call { id, request }) => FromDevice::Call { id, request },
            Some(FromDevice::Chunk { upload }) => FromDevice::Chunk { upload },
            Some(FromDevice::Invalid { id, error }) => FromDevice::Invalid { id, error },
            Some(FromDevice::UnknownNotification(method)) => {
                FromDevice::UnknownNotification(method)
            }
            Some(FromDevice::Garbage(error)) => FromDevice::Garbage(error),
            Some(FromDevice::Unframed(error)) => FromDevice::Unframed(error),
        }
    }

    #[test]
    fn a_mistake_is_answered_with_its_id_and_garbage_without() {
        for (line, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#, -32601),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"join","params":{}}"#,
                -32602,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"join","params":[1]}"#,
                -32602,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"join","params":{"udp_port":65536}}"#,
                -32602,
            ),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        ] {
            match only(&format!("{line}\n")) {
                FromDevice::Invalid {
                    id: Some(RequestId::Number(1)),
                    error,
                } => {
                    assert_eq!(error.code.number(), expected, "{line}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        for line in ["hello\n", "\n", "\u{0}\n", "{\n"] {
            assert!(matches!(only(line), FromDevice::Garbage(_)), "{line:?}");
        }
        for line in ["[]\n", "1\n", r#"{"jsonrpc":"2.0","method":"ping"}"#] {
            let line = format!("{}\n", line.trim_end());
            assert!(
                matches!(only(&line), FromDevice::Invalid { id: None, .. }),
                "{line:?}"
            );
        }
    }

    /// A later version may have notifications, and parameters of any form for them.
    #[test]
    fn an_unknown_notification_is_no_mistake() {
        for rest in [
            "",
            r#","params":{}"#,
            r#","params":[1,2]"#,
            r#","params":"text""#,
            r#","id":null"#,
        ] {
            let line = format!(r#"{{"jsonrpc":"2.0","method":"sensor.mood"{rest}}}"#);
            assert_eq!(
                only(&format!("{line}\n")),
                FromDevice::UnknownNotification("sensor.mood".to_owned()),
                "{line}"
            );
        }
        let wrong = r#"{"method":"sensor.mood"}"#;
        assert!(matches!(
            only(&format!("{wrong}\n")),
            FromDevice::Invalid { id: None, .. }
        ));
    }

    /// A device of an older version announces no addresses.
    #[test]
    fn an_endpoint_is_announced_with_addresses_or_without() {
        let endpoint = "01".repeat(32);
        let (key, hub) = (format!("ed25519:{endpoint}"), format!("sha256:{endpoint}"));
        let announce = |addresses: &str| {
            let (signature, run) = ("00".repeat(64), "02".repeat(16));
            let line = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"transfer.announce","params":{{"name":"cam","key":"{key}","endpoint":"{endpoint}","hub":"{hub}","expires":{{"run":"{run}","ms":4}},"signature":"{signature}"{addresses}}}}}"#
            );
            only(&format!("{line}\n"))
        };
        for (addresses, count) in [
            ("", 0),
            (r#","addresses":[]"#, 0),
            (r#","addresses":["192.0.2.1:5","[2001:db8::1]:5"]"#, 2),
        ] {
            match announce(addresses) {
                FromDevice::Call {
                    id,
                    request: Request::AnnounceEndpoint(announced),
                } => {
                    assert_eq!(announced.addresses.iter().count(), count);
                    // Nothing is said of none, so an older hub is asked as it knows it.
                    let line = encode_request(&id, &Request::AnnounceEndpoint(announced));
                    let line = String::from_utf8(line).unwrap();
                    assert_eq!(line.contains("addresses"), count > 0, "{line}");
                }
                other => panic!("{other:?}"),
            }
        }
        match announce(r#","addresses":["0.0.0.0:5"]"#) {
            FromDevice::Invalid { id: Some(_), error } => {
                assert_eq!(error.code, ErrorCode::InvalidParams);
                assert!(error.message.contains("unspecified"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_can_follow_a_wrong_chunk_line() {
        for params in [
            r#"{"upload":1,"bytes":0}"#,
            r#"{"upload":1,"bytes":1048577}"#,
            r#"{"upload":1,"bytes":-1}"#,
            r#"{"upload":1}"#,
        ] {
            let line = format!(r#"{{"jsonrpc":"2.0","method":"upload.chunk","params":{params}}}"#);
            assert!(
                matches!(only(&format!("{line}\n")), FromDevice::Unframed(_)),
                "{line}"
            );
        }
        let with_id =
            r#"{"jsonrpc":"2.0","id":1,"method":"upload.chunk","params":{"upload":1,"bytes":1}}"#;
        assert!(matches!(
            only(&format!("{with_id}\n")),
            FromDevice::Unframed(_)
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_alike_wherever_they_are_cut(
            lines in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..60),
                    Just(br#"{"jsonrpc":"2.0","id":"x","method":"ping"}"#.to_vec()),
                    Just(br#"{"jsonrpc":"2.0","method":"upload.chunk","params":{"upload":1,"bytes":9}}"#.to_vec()),
                ],
                0..8,
            ),
            place in any::<prop::sample::Index>(),
        ) {
            let input = lines.join(&b'\n');
            let cut = place.index(input.len() + 1);
            prop_assert_eq!(decode(&input, cut), decode(&input, 0));
        }
    }
}
