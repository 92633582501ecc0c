//! `fleetlink upload`: uploads that are not finished.

use fleetlink_hub::{Operator, OperatorCall, OperatorReply, UploadInfo};
use fleetlink_proto::control::UploadMode;
use serde_json::json;

use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::Output;

/// List uploads, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct UploadArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the uploads that are arriving or interrupted. A device can resume an interrupted one
    /// for 24 hours.
    List,
}

impl UploadArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn run(arguments: UploadArguments, output: &Output) -> Result<(), Failure> {
    let Action::List = arguments.action;
    let folder = arguments.operator.folder()?;
    let mut operator = Operator::connect(&folder).await?;
    let result = operator.call(OperatorCall::ListUploads).await;
    operator.finish().await;
    if let OperatorReply::Uploads(uploads) = result? {
        let lines: Vec<String> = uploads.iter().map(line).collect();
        let text = match &lines[..] {
            [] => "no unfinished uploads".to_owned(),
            lines => lines.join("\n"),
        };
        output.result(&text, &json!({ "uploads": uploads }));
    }
    Ok(())
}

fn line(upload: &UploadInfo) -> String {
    let UploadInfo {
        device,
        key,
        file,
        mode,
        bytes,
        interrupted,
        kept_until,
    } = upload;
    let state = match (interrupted, kept_until) {
        (Some(since), Some(until)) => format!(
            "interrupted since {}, kept until {}",
            since.local(),
            until.local()
        ),
        _ => "arriving".to_owned(),
    };
    let target = match file.as_ref().zip(*mode) {
        Some((file, UploadMode::Replace)) => format!("replaces {file}; "),
        Some((file, UploadMode::Append)) => format!("appends to {file}; "),
        None => String::new(),
    };
    format!("{device}; {target}{bytes} bytes; {state}; key {key}")
}
