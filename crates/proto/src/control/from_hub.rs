//! Decodes a hub's bytes.

use serde::Deserialize;
use serde_json::Value;

use super::error::RpcError;
use super::framer::{Frame, Framer};
use super::limits::{MAX_CHUNK_BYTES, MAX_LINE_BYTES};
use super::notification::HubNotification;
use super::request_id::RequestId;

/// A decoded input of a hub.
#[derive(Debug, PartialEq)]
pub enum FromHub<'a> {
    /// The answer to a call.
    Answer {
        /// The id of the call; absent where the hub could not read it.
        id: Option<RequestId>,
        /// The hub's reply: a result in the form of the called method, or an error.
        result: Result<Value, RpcError>,
    },
    /// A notification. After [`HubNotification::DownloadChunk`] its body follows.
    Notification(HubNotification),
    /// A notification that this version does not know, to be passed over.
    UnknownNotification(String),
    /// A piece of the download chunk announced last.
    Body(&'a [u8]),
    /// No message of this protocol: the connection cannot go on.
    Garbage(String),
}

/// Turns a hub's bytes into [`FromHub`], however they arrive in pieces.
#[derive(Debug, Default)]
pub struct DeviceDecoder {
    framer: Framer,
}

impl DeviceDecoder {
    /// Takes the next message off the front of `input`; `None` once all of it is consumed.
    pub fn next_message<'a>(&mut self, input: &mut &'a [u8]) -> Option<FromHub<'a>> {
        Some(match self.framer.next_frame(input)? {
            Frame::Body(body) => FromHub::Body(body),
            Frame::OverlongLine => {
                FromHub::Garbage(format!("a line of more than {MAX_LINE_BYTES} bytes"))
            }
            Frame::Line(line) => self.line(&line),
        })
    }

    /// Bytes of the chunk announced last that have not come yet.
    pub fn body_left(&self) -> u32 {
        self.framer.body_left()
    }

    fn line(&mut self, line: &[u8]) -> FromHub<'static> {
        #[derive(Deserialize)]
        struct Message {
            id: Option<RequestId>,
            result: Option<Value>,
            error: Option<RpcError>,
        }
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(e) => return FromHub::Garbage(format!("the line is no JSON: {e}")),
        };
        match value.get("method").and_then(Value::as_str) {
            Some(method) if HubNotification::METHODS.contains(&method) => {
                return self.notification(value);
            }
            Some(method) => return FromHub::UnknownNotification(method.to_owned()),
            None => {}
        }
        match serde_json::from_value(value) {
            Ok(Message {
                id,
                result: Some(result),
                error: None,
            }) => FromHub::Answer {
                id,
                result: Ok(result),
            },
            Ok(Message {
                id,
                error: Some(error),
                ..
            }) => FromHub::Answer {
                id,
                result: Err(error),
            },
            Ok(_) => FromHub::Garbage("a reply with neither result nor error".to_owned()),
            Err(e) => FromHub::Garbage(format!("no reply of JSON-RPC 2.0: {e}")),
        }
    }

    fn notification(&mut self, value: Value) -> FromHub<'static> {
        let notification = match serde_json::from_value(value) {
            Ok(notification) => notification,
            Err(e) => return FromHub::Garbage(format!("a notification that is wrong: {e}")),
        };
        if let HubNotification::DownloadChunk { bytes, .. } = notification {
            if !(1..=MAX_CHUNK_BYTES).contains(&bytes) {
                return FromHub::Garbage(format!("a chunk of {bytes} bytes"));
            }
            self.framer.expect_body(bytes);
        }
        FromHub::Notification(notification)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::EndReason;

    /// A later hub may say more than this version knows.
    #[test]
    fn an_unknown_notification_is_passed_over() {
        let lines = concat!(
            r#"{"jsonrpc":"2.0","method":"hub.mood","params":[1]}"#,
            "\n",
            r#"{"jsonrpc":"2.0","id":1,"result":{"new":1}}"#,
            "\n"
        );
        let (mut decoder, mut input) = (DeviceDecoder::default(), lines.as_bytes());
        assert_eq!(
            decoder.next_message(&mut input),
            Some(FromHub::UnknownNotification("hub.mood".to_owned()))
        );
        let answer = decoder.next_message(&mut input);
        assert!(
            matches!(answer, Some(FromHub::Answer { result: Ok(_), .. })),
            "{answer:?}"
        );
    }

    #[test]
    fn a_reason_of_a_later_version_ends_the_session_all_the_same() {
        let line = concat!(
            r#"{"jsonrpc":"2.0","method":"session.end","params":{"reason":"moved","message":"m"}}"#,
            "\n"
        );
        let mut input = line.as_bytes();
        let expected = HubNotification::SessionEnd {
            reason: EndReason::Other,
            message: "m".to_owned(),
        };
        assert_eq!(
            DeviceDecoder::default().next_message(&mut input),
            Some(FromHub::Notification(expected))
        );
    }
}
