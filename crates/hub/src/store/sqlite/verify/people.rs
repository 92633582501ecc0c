//! Accounts, tickets, logins, tokens and sessions: each can be read, and refers to what is there.

use super::super::beside::Beside;
use super::super::error::OpError;
use super::super::{accounts, tickets, tokens, web_logins};
use super::report::Report;
use super::{DATABASE_REMEDY, VerifyError, words};
use crate::watch::Watch;

/// The rows that are read at once.
const PAGE: u32 = 500;

/// Counts that contradict the rows, and references that lead nowhere. Foreign keys are looked at with the
/// database.
const CONTRADICTIONS: [(&str, &str, &str); 6] = [
    (
        "account",
        "SELECT 1 FROM account_totals WHERE accounts <> (SELECT count(*) FROM accounts)",
        "the counter of accounts is not their number",
    ),
    (
        "account",
        "SELECT 1 FROM account_totals WHERE version < (SELECT coalesce(max(version), 0) FROM accounts)",
        "an account has a version that was not given out",
    ),
    (
        "account",
        "SELECT 1 WHERE (SELECT count(*) FROM account_totals) <> 1",
        "the counter of accounts is missing",
    ),
    (
        "people",
        "SELECT 1 FROM page_sessions LEFT JOIN web_logins ON login = name \
         WHERE login IS NOT NULL AND name IS NULL",
        "a session of the page belongs to a login that is not there",
    ),
    (
        "people",
        "SELECT 1 FROM tokens WHERE role LIKE 'device=%' \
         AND NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.name = substr(role, 8))",
        "a token is for a device that has no account",
    ),
    (
        "people",
        "SELECT 1 FROM tickets WHERE uses < \
         (SELECT count(*) FROM ticket_uses WHERE ticket = tickets.number)",
        "a ticket was used more often than it may be",
    ),
];

pub(super) fn check(store: &Beside, report: &Report, watch: &Watch) -> Result<(), VerifyError> {
    accounts_of(store, report, watch)?;
    let connection = &store.connection;
    let after = |last: Option<&fleetlink_core::Ticket>| last.map(|ticket| ticket.number);
    pages(report, watch, "ticket", |last, limit| {
        tickets::page(connection, after(last), limit)
    })?;
    pages(
        report,
        watch,
        "login",
        |last: Option<&fleetlink_core::WebLogin>, limit| {
            web_logins::page(connection, last.map(|login| &login.name), limit)
        },
    )?;
    pages(
        report,
        watch,
        "token",
        |last: Option<&fleetlink_core::Token>, limit| {
            tokens::page(connection, last.map(|token| token.id), limit)
        },
    )?;
    for (part, select, fault) in CONTRADICTIONS {
        if connection.prepare(select)?.exists([])? {
            report.fault(part, "hub.db", fault, DATABASE_REMEDY);
        }
    }
    Ok(())
}

fn accounts_of(store: &Beside, report: &Report, watch: &Watch) -> Result<(), VerifyError> {
    let connection = &store.connection;
    let mut count = 0;
    pages(
        report,
        watch,
        "account",
        |last: Option<&fleetlink_core::Account>, limit| {
            let page = accounts::page(connection, last.map(|account| &account.name), limit)?;
            count += page.len() as u64;
            for account in &page {
                if accounts::holder(connection, &account.name)?.is_none_or(|held| held != *account)
                {
                    let fault = "another account has the name that differs from it only by case";
                    report.fault("account", account.name.as_str(), fault, DATABASE_REMEDY);
                }
            }
            Ok(page)
        },
    )?;
    report.count(|checked| checked.accounts = count);
    Ok(())
}

/// Reads all pages of something; a row that cannot be read ends it with a fault.
fn pages<T>(
    report: &Report,
    watch: &Watch,
    what: &str,
    mut page: impl FnMut(Option<&T>, u32) -> Result<Vec<T>, OpError>,
) -> Result<(), VerifyError> {
    let mut last: Option<T> = None;
    loop {
        watch.check()?;
        match page(last.as_ref(), PAGE) {
            Ok(page) if page.is_empty() => return Ok(()),
            Ok(page) => last = page.into_iter().next_back(),
            Err(error) => {
                let fault = format!("a {what} cannot be read: {}", words(error)?);
                report.fault("people", "hub.db", fault, DATABASE_REMEDY);
                return Ok(());
            }
        }
    }
}
