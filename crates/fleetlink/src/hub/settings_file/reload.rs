//! SIGHUP: the settings file is read again. What can change in a running hub changes; the rest is named.

use std::ffi::OsString;

use fleetlink_hub::RunningHub;

use super::{Effective, Setting};
use crate::cli::Command;
use crate::failure::Failure;
use crate::hub::Command as HubCommand;
use crate::logging;

/// The settings that change in a running hub. Certificates are read again whenever their files change.
pub(super) const RELOADED: [&str; 13] = [
    "log",
    "max-attempts",
    "penalty-names",
    "penalty-base",
    "penalty-max",
    "penalize-loopback",
    "journal-age",
    "journal-changes",
    "data-age",
    "retain",
    "data-size",
    "audit-age",
    "audit-events",
];

/// The settings that a hub runs with.
pub(crate) struct Reload {
    given: Vec<OsString>,
    running: Vec<Setting>,
}

impl Reload {
    pub(crate) fn new(running: Effective) -> Self {
        Reload {
            running: running.settings(),
            given: running.given,
        }
    }

    /// Reads the file again; what is to be said about that. A file that is wrong changes nothing.
    pub(crate) async fn again(&mut self, hub: &RunningHub) -> Vec<String> {
        let read = Effective::load(self.given.clone());
        let read = read.and_then(|read| Ok((read.limits()?, read)));
        let ((limits, retention), read) = match read {
            Ok(read) => read,
            Err(why) => return vec![format!("the settings stay as they are: {why}")],
        };
        let changed = changed(&self.running, &read.settings());
        let (now, later): (Vec<_>, Vec<_>) = changed
            .iter()
            .partition(|key| RELOADED.contains(&key.as_str()));
        let mut said = read.warnings.clone();
        if let Err(why) = logging::select(read.log().as_deref()) {
            return vec![format!("the settings stay as they are: {why}")];
        }
        hub.set(limits, retention).await;
        if !now.is_empty() {
            said.push(format!("set anew: {}", listed(&now)));
        }
        if !later.is_empty() {
            let later = listed(&later);
            said.push(format!("these settings need a restart of the hub: {later}"));
        }
        if changed.is_empty() && read.path().is_some() {
            said.push("the settings file has been read again; nothing has changed".to_owned());
        }
        // A setting that waits for a restart is named each time, until it is undone.
        for setting in read.settings() {
            let is_set = |own: &&mut Setting| own.key == setting.key && now.contains(&&own.key);
            if let Some(own) = self.running.iter_mut().find(is_set) {
                *own = setting;
            }
        }
        said
    }
}

impl Effective {
    /// The limits and the retention that a running hub takes over.
    pub(super) fn limits(
        &self,
    ) -> Result<
        (
            fleetlink_hub::AttemptLimits,
            fleetlink_hub::store::Retention,
        ),
        Failure,
    > {
        match self.cli()?.command {
            Command::Hub(HubCommand::Hub(arguments)) => arguments.reloadable(),
            _ => Err(Failure::Usage(
                "this is no command line of a hub".to_owned(),
            )),
        }
    }

    fn log(&self) -> Option<String> {
        let mut settings = self.settings().into_iter();
        let log = settings.find(|setting| setting.key == "log")?;
        log.values.into_iter().next()
    }
}

/// The keys whose values differ.
fn changed(before: &[Setting], after: &[Setting]) -> Vec<String> {
    let pairs = before.iter().zip(after);
    let changed = pairs.filter(|(before, after)| before.values != after.values);
    changed.map(|(_, after)| after.key.clone()).collect()
}

fn listed(keys: &[&String]) -> String {
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    keys.join(", ")
}
