//! `fleetlink rule`: quotas of devices and retention of data files, set beside a running hub.

use fleetlink_hub::{Operator, PeopleCall, RuleDocument};
use serde_json::json;

use super::data_folder::OperatorArguments;
use super::retention::{quota_bytes, quota_files, retain};
use crate::failure::Failure;
use crate::output::Output;

/// Set quotas of devices, and how long data files stay, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct RuleArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Set a rule; it holds at once and goes before those of the hub's options.
    Set {
        /// Kind of the rule.
        #[arg(value_parser = KINDS)]
        kind: String,
        /// The rule as in the hub's option, as cam-*=10G, cam-*=100 or temperature=90d; never for no bound.
        #[arg(value_name = "PATTERN=VALUE")]
        rule: String,
    },
    /// List all rules in the order in which they count, and where each comes from.
    List,
    /// Remove a rule that was set.
    Remove {
        /// Kind of the rule.
        #[arg(value_parser = KINDS)]
        kind: String,
        /// Its pattern.
        pattern: String,
    },
}

const KINDS: [&str; 3] = ["quota", "quota-files", "retain"];

impl RuleArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn run(arguments: RuleArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    let mut operator = Operator::connect(&folder).await?;
    let result = perform(&mut operator, arguments.action, output).await;
    operator.finish().await;
    result
}

async fn perform(operator: &mut Operator, action: Action, output: &Output) -> Result<(), Failure> {
    let done = match action {
        Action::List => {
            list(&operator.rules().await?, output);
            return Ok(());
        }
        Action::Set { kind, rule } => {
            let (pattern, value) = read(&kind, &rule).map_err(Failure::General)?;
            let done = format!("rule {kind} {pattern} is set");
            let set = PeopleCall::SetRule {
                kind,
                pattern,
                value,
            };
            operator.people(set).await?;
            done
        }
        Action::Remove { kind, pattern } => {
            let done = format!("rule {kind} {pattern} is removed");
            let remove = PeopleCall::RemoveRule { kind, pattern };
            operator.people(remove).await?;
            done
        }
    };
    output.result(&done, &json!({ "done": done }));
    Ok(())
}

/// The pattern and the value of a rule as the hub's option of this kind has them.
fn read(kind: &str, rule: &str) -> Result<(String, Option<u64>), String> {
    if let Some(pattern) = rule.strip_suffix("=never") {
        return Ok((pattern.to_owned(), None));
    }
    let (pattern, value) = match kind {
        "retain" => {
            let rule = retain(rule)?;
            (rule.pattern.to_string(), rule.age.map(|age| age.as_secs()))
        }
        kind => {
            let read = if kind == "quota" {
                quota_bytes
            } else {
                quota_files
            };
            let (pattern, most) = read(rule)?;
            (pattern.to_string(), Some(most))
        }
    };
    Ok((pattern, value))
}

fn list(rules: &[RuleDocument], output: &Output) {
    let lines: Vec<String> = rules.iter().map(line).collect();
    output.list(&lines, "no rules", &json!({ "rules": rules }));
}

fn line(rule: &RuleDocument) -> String {
    let RuleDocument {
        kind,
        pattern,
        value,
        origin,
    } = rule;
    let unit = match kind.as_str() {
        "quota" => "bytes",
        "quota-files" => "data files",
        _ => "seconds",
    };
    let value = value.map_or_else(|| "no bound".to_owned(), |value| format!("{value} {unit}"));
    let origin = match origin.as_str() {
        "set" => "set",
        _ => "by option",
    };
    format!("{kind}; {pattern}; {value}; {origin}")
}
