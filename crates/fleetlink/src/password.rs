//! The sources of a password: never the arguments, which everybody on the host can read.

use std::path::PathBuf;

use fleetlink_proto::Password;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

/// The sources that an option or the environment names.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of this file (else FLEETLINK_PASSWORD, else a prompt).
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        conflicts_with = "password_stdin"
    )]
    password_file: Option<PathBuf>,
    /// Read the password from the first line of standard input.
    #[arg(long, global = true)]
    password_stdin: bool,
}

impl PasswordSource {
    /// The password, where a source is named.
    pub(crate) async fn read(&self, lines: &Lines) -> Result<Option<Password>, Failure> {
        if let Some(path) = &self.password_file {
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|e| Failure::General(format!("{}: {e}", path.display())))?;
            let text = Zeroizing::new(text);
            let first = text.lines().next().unwrap_or_default();
            return Ok(Some(first.into()));
        }
        if self.password_stdin {
            let line = lines.next_hidden().await?;
            let missing = || Failure::General("standard input holds no password".to_owned());
            return Ok(Some(line.ok_or_else(missing)?));
        }
        Ok(self.of_environment())
    }

    /// The password of the environment, where no other source is named.
    pub(crate) fn of_environment(&self) -> Option<Password> {
        if self.password_file.is_some() || self.password_stdin {
            return None;
        }
        std::env::var("FLEETLINK_PASSWORD").ok().map(Password::from)
    }

    /// The password, from a prompt where no source is named and a person is there.
    pub(crate) async fn read_or_ask(
        &self,
        lines: &Lines,
        output: &Output,
    ) -> Result<Password, Failure> {
        if let Some(password) = self.read(lines).await? {
            return Ok(password);
        }
        if !lines.terminal() {
            return Err(Failure::Usage(
                "a password is needed: FLEETLINK_PASSWORD, --password-file or --password-stdin"
                    .to_owned(),
            ));
        }
        let line = lines.ask_hidden(output, "Password:", Ask::Stderr).await?;
        line.ok_or(Failure::Interrupted)
    }
}
