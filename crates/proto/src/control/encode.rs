//! Messages to lines.

use serde::Serialize;

use super::error::RpcError;
use super::reply::Reply;
use super::request::Request;
use super::request_id::RequestId;

#[derive(Serialize)]
struct Envelope<'a, P> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RequestId>,
    #[serde(flatten)]
    payload: P,
}

#[derive(Serialize)]
struct Call<'a> {
    method: &'static str,
    params: &'a Request,
}

#[derive(Serialize)]
struct ResultReply<'a> {
    result: &'a Reply,
}

#[derive(Serialize)]
struct ErrorReply<'a> {
    jsonrpc: &'static str,
    /// `null` where the request's own id could not be read (JSON-RPC 2.0, section 5).
    id: Option<&'a RequestId>,
    error: &'a RpcError,
}

/// A device's call as a line, its newline included.
pub fn encode_request(id: &RequestId, request: &Request) -> Vec<u8> {
    line(&Envelope {
        jsonrpc: "2.0",
        id: Some(id),
        payload: Call {
            method: request.method(),
            params: request,
        },
    })
}

/// A hub's answer as a line, its newline included.
pub fn encode_reply(id: &RequestId, reply: &Reply) -> Vec<u8> {
    line(&Envelope {
        jsonrpc: "2.0",
        id: Some(id),
        payload: ResultReply { result: reply },
    })
}

/// A hub's error as a line, its newline included.
pub fn encode_error(id: Option<&RequestId>, error: &RpcError) -> Vec<u8> {
    line(&ErrorReply {
        jsonrpc: "2.0",
        id,
        error,
    })
}

/// A notification of either side ([`super::DeviceNotification`], [`super::HubNotification`]) as a
/// line, its newline included.
pub fn encode_notification(notification: &impl Serialize) -> Vec<u8> {
    line(&Envelope {
        jsonrpc: "2.0",
        id: None,
        payload: notification,
    })
}

fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message)
        .expect("messages have string keys and no failing serializers of their own");
    line.push(b'\n');
    line
}
