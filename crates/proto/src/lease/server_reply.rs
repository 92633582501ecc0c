//! A server's reply, as a client reads it.

use std::net::IpAddr;
use std::str::FromStr;

use super::id::LeaseId;
use super::limits::MAX_SERVER_REPLY_BYTES;

/// The reply of a server, as a client reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerReply {
    /// `OK <id> <ip> <port>`.
    Granted {
        /// The id that was granted.
        id: LeaseId,
        /// The client's address, as the server sees it.
        address: IpAddr,
        /// The client's port, as the server sees it.
        port: u16,
    },
    /// `RESET <id>`.
    InUse {
        /// The id that is in use.
        id: LeaseId,
    },
}

/// The bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reply: expected OK <id> <ip> <port> or RESET <id>")]
pub struct ServerReplyError;

impl ServerReply {
    /// A whole reply, with or without a line end.
    pub fn parse(bytes: &[u8]) -> Result<Self, ServerReplyError> {
        let bytes = bytes
            .strip_suffix(b"\r\n")
            .or(bytes.strip_suffix(b"\n"))
            .unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| ServerReplyError)?;
        let words: Vec<&str> = text.splitn(5, ' ').collect();
        match words[..] {
            ["RESET", id] => Ok(ServerReply::InUse { id: word(id)? }),
            ["OK", id, address, port] => Ok(ServerReply::Granted {
                id: word(id)?,
                address: word(address)?,
                port: parse_port(port)?,
            }),
            _ => Err(ServerReplyError),
        }
    }

    /// The id that the reply is about.
    pub fn id(&self) -> LeaseId {
        match *self {
            ServerReply::Granted { id, .. } | ServerReply::InUse { id } => id,
        }
    }
}

fn word<T: FromStr>(text: &str) -> Result<T, ServerReplyError> {
    text.parse().map_err(|_| ServerReplyError)
}

/// Digits alone: `u16` would take a plus sign, too.
fn parse_port(text: &str) -> Result<u16, ServerReplyError> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        word(text)
    } else {
        Err(ServerReplyError)
    }
}

/// Collects the reply of a TCP connection, however it arrives in pieces.
#[derive(Debug, Default)]
pub struct ServerReplyReader {
    bytes: Vec<u8>,
}

impl ServerReplyReader {
    /// Takes what one read brought; `true` once nothing more needs to be read: a line end came, a
    /// RESET is whole, or it is too long for any reply.
    pub fn handle_read(&mut self, read: &[u8]) -> bool {
        let room = MAX_SERVER_REPLY_BYTES - self.bytes.len();
        self.bytes.extend_from_slice(&read[..read.len().min(room)]);
        let reset = matches!(
            ServerReply::parse(&self.bytes),
            Ok(ServerReply::InUse { .. })
        );
        reset || self.bytes.ends_with(b"\n") || self.bytes.len() == MAX_SERVER_REPLY_BYTES
    }

    /// The bytes received so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether what has come is a reply if nothing more comes.
    pub fn reply(&self) -> Result<ServerReply, ServerReplyError> {
        ServerReply::parse(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_replies_with_and_without_a_line_end() {
        let id: LeaseId = "8877".parse().unwrap();
        for end in ["", "\n", "\r\n"] {
            let reply = ServerReply::parse(format!("OK 8877 192.0.2.1 5000{end}").as_bytes());
            let address = "192.0.2.1".parse().unwrap();
            assert_eq!(
                reply,
                Ok(ServerReply::Granted {
                    id,
                    address,
                    port: 5000
                })
            );
            let reply = ServerReply::parse(format!("RESET 8877{end}").as_bytes());
            assert_eq!(reply, Ok(ServerReply::InUse { id }));
        }
        assert!(ServerReply::parse(b"OK 8877 2001:db8::1 1").is_ok());
        for bytes in [
            &b""[..],
            b"OK",
            b"OK 8877",
            b"OK 8877 192.0.2.1",
            b"OK 887 192.0.2.1 1",
            b"OK 8877 192.0.2.1 65536",
            b"OK 8877 192.0.2.1 +1",
            b"OK 8877 192.0.2.1 1 ",
            b"OK 8877 host 1",
            b"RESET",
            b"RESET 88777",
            b"RESET 8877\n\n",
            b"ok 8877 192.0.2.1 1",
            b"OK  8877 192.0.2.1 1",
            b"\xff",
        ] {
            assert!(
                ServerReply::parse(bytes).is_err(),
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    #[test]
    fn a_reply_may_come_in_pieces() {
        let text = b"OK 8877 192.0.2.1 5000\n";
        for cut in 0..text.len() {
            let mut reader = ServerReplyReader::default();
            assert!(!reader.handle_read(&text[..cut]));
            assert!(reader.handle_read(&text[cut..]));
            assert!(reader.reply().is_ok());
        }
        assert!(ServerReplyReader::default().handle_read(b"RESET 8877"));
        let mut reader = ServerReplyReader::default();
        assert!(reader.handle_read(&[b'x'; 100_000]), "memory is bounded");
        assert_eq!(reader.bytes().len(), MAX_SERVER_REPLY_BYTES);
    }
}
