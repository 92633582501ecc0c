//! The credentials file of a running hub: its import, and what is said about it.

use std::io;

use fleetlink_hub::{Authority, Credentials, ImportHandle, Imported, RunningHub};

use super::console::Console;
use super::course::CredentialsWatch;
use crate::output::Output;

/// The import that is under way, if there is one: one at a time.
pub(super) struct Import {
    running: Option<ImportHandle>,
    /// Whether it is of a file that has changed while the hub ran.
    again: bool,
}

impl Import {
    /// The import that began with the hub.
    pub(super) fn of(hub: &mut RunningHub, output: &Output) -> Self {
        say_skipped(hub.skipped_credentials(), output);
        Import {
            running: hub.take_import(),
            again: false,
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.running.is_some()
    }

    /// Resolves when the import is over; never where there is none. `None` where it died.
    pub(super) async fn ended(&mut self) -> Option<Imported> {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        let imported = running.await.ok();
        self.running = None;
        imported
    }

    /// Begins the import of a file that has changed.
    pub(super) async fn begin_again(
        &mut self,
        hub: &RunningHub,
        watch: Option<&CredentialsWatch>,
        read: io::Result<Credentials>,
        output: &Output,
    ) {
        let Some(path) = watch.map(|watch| &watch.path) else {
            return;
        };
        let begun = match read {
            Ok(credentials) => {
                say_skipped(&credentials.skipped, output);
                hub.import(path, credentials, Authority::List).await
            }
            Err(error) => Err(error.to_string()),
        };
        match begun {
            Ok(running) => {
                self.running = Some(running);
                self.again = true;
            }
            Err(why) => output.notice(&format!(
                "credentials.txt has changed, but: {why}; nobody's login was taken away"
            )),
        }
    }

    /// Reports the import; the changes of accounts already stand among the hub's lines.
    pub(super) fn report(&self, imported: Option<Imported>, console: &Console, output: &Output) {
        let Some(imported) = imported else {
            return output
                .notice("credentials: the import died; the file is read at the next start");
        };
        if imported.unchanged {
            return;
        }
        if self.again {
            console.line("credentials.txt has changed and was read again");
        }
        for refused in &imported.refused {
            output.notice(&format!("credentials: {refused}; skipped"));
        }
        if let Some(why) = &imported.kept {
            console.line(&format!(
                "credentials.txt: names that are no longer in it keep their login, because {why}"
            ));
        }
    }
}

fn say_skipped(skipped: &[String], output: &Output) {
    for skipped in skipped {
        output.notice(&format!("credentials: {skipped}; skipped"));
    }
}
