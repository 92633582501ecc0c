//! `fleetlink token`: bearer tokens for programs that use the API.

use std::time::Duration;

use fleetlink_hub::{Operator, OperatorError, PeopleCall, PeopleReply, TokenInfo, TokenOrder};
use fleetlink_proto::access::{AccessName, TokenRole};
use serde_json::json;

use super::data_folder::OperatorArguments;
use super::retention;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// Manage bearer tokens, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Add a token and show its text, this one time.
    Add {
        /// The name by which it is listed: what it is for.
        name: AccessName,
        /// Its rights: viewer, administrator, or device=NAME to act as that device.
        #[arg(long)]
        role: TokenRole,
        /// Life of the token, as 12h or 90d; by default it has no end.
        #[arg(long, value_name = "TIME", value_parser = retention::life)]
        expires: Option<Duration>,
    },
    /// List the tokens, and when each was used last.
    List,
    /// Revoke a token: it is of no use from now on.
    Revoke {
        /// Its number, or its name if no other token has it.
        token: String,
    },
}

impl TokenArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn run(arguments: TokenArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    let mut operator = unless_interrupted(async { Ok(Operator::connect(&folder).await?) }).await?;
    let result = perform(&mut operator, arguments.action, output).await;
    operator.finish().await;
    result
}

async fn perform(operator: &mut Operator, action: Action, output: &Output) -> Result<(), Failure> {
    match action {
        Action::Add {
            name,
            role,
            expires,
        } => {
            let life_ms = expires.map(|life| u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
            let order = TokenOrder {
                name,
                role,
                life_ms,
            };
            match operator.people(PeopleCall::AddToken(order)).await? {
                PeopleReply::Token { token, info } => {
                    hand_over(&token, &info, operator, output).await
                }
                _ => {
                    let odd = "the hub sent a reply of another kind".to_owned();
                    Err(OperatorError::Refused(odd).into())
                }
            }
        }
        Action::List => {
            list(&operator.tokens().await?, output);
            Ok(())
        }
        Action::Revoke { token } => {
            let token = find(&token, operator).await?;
            operator.people(PeopleCall::RevokeToken { token }).await?;
            let done = format!("token {token} is revoked");
            output.result(&done, &json!({ "done": done }));
            Ok(())
        }
    }
}

/// The number of the token that is meant.
async fn find(token: &str, operator: &mut Operator) -> Result<u64, Failure> {
    if let Ok(number) = token.parse() {
        return Ok(number);
    }
    let all = operator.tokens().await?;
    let named: Vec<u64> = all
        .iter()
        .filter(|info| info.name.as_str() == token)
        .map(|info| info.id)
        .collect();
    match named[..] {
        [number] => Ok(number),
        [] => Err(Failure::General(format!(
            "there is no token {}; fleetlink token list shows them",
            fleetlink_proto::Escaped(token)
        ))),
        _ => Err(Failure::General(format!(
            "several tokens are called {token}: revoke one by its number, of {named:?}"
        ))),
    }
}

/// Shows a new token. Where that cannot be done nobody has it, so it is revoked.
async fn hand_over(
    token: &str,
    info: &TokenInfo,
    operator: &mut Operator,
    output: &Output,
) -> Result<(), Failure> {
    let document = json!({
        "token": token, "id": info.id, "name": info.name, "role": info.role,
        "created": info.created, "expires": info.expires,
    });
    output.result(token, &document);
    if !output.is_json() {
        let end = match info.expires {
            Some(expires) => format!("until {}", expires.local()),
            None => "without an end".to_owned(),
        };
        output.notice(&format!(
            "token {} ({}) as {}, {end}; it is not shown again\n\
             use it as: Authorization: Bearer TOKEN",
            info.id, info.name, info.role
        ));
    }
    let Err(failure) = unless_interrupted(output.shown()).await else {
        return Ok(());
    };
    let token = info.id;
    let revoked = operator.people(PeopleCall::RevokeToken { token }).await;
    let end = match revoked {
        Ok(_) => format!("token {token} is revoked again"),
        Err(error) => format!(
            "token {token} could not be revoked ({error}); revoke it with: fleetlink token revoke \
             {token}"
        ),
    };
    Err(match failure {
        Failure::Output(why) => Failure::Output(format!("{why}; {end}")),
        failure => {
            output.notice(&format!("the token was not shown: {end}"));
            failure
        }
    })
}

fn list(tokens: &[TokenInfo], output: &Output) {
    let lines: Vec<String> = tokens.iter().map(line).collect();
    output.list(&lines, "no tokens", &json!({ "tokens": tokens }));
}

fn line(token: &TokenInfo) -> String {
    let TokenInfo {
        id,
        name,
        role,
        created,
        expires,
        last_used,
    } = token;
    let used = match last_used {
        Some(used) => format!("last used {}", used.local()),
        None => "never used".to_owned(),
    };
    let end = match expires {
        Some(expires) => format!("until {}", expires.local()),
        None => "without an end".to_owned(),
    };
    format!(
        "{id}; {name}; {role}; since {}; {end}; {used}",
        created.local()
    )
}
