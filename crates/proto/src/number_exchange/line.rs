//! The lines that programs of the number exchange print, byte for byte: graders read them.

use std::fmt;
use std::net::SocketAddr;

use super::integer::{InRange, Integer};
use super::malformed::Malformed;
use super::name::Name;

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For who looks for a fault.
    Debug,
    /// Normal operation.
    Info,
    /// Something that should not happen.
    Warning,
}

/// One line. What came from a peer is escaped in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `[LEVEL] [context]: message`.
    Event {
        /// Its level.
        level: Level,
        /// The program's activity.
        context: &'static str,
        /// The event.
        message: String,
    },
    /// The text dialect's own, as it is.
    Plain(String),
}

impl Line {
    /// The line's level, where it has one.
    pub fn level(&self) -> Option<Level> {
        match self {
            Line::Event { level, .. } => Some(*level),
            Line::Plain(_) => None,
        }
    }

    fn event(level: Level, context: &'static str, message: impl Into<String>) -> Self {
        Line::Event {
            level,
            context,
            message: message.into(),
        }
    }

    fn starting(level: Level, message: String) -> Self {
        Self::event(level, "start_server", message)
    }

    fn handling(level: Level, message: impl Into<String>) -> Self {
        Self::event(level, "handle_client", message)
    }

    fn sending(level: Level, message: impl Into<String>) -> Self {
        Self::event(level, "send_message", message)
    }

    /// The server listens.
    pub fn listening(name: &Name, address: SocketAddr) -> Self {
        let message = format!("{name} started and listening on {address}");
        Self::starting(Level::Info, message)
    }

    /// The server has a new client.
    pub fn accepted(peer: SocketAddr) -> Self {
        let message = format!("Connection accepted from {}", Tuple(peer));
        Self::starting(Level::Debug, message)
    }

    /// The server has the client's request.
    pub fn received() -> Self {
        Self::handling(Level::Debug, "Message received from client")
    }

    /// The first line about a client of the text form.
    pub fn connected(client: &Name, server: &Name) -> Self {
        Line::Plain(format!("{client} has connected to Server of {server}"))
    }

    /// Both names.
    pub fn names(client: &Name, server: &Name) -> Self {
        let message = format!("Client Name: {client} | Server Name: {server}");
        Self::handling(Level::Info, message)
    }

    /// Both numbers and what they make.
    pub fn numbers(client: &Integer, server: InRange) -> Self {
        Self::handling(Level::Info, sum_text(client, &server.into()))
    }

    /// The server answers.
    pub fn answering() -> Self {
        Self::handling(Level::Debug, "Sending client response")
    }

    /// The client is gone.
    pub fn closed() -> Self {
        Self::handling(Level::Debug, "Client connection closed")
    }

    /// A number that ends the server.
    pub fn terminating(number: &Integer) -> Self {
        let message = format!("Client int out of range: {number}. Terminating the server.");
        Self::handling(Level::Warning, message)
    }

    /// A number that the server only refuses.
    pub fn refusing(number: &Integer) -> Self {
        let message = format!("Client int out of range: {number}. Refusing the client.");
        Self::handling(Level::Warning, message)
    }

    /// A client said something else.
    pub fn malformed(malformed: &Malformed) -> Self {
        let message = format!("Malformed message from client: {malformed}");
        Self::handling(Level::Warning, message)
    }

    /// A client said nothing.
    pub fn silent() -> Self {
        Self::handling(Level::Debug, "No message from client")
    }

    /// The client has its connection.
    pub fn connected_to(server: SocketAddr) -> Self {
        let message = format!("Connected to server at {server}");
        Self::sending(Level::Debug, message)
    }

    /// The client's number will end the server.
    pub fn will_terminate() -> Self {
        Self::sending(
            Level::Warning,
            "The integer input out of range. Terminating the server",
        )
    }

    /// Both names, as the client shows them.
    pub fn both_names(client: &Name, server: &Name) -> Self {
        Self::sending(Level::Info, format!("{client} | {server}"))
    }

    /// Both numbers and what they make, as the client shows them.
    pub fn both_numbers(client: &Integer, server: &Integer) -> Self {
        Self::sending(Level::Info, sum_text(client, server))
    }
}

fn sum_text(client: &Integer, server: &Integer) -> String {
    let sum = client.plus(server);
    format!("Client Number: {client} | Server Number: {server} | Sum: {sum}")
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Event {
                level,
                context,
                message,
            } => write!(f, "[{level}] [{context}]: {message}"),
            Line::Plain(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
        })
    }
}

/// An address as the programs in the field write it, which are in Python.
struct Tuple(SocketAddr);

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V4(v4) => write!(f, "('{}', {})", v4.ip(), v4.port()),
            SocketAddr::V6(v6) => write!(
                f,
                "('{}', {}, {}, {})",
                v6.ip(),
                v6.port(),
                v6.flowinfo(),
                v6.scope_id()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_specification() {
        let (client, server): (Name, Name) =
            ("A Client".parse().unwrap(), "A Server".parse().unwrap());
        let (number, own) = (Integer::from(25), InRange::new(10).unwrap());
        for (line, expected) in [
            (
                Line::listening(&server, "127.0.0.1:8000".parse().unwrap()),
                "[INFO] [start_server]: A Server started and listening on 127.0.0.1:8000",
            ),
            (
                Line::accepted("127.0.0.1:48528".parse().unwrap()),
                "[DEBUG] [start_server]: Connection accepted from ('127.0.0.1', 48528)",
            ),
            (
                Line::accepted("[::1]:48528".parse().unwrap()),
                "[DEBUG] [start_server]: Connection accepted from ('::1', 48528, 0, 0)",
            ),
            (
                Line::received(),
                "[DEBUG] [handle_client]: Message received from client",
            ),
            (
                Line::connected(&client, &server),
                "A Client has connected to Server of A Server",
            ),
            (
                Line::names(&client, &server),
                "[INFO] [handle_client]: Client Name: A Client | Server Name: A Server",
            ),
            (
                Line::numbers(&number, own),
                "[INFO] [handle_client]: Client Number: 25 | Server Number: 10 | Sum: 35",
            ),
            (
                Line::answering(),
                "[DEBUG] [handle_client]: Sending client response",
            ),
            (
                Line::closed(),
                "[DEBUG] [handle_client]: Client connection closed",
            ),
            (
                Line::terminating(&Integer::from(0)),
                "[WARNING] [handle_client]: Client int out of range: 0. Terminating the server.",
            ),
            (
                Line::connected_to("127.0.0.1:8000".parse().unwrap()),
                "[DEBUG] [send_message]: Connected to server at 127.0.0.1:8000",
            ),
            (
                Line::both_names(&client, &server),
                "[INFO] [send_message]: A Client | A Server",
            ),
            (
                Line::both_numbers(&number, &own.into()),
                "[INFO] [send_message]: Client Number: 25 | Server Number: 10 | Sum: 35",
            ),
            (
                Line::will_terminate(),
                "[WARNING] [send_message]: The integer input out of range. Terminating the server",
            ),
        ] {
            assert_eq!(line.to_string(), expected);
        }
    }
}
