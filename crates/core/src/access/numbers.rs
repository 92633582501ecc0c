//! The numbers at which the searches for free names behind tickets' prefixes begin.

use std::collections::BTreeMap;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::MAX_OPEN_TICKETS;
use fleetlink_proto::ticket::{NamePrefix, TicketNumber};

/// For each ticket, a number below which none is free. Without it, the search would try all names that are
/// taken for each device anew. The tickets that were issued last stay.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    tickets: BTreeMap<TicketNumber, Hint>,
}

#[derive(Debug)]
struct Hint {
    prefix: String,
    next: u32,
}

impl Numbers {
    /// The number at which the search begins.
    pub(crate) fn first(&self, ticket: TicketNumber) -> u32 {
        self.tickets.get(&ticket).map_or(1, |hint| hint.next)
    }

    /// The first free number was this one, and it is taken now.
    pub(crate) fn take(&mut self, ticket: TicketNumber, prefix: &NamePrefix, number: u32) {
        let hint = self.tickets.entry(ticket).or_insert_with(|| Hint {
            prefix: prefix.as_name().folded(),
            next: 1,
        });
        hint.next = hint.next.max(number.saturating_add(1));
        if self.tickets.len() > MAX_OPEN_TICKETS {
            self.tickets.pop_first();
        }
    }

    /// This name may be free again.
    pub(crate) fn give_back(&mut self, name: &DeviceName) {
        if self.tickets.is_empty() {
            return;
        }
        let folded = name.folded();
        for hint in self.tickets.values_mut() {
            let number = folded.strip_prefix(&hint.prefix);
            if let Some(Ok(number)) = number.map(str::parse) {
                hint.next = hint.next.min(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(numbers: &mut Numbers, ticket: u32, number: u32) {
        let prefix = "Camera-".parse().unwrap();
        numbers.take(TicketNumber(ticket), &prefix, number);
    }

    #[test]
    fn a_search_begins_behind_the_numbers_that_are_taken_and_at_one_that_is_given_back() {
        let mut numbers = Numbers::default();
        let ticket = TicketNumber(1);
        assert_eq!(numbers.first(ticket), 1);
        taken(&mut numbers, 1, 5);
        taken(&mut numbers, 1, 3);
        assert_eq!(
            (numbers.first(ticket), numbers.first(TicketNumber(2))),
            (6, 1)
        );
        for (name, first) in [
            ("camera-north", 6),
            ("watch-2", 6),
            ("camera-7", 6),
            ("CAMERA-2", 2),
        ] {
            numbers.give_back(&name.parse().unwrap());
            assert_eq!(numbers.first(ticket), first, "{name}");
        }
    }

    #[test]
    fn the_tickets_that_were_issued_last_stay() {
        let mut numbers = Numbers::default();
        let most = u32::try_from(MAX_OPEN_TICKETS).unwrap();
        for ticket in 1..=most + 5 {
            taken(&mut numbers, ticket, 1);
        }
        assert_eq!(numbers.tickets.len(), MAX_OPEN_TICKETS);
        assert_eq!(numbers.first(TicketNumber(5)), 1);
        assert_eq!(numbers.first(TicketNumber(6)), 2);
    }
}
