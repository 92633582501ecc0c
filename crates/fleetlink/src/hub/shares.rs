//! The hub's options about how much of it one device or one address may take.

use std::num::NonZeroUsize;

use fleetlink_hub::Capacity;

use crate::output::Output;

/// The share of the hub that one device or one network may take.
#[derive(Debug, clap::Args)]
pub(super) struct ShareArguments {
    /// Sessions of one device at once, at most half of what the hub holds; further logins are
    /// refused as busy.
    #[arg(long, value_name = "N", default_value = "32")]
    sessions_per_device: NonZeroUsize,
    /// Connections of one address (an IPv4 address, an IPv6 /56) at once, at most and by default
    /// half of what the hub holds.
    #[arg(long, value_name = "N")]
    sessions_per_source: Option<NonZeroUsize>,
}

impl ShareArguments {
    pub(super) fn capacity(&self) -> Capacity {
        let default = Capacity::default();
        Capacity {
            sessions_per_device: self.sessions_per_device.get(),
            sessions_per_source: self
                .sessions_per_source
                .map_or(default.sessions_per_source, NonZeroUsize::get),
            ..default
        }
    }
}

/// Says where a share that was set is more than the hub can give.
pub(super) fn explain(set: Capacity, has: Capacity, output: &Output) {
    let default = Capacity::default();
    let shares = [
        (
            "--sessions-per-device",
            set.sessions_per_device,
            has.sessions_per_device,
            default.sessions_per_device,
        ),
        (
            "--sessions-per-source",
            set.sessions_per_source,
            has.sessions_per_source,
            default.sessions_per_source,
        ),
    ];
    for (option, set, has_got, default) in shares {
        if has_got < set && set != default {
            output.notice(&format!(
                "{option} {set} is more than half of the {} connections that the limit of open \
                 files allows (ulimit -n): {has_got} are allowed",
                has.sessions
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        shares: ShareArguments,
    }

    fn capacity(options: &[&str]) -> Result<Capacity, String> {
        let line = Line::try_parse_from([&["hub"], options].concat());
        line.map(|line| line.shares.capacity())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_rules() {
        let default = capacity(&[]).unwrap();
        assert_eq!(default, Capacity::default());
    }

    #[test]
    fn shares_can_be_set_and_none_is_no_share() {
        let set = capacity(&["--sessions-per-device", "3", "--sessions-per-source", "70"]);
        let set = set.unwrap();
        assert_eq!((set.sessions_per_device, set.sessions_per_source), (3, 70));
        for wrong in ["0", "-1", "many"] {
            let option = format!("--sessions-per-source={wrong}");
            assert!(capacity(&[&option]).is_err(), "{wrong}");
        }
    }
}
