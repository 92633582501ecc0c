//! All records that fit, written as they are read. The caller is asked for again with each page.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use fleetlink_core::{AuditFilter, AuditPlace, Caller};
use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::control::RpcError;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;
use futures_util::stream::try_unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::AuditDocument;
use crate::http::Http;
use crate::http::problem::Problem;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A JSON object a line.
    Ndjson,
}

/// The time after which another export may have a place.
const AGAIN: Duration = Duration::from_secs(5);

const HEAD: &str = "id,time,action,by,kind,door,address,device,file,subject,outcome,detail\r\n";

impl Form {
    pub(super) fn parse(word: &str) -> Result<Self, Problem> {
        match word {
            "csv" => Ok(Form::Csv),
            "ndjson" => Ok(Form::Ndjson),
            _ => Err(Problem::bad_request("format is csv or ndjson")),
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Form::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            Form::Ndjson => ("application/x-ndjson", "ndjson"),
        }
    }

    fn line(self, record: &AuditDocument) -> Result<String, serde_json::Error> {
        match self {
            Form::Csv => Ok(csv(record)),
            Form::Ndjson => Ok(serde_json::to_string(record)? + "\n"),
        }
    }
}

/// The state of an export.
struct State {
    http: Arc<Http>,
    caller: Caller,
    filter: Box<AuditFilter>,
    after: Option<AuditPlace>,
    form: Form,
    /// The text that is read and not sent.
    ready: Option<String>,
    is_over: bool,
    /// Its place among the exports at once.
    _place: OwnedSemaphorePermit,
}

impl State {
    /// Reads a page and writes it down.
    async fn read(&mut self) -> Result<String, Problem> {
        let filter = self.filter.clone();
        let page = self
            .http
            .audit(&self.caller, filter, self.after, LISTED_AT_ONCE)
            .await?;
        self.is_over = page.len() < usize::try_from(LISTED_AT_ONCE).unwrap_or(usize::MAX);
        if let Some(last) = page.last() {
            self.after = Some(AuditPlace {
                at: last.event.at,
                id: last.id,
            });
        }
        let mut text = String::new();
        for record in page {
            let line = self.form.line(&record.into());
            text.push_str(&line.map_err(|error| Problem::internal(error.to_string()))?);
        }
        Ok(text)
    }
}

/// Sends all records that fit. What fails before the first page is a problem document; what fails
/// later ends the connection, so that the client sees that records are missing.
pub(super) async fn all(
    http: Arc<Http>,
    caller: Caller,
    filter: Box<AuditFilter>,
    form: Form,
) -> Result<Response, Problem> {
    let place = place(&http.exports)?;
    let mut state = State {
        http,
        caller,
        filter,
        after: None,
        form,
        ready: None,
        is_over: false,
        _place: place,
    };
    let first = state.read().await?;
    let head = if form == Form::Csv { HEAD } else { "" };
    state.ready = Some(format!("{head}{first}"));
    let pages = try_unfold(state, async |mut state| {
        let text = match state.ready.take() {
            Some(text) => text,
            None if state.is_over => return Ok::<_, std::io::Error>(None),
            None => state.read().await.map_err(|problem| cut_off(&problem))?,
        };
        Ok(Some((Bytes::from(text), state)))
    });
    let (content_type, extension) = form.names();
    let headers = [
        (CONTENT_TYPE, content_type.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"fleetlink-audit.{extension}\""),
        ),
    ];
    Ok((headers, Body::from_stream(Box::pin(pages))).into_response())
}

/// A place for one export: each reads all records.
fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        let message = "other exports of audit records run now; try again later";
        let error = RpcError::new(ErrorCode::Busy, message).retry_after(AGAIN);
        error.into()
    })
}

/// The error that ends the connection.
fn cut_off(problem: &Problem) -> std::io::Error {
    std::io::Error::other(format!("{problem:?}"))
}

fn csv(record: &AuditDocument) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        record.id.clone(),
        record.at.clone(),
        record.action.clone(),
        text(&record.by.name),
        record.by.kind.clone(),
        text(&record.door),
        text(&record.address),
        text(&record.device),
        text(&record.file),
        text(&record.subject),
        record.outcome.clone(),
        text(&record.detail),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

/// A cell. A text from outside is no formula of a spreadsheet.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = match is_formula {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::limits::EXPORTS_AT_ONCE;

    #[test]
    fn so_many_exports_run_at_once_and_further_ones_are_refused() {
        let places = Arc::new(Semaphore::new(EXPORTS_AT_ONCE));
        let held: Vec<_> = (0..EXPORTS_AT_ONCE).map(|_| place(&places)).collect();
        assert!(held.iter().all(Result::is_ok));
        let refused = place(&places).unwrap_err().into_response();
        assert_eq!(refused.status(), 503);
        drop(held);
        assert!(place(&places).is_ok(), "a place is given back");
    }

    #[test]
    fn a_text_from_outside_is_one_cell_and_no_formula() {
        assert_eq!(cell("cam-1"), "cam-1");
        assert_eq!(cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(cell("a,\"b\"\r\nc"), "\"a,\"\"b\"\"\r\nc\"");
        assert_eq!(cell("@x,y"), "\"'@x,y\"");
    }
}
