//! Counters by the values of a label. All values are known before: none comes from outside.

use super::Counter;
use super::methods;

/// Makes a set of counters, one for each value of a label.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($value:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name { $(pub(super) $value: Counter),+ }

        impl $name {
            pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$(($text, self.$value.get())),+]
            }
        }
    };
}

counters! {
    /// Joins by the other sessions of the device.
    Entrances { alone = "alone", took_over = "took_over", beside = "beside" }
}
counters! {
    /// Devices that left, by the reason.
    Departures {
        goodbye = "goodbye", connection_closed = "connection_closed", silent = "silent",
        account_removed = "account_removed", login_removed = "login_removed",
        password_changed = "password_changed", ended_by_operator = "ended_by_operator",
        key_revoked = "key_revoked", unread = "unread", hub_closing = "hub_closing",
    }
}
counters! {
    /// Logins that failed, by the reason.
    LoginFailures {
        wrong_password = "wrong_password", now_locked_out = "now_locked_out",
        locked_out = "locked_out", key_refused = "key_refused", busy = "busy",
        too_many_sessions = "too_many_sessions", not_read = "store",
    }
}
counters! {
    /// Penalties by what they are for.
    PenaltyKinds { network = "network", name = "name" }
}
counters! {
    /// Committed uploads.
    UploadModes { replace = "replace", append = "append" }
}
counters! {
    /// Deleted data files by the one who deleted them.
    Deletions { device = "device", operator = "operator", retention = "retention" }
}
counters! {
    /// Replies by the class of their status.
    StatusClasses { two = "2xx", three = "3xx", four = "4xx", five = "5xx", other = "other" }
}

impl StatusClasses {
    pub(super) fn of(&self, status: u16) -> &Counter {
        match status / 100 {
            2 => &self.two,
            3 => &self.three,
            4 => &self.four,
            5 => &self.five,
            _ => &self.other,
        }
    }
}

/// One of something for each method of a call.
#[derive(Debug)]
pub(super) struct Methods<T>(Vec<T>);

impl<T> Methods<T> {
    pub(super) fn new(one: impl Fn() -> T) -> Self {
        Methods(methods().iter().map(|_| one()).collect())
    }

    pub(super) fn of(&self, method: &'static str) -> Option<&T> {
        let place = methods().iter().position(|known| *known == method)?;
        self.0.get(place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        methods().iter().copied().zip(&self.0)
    }
}

/// The methods of HTTP that the hub knows.
const VERBS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "other"];

/// One of something for each method of HTTP.
#[derive(Debug)]
pub(super) struct Verbs<T>([T; VERBS.len()]);

impl<T> Verbs<T> {
    pub(super) fn new(one: impl Fn() -> T) -> Self {
        Verbs(VERBS.map(|_| one()))
    }

    /// A method that the hub does not know is another one, whatever its name.
    pub(super) fn of(&self, method: &str) -> &T {
        let place = VERBS.iter().position(|known| *known == method);
        &self.0[place.unwrap_or(VERBS.len() - 1)]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        VERBS.into_iter().zip(&self.0)
    }
}
