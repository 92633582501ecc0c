//! `fleetlink verify`: whether a hub's data or a backup are whole.

use std::path::PathBuf;

use fleetlink_hub::store::sqlite::{Fault, Verified, VerifyError};
use fleetlink_hub::{BackupVerified, Stopped};
use fleetlink_proto::Escaped;
use serde_json::json;

use super::backup::content;
use super::data_folder::OperatorArguments;
use super::watched::{failure, watched};
use crate::failure::Failure;
use crate::output::Output;
use crate::size::Bytes;

/// Check a hub's data, beside the running hub too: every hash, every reference, every summary.
///
/// Exit status 0 means that everything is whole. With 7 something is damaged, and there is one line for
/// each fault: the part, the fault, and what to do.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArguments {
    /// Check a backup instead: a file, or a folder that backups share.
    #[arg(long, value_name = "FILE|DIR")]
    backup: Option<PathBuf>,
    /// The name or the number of one backup in the folder; by default all are checked.
    #[arg(long, value_name = "MANIFEST", requires = "backup")]
    at: Option<String>,
    #[command(flatten)]
    operator: OperatorArguments,
}

impl VerifyArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Does what the command asks.
pub(crate) async fn run(arguments: VerifyArguments, output: &Output) -> Result<(), Failure> {
    match arguments.backup {
        Some(backup) => {
            let at = arguments.at;
            let verified = watched(output, move |watch| {
                fleetlink_hub::verify_backup(&backup, at.as_deref(), watch)
            });
            told_of_backups(&verified.await?.map_err(failure)?, output)
        }
        None => {
            let data = arguments.operator.folder()?;
            let verified = watched(output, move |watch| fleetlink_hub::verify(&data, watch));
            let verified = verified.await?.map_err(|error| match error {
                VerifyError::Stopped(Stopped) => Failure::Interrupted,
                error => Failure::General(error.to_string()),
            })?;
            told(&verified, output)
        }
    }
}

fn told(verified: &Verified, output: &Output) -> Result<(), Failure> {
    let Verified {
        faults,
        more_faults,
        checked,
        notes,
    } = verified;
    let mut lines: Vec<String> = faults.iter().map(line).collect();
    if verified.is_whole() {
        lines.push(format!(
            "whole: {} accounts, {} data files in {} segments of {}, {} pyramids, {} changes",
            checked.accounts,
            checked.data_files,
            checked.segments,
            Bytes(checked.bytes),
            checked.pyramids,
            checked.changes
        ));
    }
    let document = json!({
        "whole": verified.is_whole(), "faults": faults, "more_faults": more_faults,
        "checked": checked, "notes": notes,
    });
    output.result(&lines.join("\n"), &document);
    if !output.is_json() {
        notes.iter().for_each(|note| output.notice(note));
    }
    end(faults.len() as u64 + more_faults, output)
}

/// One line, whatever the name of a part is.
fn line(fault: &Fault) -> String {
    let (place, found) = (Escaped(&fault.place), Escaped(&fault.fault));
    format!("{place}: {found}; {}", fault.remedy)
}

fn told_of_backups(verified: &BackupVerified, output: &Output) -> Result<(), Failure> {
    let mut lines: Vec<String> = verified
        .faults
        .iter()
        .map(|fault| Escaped(fault).to_string())
        .collect();
    for (name, backup) in &verified.whole {
        let name = name
            .as_ref()
            .map_or(String::new(), |name| format!("{} ", Escaped(name)));
        lines.push(format!("{name}whole: {}", content(backup)));
    }
    let whole = verified.whole.iter();
    let whole: Vec<_> = whole
        .map(|(name, backup)| json!({ "name": name, "backup": backup }))
        .collect();
    let document = json!({
        "whole": verified.faults.is_empty(), "faults": verified.faults, "backups": whole,
    });
    output.result(&lines.join("\n"), &document);
    end(verified.faults.len() as u64, output)
}

pub(super) fn end(faults: u64, output: &Output) -> Result<(), Failure> {
    let failure = match faults {
        0 => return Ok(()),
        1 => Failure::Damaged("damaged: 1 fault".to_owned()),
        faults => Failure::Damaged(format!("damaged: {faults} faults")),
    };
    Err(match output.is_json() {
        true => Failure::Reported(Box::new(failure)),
        false => failure,
    })
}
