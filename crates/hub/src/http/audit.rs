//! Audit records: `/api/v1/audit`.

mod export;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use fleetlink_core::{
    AdminReply, AdminRequest, AuditFilter, AuditPart, AuditPlace, AuditRecord, Caller,
};
use serde::Deserialize;

use self::export::Form;
use super::Http;
use super::access::lists::{List, ListPage, tagged};
use super::auth::Authenticated;
use super::extract::Fields;
use super::problem::{Problem, ProblemDocument};
use crate::audit::{AuditDocument, AuditWish, cursor, parse_cursor};

/// The form of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormField {
    /// `csv` or `ndjson`: all records that fit, in one reply, in place of a page.
    #[param(pattern = "^(csv|ndjson)$")]
    format: Option<String>,
}

/// Lists audit records, newest first: who did what, by which door and from where.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit",
    params(AuditWish, ListPage, FormField),
    responses(
        (status = 200, content(
            (List<AuditDocument> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson"))),
        (status = 304, description = "The client has it already"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_audit(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Authenticated(caller): Authenticated,
    Fields(wish): Fields<AuditWish>,
    Fields(page): Fields<ListPage>,
    Fields(form): Fields<FormField>,
) -> Result<Response, Problem> {
    let filter = Box::new(wish.parse().map_err(Problem::bad_request)?);
    let form = form.format.as_deref().map(Form::parse).transpose()?;
    let after = page.after.as_deref().map(|text| {
        let why = "after is the member next of the page before";
        parse_cursor(text).ok_or_else(|| Problem::bad_request(why))
    });
    let after = after.transpose()?;
    if let Some(form) = form {
        return export::all(http, caller, filter, form).await;
    }
    let limit = page.limit()?;
    // Behind a full page there may be another one, which may be empty.
    let asked = u32::try_from(limit).unwrap_or(u32::MAX);
    let records = http.audit(&caller, filter, after, asked).await?;
    let next = records
        .last()
        .filter(|_| records.len() >= limit)
        .map(cursor);
    let items = records.into_iter().map(AuditDocument::from).collect();
    tagged(&headers, &List { items, next })
}

impl Http {
    async fn audit(
        &self,
        caller: &Caller,
        filter: Box<AuditFilter>,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, Problem> {
        let request = AdminRequest::ListAudit {
            filter,
            part: AuditPart::Newest { after },
            limit,
        };
        match self.ask(caller, request).await? {
            AdminReply::Audit(records) => Ok(records),
            _ => Err(Problem::odd_reply()),
        }
    }
}
