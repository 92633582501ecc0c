//! `fleetlink admin`: the people who log in to the page and the API.

use fleetlink_hub::{LoginInfo, Operator, OperatorError, PeopleCall, PeopleReply};
use fleetlink_proto::access::{AccessName, Role};
use serde_json::json;

use super::account::new_password;
use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::password::PasswordSource;

/// The page of a hub whose address is not known: the one that it has unless it is told another.
const USUAL_PAGE: &str = "http://127.0.0.1:7480";

/// Manage the people who log in to the page, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct AdminArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Add a login; its password comes from a prompt, a file, standard input or the environment.
    Add {
        /// The name of the login.
        name: AccessName,
        /// The person's rights: administrator, or viewer for looking alone.
        #[arg(long, default_value_t = Role::Administrator)]
        role: Role,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the logins.
    List,
    /// Remove a login and end its sessions.
    Remove {
        /// The name of the login.
        name: AccessName,
    },
    /// Change the password of a login and end its sessions.
    Passwd {
        /// The name of the login.
        name: AccessName,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// End sessions of the page at once: those of a login, those of one-time links, or all.
    Logout {
        #[command(flatten)]
        whose: Whose,
    },
    /// Make a link that logs an administrator in, once, within 15 minutes.
    Link,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The name of the login.
    name: Option<AccessName>,
    /// The sessions that one-time links opened; the links that were not used are of no use then.
    #[arg(long)]
    links: bool,
    /// All sessions, and the links that were not used.
    #[arg(long)]
    all: bool,
}

impl AdminArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

enum Step {
    Change { call: PeopleCall, done: String },
    List,
    Link,
}

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn run(arguments: AdminArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    // A mistyped folder is named before anybody is asked for a password, and the store's lock is not
    // held while somebody types.
    Operator::find(&folder)?;
    let step = prepare(arguments.action, output).await?;
    let mut operator = Operator::connect(&folder).await?;
    let result = perform(&mut operator, step, output).await;
    operator.finish().await;
    result
}

async fn prepare(action: Action, output: &Output) -> Result<Step, Failure> {
    Ok(match action {
        Action::Add {
            name,
            role,
            password,
        } => {
            let password = new_password(&password, output).await?;
            let done = format!("login {name} added as {role}");
            let call = PeopleCall::AddLogin {
                name,
                role,
                password,
            };
            Step::Change { call, done }
        }
        Action::Passwd { name, password } => {
            let password = new_password(&password, output).await?;
            let done = format!("the password of login {name} was changed");
            let call = PeopleCall::SetPassword { name, password };
            Step::Change { call, done }
        }
        Action::Remove { name } => {
            let done = format!("login {name} removed");
            let call = PeopleCall::RemoveLogin { name };
            Step::Change { call, done }
        }
        Action::Logout { whose } => log_out(whose),
        Action::List => Step::List,
        Action::Link => Step::Link,
    })
}

fn log_out(whose: Whose) -> Step {
    let (call, done) = match whose {
        Whose {
            name: Some(login), ..
        } => {
            let done = format!("the sessions of login {login} are ended");
            (PeopleCall::EndSessionsOf { login }, done)
        }
        Whose { links: true, .. } => (
            PeopleCall::EndSessionsOfLinks,
            "one-time links and the sessions that they opened are ended".to_owned(),
        ),
        Whose { .. } => (
            PeopleCall::EndAllSessions,
            "all sessions of the page and one-time links are ended".to_owned(),
        ),
    };
    Step::Change { call, done }
}

async fn perform(operator: &mut Operator, step: Step, output: &Output) -> Result<(), Failure> {
    match step {
        Step::Change { call, done } => {
            operator.people(call).await?;
            output.result(&done, &json!({ "done": done }));
        }
        Step::List => show(&operator.logins().await?, output),
        Step::Link => link(operator, output).await?,
    }
    Ok(())
}

fn show(logins: &[LoginInfo], output: &Output) {
    let line = |login: &LoginInfo| {
        let LoginInfo {
            name,
            role,
            created,
        } = login;
        format!("{name}; {role}; since {}", created.local())
    };
    let lines: Vec<String> = logins.iter().map(line).collect();
    output.list(&lines, "no logins", &json!({ "logins": logins }));
}

/// The link alone on standard output, so that a script can take it.
async fn link(operator: &mut Operator, output: &Output) -> Result<(), Failure> {
    let reply = operator.people(PeopleCall::MakeLink).await?;
    let PeopleReply::Link {
        link,
        expires,
        page,
    } = reply
    else {
        let odd = "the hub sent a reply of another kind".to_owned();
        return Err(OperatorError::Refused(odd).into());
    };
    let url = url(page.as_deref().unwrap_or(USUAL_PAGE), &link);
    output.result(
        &url,
        &json!({ "link": url, "token": link, "expires": expires }),
    );
    if page.is_none() && !output.is_json() {
        output.notice(&format!(
            "no running hub serves a page here: start it, and put the address of its page in place \
             of {USUAL_PAGE}"
        ));
    }
    if !output.is_json() {
        output.notice(&format!(
            "it logs an administrator in, once, until {}",
            expires.local()
        ));
    }
    Ok(())
}

/// The address that logs in by a link's secret.
pub(super) fn url(page: &str, secret: &str) -> String {
    format!("{page}/#/login?token={secret}")
}
