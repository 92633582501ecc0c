//! The commands that run or administer a hub.

mod account;
mod admin;
mod audit;
mod backup;
mod console;
mod course;
mod credentials;
mod data;
mod data_folder;
mod demo;
mod event;
mod http;
mod keys;
mod penalties;
mod qr;
mod retention;
mod rotate;
mod rule;
mod run;
mod serve;
mod sessions;
mod settings_file;
mod shares;
mod status;
mod ticket;
mod token;
mod uploads;
mod verify;
mod watched;

use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

pub(crate) use data::data;
pub(crate) use data_folder::AsOperator;
pub(crate) use keys::keys;
pub(crate) use settings_file::with_settings;

/// Commands that run or administer a hub.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run a hub.
    Hub(Box<serve::HubArguments>),
    /// Run a hub as the course's server does: SERVER_PORT MAX_ATTEMPTS.
    Server(course::ServerArguments),
    /// Show how a running hub and its devices are.
    Status(status::StatusArguments),
    /// Manage the accounts of a hub: add, list, remove, passwd, unlock, import.
    Account(account::AccountArguments),
    /// List and end the sessions of a hub: list, end.
    Session(sessions::SessionArguments),
    /// Let devices join without a password: issue, list and revoke join tickets.
    Ticket(ticket::TicketArguments),
    /// List unfinished uploads of data: list.
    Upload(uploads::UploadArguments),
    /// Manage the people who log in to the page: add, list, remove, passwd, link.
    Admin(admin::AdminArguments),
    /// Manage bearer tokens for programs: add, list, revoke.
    Token(token::TokenArguments),
    /// Set quotas of devices and the retention of data files: set, list, remove.
    Rule(rule::RuleArguments),
    /// Show who did what at a hub, from where, and how it ended.
    Audit(audit::AuditArguments),
    /// Back up a hub's data beside the running hub, to a file or a folder.
    Backup(backup::BackupArguments),
    /// Restore a backup into a new folder.
    Restore(backup::RestoreArguments),
    /// Check that a hub's data or a backup are whole.
    Verify(verify::VerifyArguments),
    /// Show and check the settings of a hub: show, check, example.
    Config(settings_file::ConfigArguments),
    /// Watch a hub and two devices at work, with every result checked.
    Demo(demo::DemoArguments),
}

impl Command {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        match self {
            Command::Account(arguments) => arguments.json(),
            Command::Admin(arguments) => arguments.json(),
            Command::Config(arguments) => arguments.json(),
            Command::Token(arguments) => arguments.json(),
            Command::Rule(arguments) => arguments.json(),
            Command::Audit(arguments) => arguments.json(),
            Command::Hub(arguments) => arguments.json(),
            Command::Session(arguments) => arguments.json(),
            Command::Status(arguments) => arguments.json(),
            Command::Ticket(arguments) => arguments.json(),
            Command::Upload(arguments) => arguments.json(),
            Command::Backup(arguments) => arguments.json(),
            Command::Restore(arguments) => arguments.json(),
            Command::Verify(arguments) => arguments.json(),
            _ => false,
        }
    }
}

impl Command {
    /// Whether a hub is to run, whose settings file has to be read.
    pub(crate) fn runs_hub(&self) -> bool {
        matches!(self, Command::Hub(arguments) if arguments.runs())
    }

    /// The filter of the log, where the command has an option for it.
    pub(crate) fn log(&self) -> Option<&str> {
        match self {
            Command::Hub(arguments) => arguments.log(),
            _ => None,
        }
    }
}

/// Does what the command asks.
pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Hub(arguments) => Box::pin(serve::serve(*arguments, output)).await,
        Command::Server(arguments) => course::serve(arguments, output).await,
        Command::Account(arguments) => {
            unless_interrupted(Box::pin(account::run(arguments, output))).await
        }
        Command::Status(arguments) => {
            unless_interrupted(Box::pin(status::run(arguments, output))).await
        }
        Command::Session(arguments) => {
            unless_interrupted(Box::pin(sessions::run(arguments, output))).await
        }
        Command::Ticket(arguments) => {
            unless_interrupted(Box::pin(ticket::run(arguments, output))).await
        }
        Command::Upload(arguments) => {
            unless_interrupted(Box::pin(uploads::run(arguments, output))).await
        }
        Command::Admin(arguments) => {
            unless_interrupted(Box::pin(admin::run(arguments, output))).await
        }
        Command::Token(arguments) => Box::pin(token::run(arguments, output)).await,
        Command::Rule(arguments) => {
            unless_interrupted(Box::pin(rule::run(arguments, output))).await
        }
        Command::Audit(arguments) => {
            unless_interrupted(Box::pin(audit::run(arguments, output))).await
        }
        Command::Backup(arguments) => Box::pin(backup::back_up(arguments, output)).await,
        Command::Restore(arguments) => Box::pin(backup::restore(arguments, output)).await,
        Command::Verify(arguments) => Box::pin(verify::run(arguments, output)).await,
        Command::Config(arguments) => settings_file::run(arguments, output),
        Command::Demo(arguments) => Box::pin(demo::run(&arguments, output)).await,
    }
}
