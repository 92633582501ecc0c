//! The ids of events: `EPOCH-N`. A hub that starts again has another epoch, so its ids are no earlier
//! hub's.

use std::fmt;
use std::str::FromStr;

/// The id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId {
    /// The start of the hub, in milliseconds since 1970.
    pub(crate) epoch: u64,
    /// Counts the events from 1.
    pub(crate) number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// The text is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoEventId;

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        let (epoch, number) = text.split_once('-').ok_or(NoEventId)?;
        let parse = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse().map_err(|_| NoEventId),
            false => Err(NoEventId),
        };
        Ok(EventId {
            epoch: parse(epoch)?,
            number: parse(number)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is_one() {
        let id = EventId {
            epoch: 1_790_000_000_123,
            number: 7,
        };
        assert_eq!(id.to_string(), "1790000000123-7");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "7",
            "-",
            "1-",
            "-7",
            "1--7",
            "1-+7",
            "1-7 ",
            "a-7",
            "1-99999999999999999999",
        ] {
            assert_eq!(wrong.parse::<EventId>(), Err(NoEventId), "{wrong:?}");
        }
    }
}
