//! A data file that is sent to a caller: piece by piece, for as long as the caller may read it.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use fleetlink_core::{Caller, DataRequest};
use fleetlink_proto::control::{ErrorCode, RpcError};

use super::super::Http;
use super::super::limits::ASK_AGAIN;
use super::held;
use super::subject::Subject;
use crate::operator::{Content, Next};

/// A content and its reader.
pub(super) struct Source {
    http: Arc<Http>,
    caller: Caller,
    subject: Subject,
    pub(super) content: Content,
    /// The time at which the core was asked last whether the caller may read.
    asked: Instant,
}

impl Source {
    /// The content of a data file, which the core has just given to this caller.
    pub(super) fn new(http: Arc<Http>, caller: Caller, subject: Subject, content: Content) -> Self {
        Source {
            http,
            caller,
            subject,
            content,
            asked: Instant::now(),
        }
    }

    /// The next piece. A slow client holds no place while nothing is read for it.
    ///
    /// # Errors
    /// It cannot be read, or the caller may not read it any more.
    pub(super) async fn next(mut self) -> Result<(Self, Next), RpcError> {
        self.ask_again().await?;
        let place = Arc::clone(&self.http.reads).acquire_owned().await;
        let reading = async move {
            let next = self.content.next().await?;
            Ok((self, next))
        };
        held(place, reading).await.inspect_err(|error: &RpcError| {
            tracing::warn!(%error, "a data file cannot be read to its end");
        })
    }

    async fn ask_again(&mut self) -> Result<(), RpcError> {
        if self.asked.elapsed() < ASK_AGAIN {
            return Ok(());
        }
        let Subject { device, file } = self.subject.clone();
        let request = DataRequest::Summarise { device, file };
        let asked = self.http.data(self.caller.clone(), request).await;
        self.asked = Instant::now();
        // The data file may have gone meanwhile: what was opened is sent to its end.
        match asked.map_err(|problem| problem.status()) {
            Err(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                let why = "the caller may not read this data file any more";
                Err(RpcError::new(ErrorCode::NotAllowed, why))
            }
            _ => Ok(()),
        }
    }
}
