//! The client of the number exchange.

use std::io;
use std::net::SocketAddr;

use fleetlink_proto::number_exchange::limits::{
    ANSWER_DEADLINE, MAX_REPLY_BYTES, REPLY_QUIET_TIME,
};
use fleetlink_proto::number_exchange::{Form, Inexpressible, ObjectEnd, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Error, ErrorKind, HubAddress, connect};

/// A connection to a server on which nothing has been said yet.
#[derive(Debug)]
pub struct NumberExchange {
    stream: TcpStream,
    server: SocketAddr,
}

/// The reason for which there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The host name has no address.
    #[error(transparent)]
    Resolve(Error),
    /// No address of the server accepted a connection.
    #[error("no server can be reached at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: HubAddress,
        /// The error of the last address.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to the server broke: {0}")]
    Broken(#[from] io::Error),
    /// The server did not answer in time.
    #[error("the server did not answer within {} seconds", ANSWER_DEADLINE.as_secs())]
    TimedOut,
    /// The form cannot hold the name or the number.
    #[error(transparent)]
    Inexpressible(#[from] Inexpressible),
    /// The server does not stop talking.
    #[error("the server's reply is longer than {MAX_REPLY_BYTES} bytes")]
    TooLong,
}

impl NumberExchange {
    /// Connects to the first address of the server that answers.
    pub async fn connect(server: &HubAddress) -> Result<Self, ExchangeError> {
        match connect::tcp(server).await {
            Ok((stream, server)) => Ok(NumberExchange { stream, server }),
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable) => {
                Err(ExchangeError::Unreachable {
                    address: server.clone(),
                    reason: error
                        .io()
                        .map_or_else(|| error.to_string(), ToString::to_string),
                })
            }
            Err(error) => Err(ExchangeError::Resolve(error)),
        }
    }

    /// The address of the server that replied.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Says the request and returns the reply's bytes: none where the server closed without one.
    pub async fn ask(mut self, request: &Request) -> Result<Vec<u8>, ExchangeError> {
        let bytes = request.encode()?;
        let asking = async {
            self.stream.write_all(&bytes).await?;
            // Nothing frames a request; at the end of the stream no server needs to wait for more.
            self.stream.shutdown().await?;
            hear(&mut self.stream, request).await
        };
        let answer = timeout(ANSWER_DEADLINE, asking).await;
        answer.map_err(|_| ExchangeError::TimedOut)?
    }
}

/// Reads to the end of the stream, of the object, or of what could be a whole reply of a server
/// that does not close.
async fn hear(stream: &mut TcpStream, request: &Request) -> Result<Vec<u8>, ExchangeError> {
    let mut reply = Vec::new();
    let mut object = ObjectEnd::default();
    let mut buffer = [0; 1024];
    loop {
        let whole = Reply::parse(&request.form, &request.number, &reply).is_ok();
        let read = stream.read(&mut buffer);
        let read = match timeout(REPLY_QUIET_TIME, read).await {
            Ok(read) => read,
            Err(_) if whole => return Ok(reply),
            Err(_) => continue,
        };
        let piece = match read {
            Ok(0) => return Ok(reply),
            Ok(count) => &buffer[..count],
            // How a server closes that did not read everything.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(reply),
            Err(error) => return Err(error.into()),
        };
        if reply.len() + piece.len() > MAX_REPLY_BYTES {
            return Err(ExchangeError::TooLong);
        }
        let end = match request.form {
            Form::Json(_) => object.find(piece),
            Form::Text(_) | Form::UtfInt(_) | Form::UtfText(..) | Form::Struct256 => None,
        };
        reply.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
        if end.is_some() {
            return Ok(reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn ask(form: Form, replies: &'static [&'static str], close: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            stream.read_to_string(&mut request).await.unwrap();
            for piece in replies {
                stream.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            let open = (!close).then_some(stream);
            (request, open)
        });
        let address = HubAddress::new("127.0.0.1", port).unwrap();
        let exchange = NumberExchange::connect(&address).await.unwrap();
        assert_eq!(exchange.server().port(), port);
        let request = Request {
            form,
            name: "A Client".parse().unwrap(),
            number: 25.into(),
        };
        let reply = exchange.ask(&request).await.unwrap();
        let (heard, _open) = serving.await.unwrap();
        assert_eq!(heard.into_bytes(), request.encode().unwrap());
        String::from_utf8(reply).unwrap()
    }

    #[tokio::test]
    async fn a_reply_ends_with_the_stream_the_object_or_silence() {
        let text = ask(
            Form::TEXT,
            &["Server of A: 4", "2\nServer", " closing..."],
            true,
        )
        .await;
        assert_eq!(text, "Server of A: 42\nServer closing...");
        const JSON: &str = r#"{"server_name": "}", "server_number": 1}"#;
        assert_eq!(ask(Form::JSON, &[JSON, "more"], false).await, JSON);
        assert_eq!(
            ask(Form::TEXT, &["Server of A: 42"], false).await,
            "Server of A: 42"
        );
        assert_eq!(ask(Form::JSON, &[], true).await, "");
        const UTF: &str = "\0\u{1}A\0\0\0*";
        assert_eq!(
            ask(Form::UTF_INT, &["\0\u{1}A", "\0\0\0*"], false).await,
            UTF
        );
    }
}
