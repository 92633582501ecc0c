//! `fleetlink backup` and `fleetlink restore`.

use std::num::NonZeroUsize;
use std::path::{MAIN_SEPARATOR, PathBuf};

use fleetlink_hub::{
    BackedUp, BackupError, BackupInfo, BackupOrder, BackupPlace, RestoreOrder, Restored,
};
use fleetlink_proto::Escaped;
use serde_json::json;

use super::data_folder::OperatorArguments;
use super::verify;
use super::watched::{failure, watched};
use crate::failure::Failure;
use crate::output::Output;
use crate::size::Bytes;

/// Back up a hub's data, beside the running hub too: accounts, data files, tickets, logins, tokens, the
/// hub's key.
///
/// The backup has the hub's private key and password hashes: keep it as safe as the hub itself.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArguments {
    /// The backup's file, or a folder that backups share: an existing one, or a name that ends with /.
    /// In a folder only new segments are written.
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    replace: bool,
    /// Backups that stay in the folder; the oldest beyond it are removed.
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
    #[command(flatten)]
    operator: OperatorArguments,
}

/// Restore a backup into a new or empty folder, from which a hub can then be started.
///
/// Everything is as it was when the backup was made. That includes accounts, keys, tokens and sessions that
/// were removed or revoked since: look through them before you start the hub.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArguments {
    /// The backup: a file, or a folder that backups share.
    #[arg(long, value_name = "FILE|DIR")]
    from: PathBuf,
    /// The name or the number of the backup in the folder; by default the newest.
    #[arg(long, value_name = "MANIFEST")]
    at: Option<String>,
    /// Restore a damaged backup too: all that is whole, with a line for each fault.
    #[arg(long)]
    despite_damage: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

impl BackupArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }

    fn place(&self) -> Result<BackupPlace, Failure> {
        let named_as_folder = self.to.to_string_lossy().ends_with(MAIN_SEPARATOR);
        let path = self.to.clone();
        if named_as_folder || path.is_dir() {
            if self.replace {
                let why =
                    "--replace is for a file; a folder keeps its backups, and --keep bounds them";
                return Err(Failure::Usage(why.to_owned()));
            }
            let keep = self.keep.map(NonZeroUsize::get);
            return Ok(BackupPlace::Folder { path, keep });
        }
        if self.keep.is_some() {
            let why =
                "--keep is for a folder of backups: name one that is there, or end its name with /";
            return Err(Failure::Usage(why.to_owned()));
        }
        let replace = self.replace;
        Ok(BackupPlace::File { path, replace })
    }
}

impl RestoreArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Makes a backup.
pub(crate) async fn back_up(arguments: BackupArguments, output: &Output) -> Result<(), Failure> {
    let to = arguments.place()?;
    let data = arguments.operator.folder()?;
    let order = BackupOrder { data, to };
    let made = watched(output, move |watch| fleetlink_hub::back_up(&order, watch)).await?;
    let made = made.map_err(failure)?;
    output.result(&told(&made), &made);
    match &made.not_removed {
        None => Ok(()),
        Some(why) => {
            let failure = format!("the backup is made, but older ones were not removed: {why}");
            Err(of_result(Failure::General(failure), output))
        }
    }
}

/// A failure beside a result, which in JSON has said it.
fn of_result(failure: Failure, output: &Output) -> Failure {
    match output.is_json() {
        true => Failure::Reported(Box::new(failure)),
        false => failure,
    }
}

fn told(made: &BackedUp) -> String {
    let place = made.to.display();
    let mut text = match made.manifest.as_deref().map(Escaped) {
        Some(name) => format!("backup {name} in {place}"),
        None => format!("backup {place}"),
    };
    text.push_str(&format!(": {}", content(&made.backup)));
    text.push_str(&format!("; {} written", Bytes(made.written)));
    if made.removed > 0 {
        text.push_str(&format!("; {} older backups removed", made.removed));
    }
    text
}

/// The content of a backup in words.
pub(super) fn content(backup: &BackupInfo) -> String {
    let counts = &backup.counts;
    format!(
        "{} accounts, {} data files of {}, as of {}",
        counts.accounts,
        counts.data_files,
        Bytes(counts.bytes),
        backup.at.local()
    )
}

/// Restores a backup.
pub(crate) async fn restore(arguments: RestoreArguments, output: &Output) -> Result<(), Failure> {
    let order = RestoreOrder {
        from: arguments.from,
        at: arguments.at,
        data: arguments.operator.folder()?,
        despite_damage: arguments.despite_damage,
    };
    let restored = watched(output, move |watch| fleetlink_hub::restore(&order, watch));
    match restored.await? {
        Ok(restored) => {
            told_of_restored(&restored, output);
            verify::end(restored.faults.len() as u64, output)
        }
        Err(BackupError::Faults(faults)) => {
            let mut lines = shown(&faults);
            lines.push(
                "nothing is restored; --despite-damage restores what is whole, and the faults with it"
                    .to_owned(),
            );
            output.result(
                &lines.join("\n"),
                &json!({ "data": null, "faults": faults }),
            );
            verify::end(faults.len() as u64, output)
        }
        Err(error) => Err(failure(error)),
    }
}

/// One line for each fault, whatever the name of its part is.
fn shown(faults: &[String]) -> Vec<String> {
    let faults = faults.iter();
    faults.map(|fault| Escaped(fault).to_string()).collect()
}

fn told_of_restored(restored: &Restored, output: &Output) {
    let folder = std::path::absolute(&restored.data).unwrap_or(restored.data.clone());
    let mut lines = shown(&restored.faults);
    lines.push(format!(
        "restored into {}: {}",
        folder.display(),
        content(&restored.backup)
    ));
    let document = json!({
        "data": folder, "backup": restored.backup, "faults": restored.faults, "left": restored.left,
    });
    output.result(&lines.join("\n"), &document);
    if output.is_json() {
        return;
    }
    if let Some(left) = &restored.left {
        output.notice(&format!(
            "{} could not be removed: remove it",
            left.display()
        ));
    }
    output.notice(
        "what was removed or revoked since then is there again: look through `fleetlink account \
         list`, `token list`, `admin list` and `ticket list`, and end sessions of the page with \
         `admin logout --all`, before you start the hub",
    );
}
