//! `fleetlink account`: who may join.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use fleetlink_hub::{AccountInfo, Credentials, Operator, OperatorCall, OperatorError};
use fleetlink_proto::{DeviceName, Escaped, Password};
use serde_json::json;

use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::password::PasswordSource;
use crate::stdin::Lines;

/// Manage accounts, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct AccountArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make the store of a new hub, to which accounts can be added before it starts.
    Init,
    /// Add an account; its password comes from a prompt, a file, standard input or the environment.
    Add {
        /// The device's name.
        name: DeviceName,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the accounts.
    List,
    /// Remove an account and end its sessions.
    Remove {
        /// The device's name.
        name: DeviceName,
        /// Delete its data files too; without this an account that has data files stays.
        #[arg(long)]
        with_data: bool,
    },
    /// Change an account's password.
    Passwd {
        /// The device's name.
        name: DeviceName,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// End a name's lock-out.
    Unlock {
        /// The device's name.
        name: DeviceName,
    },
    /// Add accounts and change passwords by a file: a name and a password a line.
    Import {
        /// The file.
        file: PathBuf,
    },
}

impl AccountArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn run(arguments: AccountArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    // A password is asked for first: the store's lock is not held while somebody types.
    let Some(step) = prepare(arguments.action, &folder, output).await? else {
        return Ok(());
    };
    let mut operator = Operator::connect(&folder).await?;
    let result = perform(&mut operator, step, output).await;
    operator.finish().await;
    result
}

fn make_store(folder: &Path, output: &Output) -> Result<(), Failure> {
    Operator::make_store(folder)?;
    let shown = folder.display().to_string();
    let done = format!("the store of a hub is in {}", Escaped(&shown));
    output.result(&done, &json!({ "done": done }));
    Ok(())
}

enum Step {
    Call { call: OperatorCall, done: String },
    List,
    Import(Credentials),
}

/// The step to take at the hub, if there is one.
async fn prepare(action: Action, folder: &Path, output: &Output) -> Result<Option<Step>, Failure> {
    if !matches!(action, Action::Init) {
        // A mistyped folder is named before anybody is asked for a password.
        Operator::find(folder)?;
    }
    Ok(Some(match action {
        Action::Init => {
            make_store(folder, output)?;
            return Ok(None);
        }
        Action::Add { name, password } => {
            let password = new_password(&password, output).await?;
            let done = format!("account {name} added");
            Step::Call {
                call: OperatorCall::AddAccount { name, password },
                done,
            }
        }
        Action::Passwd { name, password } => {
            let password = new_password(&password, output).await?;
            let done = format!("the password of {name} was changed");
            Step::Call {
                call: OperatorCall::SetPassword { name, password },
                done,
            }
        }
        Action::Remove { name, with_data } => {
            let done = format!("account {name} removed");
            Step::Call {
                call: OperatorCall::RemoveAccount { name, with_data },
                done,
            }
        }
        Action::Unlock { name } => {
            let done = format!("{name} is not locked out any more");
            Step::Call {
                call: OperatorCall::Unlock { name },
                done,
            }
        }
        Action::List => Step::List,
        Action::Import { file } => {
            let missing = |e| Failure::NoSuchFile(format!("cannot read {}: {e}", file.display()));
            Step::Import(Credentials::read(&file).map_err(missing)?)
        }
    }))
}

/// Asked for twice at a terminal: nobody sees what is typed.
pub(super) async fn new_password(
    source: &PasswordSource,
    output: &Output,
) -> Result<Password, Failure> {
    let lines = Lines::new();
    let given = source.read(&lines).await?;
    let password = match given {
        Some(password) => password,
        None => {
            let first = source.read_or_ask(&lines, output).await?;
            let again = lines.ask_hidden(output, "Password again:", Ask::Stderr);
            let again = again.await?.ok_or(Failure::Interrupted)?;
            if first != again {
                return Err(Failure::Usage("the two passwords differ".to_owned()));
            }
            first
        }
    };
    password
        .check_for_account()
        .map_err(|e| Failure::Usage(e.to_string()))?;
    Ok(password)
}

async fn perform(operator: &mut Operator, step: Step, output: &Output) -> Result<(), Failure> {
    match step {
        Step::Call { call, done } => {
            let keeps_data = matches!(
                call,
                OperatorCall::RemoveAccount {
                    with_data: false,
                    ..
                }
            );
            operator.call(call).await.map_err(|error| match error {
                OperatorError::Refused(why) if keeps_data && why.contains("files") => {
                    Failure::General(format!("{why} (--with-data)"))
                }
                error => error.into(),
            })?;
            output.result(&done, &json!({ "done": done }));
        }
        Step::List => {
            show(&operator.accounts().await?, output);
        }
        Step::Import(credentials) => import(operator, credentials, output).await?,
    }
    Ok(())
}

fn show(accounts: &[AccountInfo], output: &Output) {
    let lines: Vec<String> = accounts.iter().map(account_line).collect();
    let text = if lines.is_empty() {
        "no accounts".to_owned()
    } else {
        lines.join("\n")
    };
    output.result(&text, &json!({ "accounts": accounts }));
}

fn account_line(account: &AccountInfo) -> String {
    let AccountInfo {
        name,
        created,
        active,
        blocked_for_ms,
        key,
    } = account;
    let mut line = format!("{name}; since {}", created.local());
    if *active {
        line.push_str("; active");
    }
    if key.is_some() {
        line.push_str("; has a key");
    }
    if let Some(left) = blocked_for_ms {
        line.push_str(&format!("; locked out for {} s", left.div_ceil(1000)));
    }
    line
}

async fn import(
    operator: &mut Operator,
    credentials: Credentials,
    output: &Output,
) -> Result<(), Failure> {
    let known = operator.accounts().await?.into_iter();
    let known: HashSet<_> = known.map(|account| account.name).collect();
    let mut skipped = credentials.skipped;
    let (mut added, mut changed) = (0, 0);
    for (name, password) in credentials.entries {
        let (call, count) = if known.contains(&name) {
            (
                OperatorCall::SetPassword {
                    name: name.clone(),
                    password,
                },
                &mut changed,
            )
        } else {
            (
                OperatorCall::AddAccount {
                    name: name.clone(),
                    password,
                },
                &mut added,
            )
        };
        match operator.call(call).await {
            Ok(_) => *count += 1,
            Err(OperatorError::Refused(reason)) => skipped.push(format!("{name}: {reason}")),
            Err(error) => return Err(error.into()),
        }
    }
    skipped
        .iter()
        .for_each(|reason| output.notice(&format!("{reason}; skipped")));
    let text = format!(
        "{added} added, {changed} set anew, {} skipped",
        skipped.len()
    );
    output.result(
        &text,
        &json!({ "added": added, "set": changed, "skipped": skipped }),
    );
    if added + changed == 0 && !skipped.is_empty() {
        return Err(Failure::General(
            "no line of the file could be used".to_owned(),
        ));
    }
    Ok(())
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::NotDone(error) => Failure::Hub(error),
            error => Failure::General(error.to_string()),
        }
    }
}
