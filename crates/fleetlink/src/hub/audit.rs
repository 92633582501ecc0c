//! `fleetlink audit`: who did what, for an operator without a browser.

use fleetlink_hub::{AuditDocument, AuditWish, Operator};
use fleetlink_proto::Escaped;
use serde_json::json;

use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::Output;

/// Show the newest audit records, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArguments {
    /// Only records about this device.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Only records about this data file.
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
    /// Only these actions, separated by commas; key stands for all that happens to keys.
    #[arg(long, value_name = "WORD")]
    action: Option<String>,
    /// Only records by a kind of caller (device, operator, administrator, viewer, token, nobody, hub),
    /// or by the one of this name.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Only records with this outcome: done, refused or failed.
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Only records from this time on, as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Records, at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: usize,
    #[command(flatten)]
    operator: OperatorArguments,
}

impl AuditArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Shows what the running hub or, where none runs, its store has.
pub(crate) async fn run(arguments: AuditArguments, output: &Output) -> Result<(), Failure> {
    let AuditArguments {
        device,
        file,
        action,
        by,
        outcome,
        from,
        to,
        last,
        operator,
    } = arguments;
    let wish = AuditWish {
        device,
        file,
        action,
        by,
        outcome,
        from,
        to,
    };
    let mut operator = Operator::connect(&operator.folder()?).await?;
    let found = operator.audit(wish, last).await;
    operator.finish().await;
    let found = found?;
    // The newest stands last, where a terminal shows it.
    let lines: Vec<String> = found.iter().rev().map(line).collect();
    output.list(&lines, "no records", &json!({ "records": found }));
    Ok(())
}

fn line(record: &AuditDocument) -> String {
    let AuditDocument {
        at,
        action,
        by,
        door,
        address,
        device,
        file,
        subject,
        outcome,
        detail,
        ..
    } = record;
    let about: Vec<&str> = [device, file, subject]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    let who = match &by.name {
        Some(name) => format!("{} {name}", by.kind),
        None => by.kind.clone(),
    };
    let from = [door, address].into_iter().flatten();
    let from: Vec<&str> = from.map(String::as_str).collect();
    let parts = [
        at.clone(),
        action.clone(),
        about.join(" "),
        format!("by {who}"),
        from.join(" "),
        outcome.clone(),
        detail.clone().unwrap_or_default(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Escaped(&parts.join("; ")).to_string()
}

#[cfg(test)]
mod tests {
    use fleetlink_hub::AuditActor;

    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_somebody_typed() {
        let record = AuditDocument {
            id: "1".to_owned(),
            at: "2026-01-31T12:00:00.000Z".to_owned(),
            action: "login.failed".to_owned(),
            by: AuditActor {
                kind: "nobody".to_owned(),
                name: None,
            },
            door: Some("session".to_owned()),
            address: Some("192.0.2.1".to_owned()),
            device: Some("x\nroot\u{1b}[2J\u{202e}".to_owned()),
            file: None,
            subject: None,
            outcome: "refused".to_owned(),
            detail: None,
        };
        assert_eq!(
            line(&record),
            "2026-01-31T12:00:00.000Z; login.failed; x\\nroot\\u{1b}[2J\\u{202e}; by nobody; \
             session 192.0.2.1; refused"
        );
    }
}
