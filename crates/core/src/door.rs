//! The ways into the hub.

/// A way into the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The control protocol, in a session.
    Session,
    /// The operator's socket.
    Socket,
    /// HTTP. Its calls have no session.
    Http,
    /// MQTT.
    Mqtt,
}

impl Door {
    /// Every door.
    pub const ALL: [Door; 4] = [Door::Session, Door::Socket, Door::Http, Door::Mqtt];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Door::Session => "session",
            Door::Socket => "socket",
            Door::Http => "http",
            Door::Mqtt => "mqtt",
        }
    }

    /// The door of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Door::ALL.into_iter().find(|door| door.as_str() == word)
    }
}
