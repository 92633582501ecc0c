//! The queries of a store.

use fleetlink_core::{Query, StoreError, StoreReply, Totals};
use rusqlite::Connection;

use super::Shared;
use super::error::OpError;
use super::{
    accounts, audit, files, journal, page_sessions, rules, segments, tickets, tokens, web_logins,
};

pub(super) fn run(
    query: &Query,
    connection: &Connection,
    shared: &Shared,
) -> Result<StoreReply, OpError> {
    Ok(match query {
        Query::Account { name } => StoreReply::Account(accounts::holder(connection, name)?),
        Query::Accounts { after, limit } => {
            StoreReply::Accounts(accounts::page(connection, after.as_ref(), *limit)?)
        }
        Query::FreeName {
            ticket,
            prefix,
            from,
        } => StoreReply::FreeName(tickets::free_name(connection, *ticket, prefix, *from)?),
        Query::TicketOf(hash) => {
            let found = tickets::find_by_hash(connection, hash)?;
            StoreReply::Ticket(found.map(Box::new))
        }
        Query::Ticket(number) => {
            let found = tickets::find(connection, *number)?;
            StoreReply::Ticket(found.map(Box::new))
        }
        Query::Tickets { after, limit } => {
            StoreReply::Tickets(tickets::page(connection, *after, *limit)?)
        }
        Query::WebLogin { name } => StoreReply::WebLogin(web_logins::holder(connection, name)?),
        Query::WebLogins { after, limit } => {
            StoreReply::WebLogins(web_logins::page(connection, after.as_ref(), *limit)?)
        }
        Query::Tokens { after, limit } => {
            StoreReply::Tokens(tokens::page(connection, *after, *limit)?)
        }
        Query::Rules => StoreReply::Rules(rules::all(connection)?),
        Query::Admission { secret } => {
            StoreReply::Admission(page_sessions::admission(connection, secret)?)
        }
        Query::Totals { at } => StoreReply::Totals(Totals {
            accounts: accounts::count(connection)?,
            open_tickets: tickets::count_open(connection, *at)?,
            logins: web_logins::count(connection)?,
        }),
        Query::Audit {
            filter,
            after,
            limit,
        } => StoreReply::Audit(audit::page(connection, filter, *after, *limit)?),
        Query::AuditSince { filter, id, limit } => {
            StoreReply::Audit(audit::since(connection, filter, *id, *limit)?)
        }
        Query::FindReceipt { device, key } => {
            let earlier = journal::find(connection, device, *key)?;
            StoreReply::Receipt(earlier.map(|earlier| earlier.receipt()).transpose()?)
        }
        Query::Summary { device, file } => {
            let found = files::find(connection, device, file)?;
            StoreReply::Summary(found.ok_or(StoreError::NotFound)?.totals.summary)
        }
        Query::ListFiles {
            device,
            after,
            limit,
        } => StoreReply::Files(files::list(connection, device, after.as_ref(), *limit)?),
        Query::Snapshot { device, file } => {
            let hold = shared.holds.hold((device.clone(), file.clone()));
            StoreReply::Snapshot(segments::snapshot(connection, device, file, hold)?)
        }
    })
}
