//! The order of a session's calls. Most calls go to the core as they come. A commit is staged beside
//! the core first; calls that concern its data file or its number wait here until it is handed over.

mod log;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fleetlink_core::{Input, SessionId};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub(super) use self::log::Subject;
use self::log::{Log, Ticket};
use crate::driver::{DriverGone, DriverHandle, Event};

/// The way of one session's calls to the core.
#[derive(Clone)]
pub(super) struct Order {
    driver: DriverHandle,
    session: SessionId,
    /// Locked until what leaves it has reached the driver, so that nothing overtakes it.
    log: Arc<Mutex<Log<Input>>>,
}

impl Order {
    pub(super) fn new(driver: DriverHandle, session: SessionId) -> Self {
        Order {
            driver,
            session,
            log: Arc::default(),
        }
    }

    /// Hands calls to the core, each when nothing before it that concerns the same is pending.
    pub(super) async fn calls(&self, calls: Vec<Input>) -> Result<(), DriverGone> {
        let mut log = self.log.lock().await;
        let calls = calls.into_iter().filter_map(|call| {
            let subject = Subject::of(&call);
            log.admit(subject, call)
        });
        let calls = calls.collect();
        self.hand_over(calls).await
    }

    /// Something begins beside the core: later calls that concern the same wait for its end.
    pub(super) async fn begin(&self, subject: Subject) -> Pending {
        let ticket = self.log.lock().await.begin(subject);
        Pending {
            order: self.clone(),
            ticket: Some(ticket),
            runtime: Handle::current(),
        }
    }

    async fn end(&self, ticket: Ticket, input: Option<Input>) -> Result<(), DriverGone> {
        let mut log = self.log.lock().await;
        let inputs = log.end(ticket, input);
        self.hand_over(inputs).await
    }

    async fn hand_over(&self, inputs: Vec<Input>) -> Result<(), DriverGone> {
        let mut calls = Vec::new();
        for input in inputs {
            match input {
                call @ (Input::Call { .. } | Input::NonceAsked { .. }) => calls.push(call),
                input => {
                    self.hand_over_calls(std::mem::take(&mut calls)).await?;
                    self.driver.input(input).await?;
                }
            }
        }
        self.hand_over_calls(calls).await
    }

    /// Hands over calls that came in one piece together: they wake the driver once, and their replies leave
    /// together.
    async fn hand_over_calls(&self, calls: Vec<Input>) -> Result<(), DriverGone> {
        let session = self.session;
        match calls.is_empty() {
            true => Ok(()),
            false => self.driver.send(Event::Calls { session, calls }).await,
        }
    }
}

/// Something that is under way beside the core, and for whose end later calls wait.
pub(super) struct Pending {
    order: Order,
    /// None when it has ended.
    ticket: Option<Ticket>,
    runtime: Handle,
}

impl Pending {
    /// Ends it, and hands over what the core is to know, then what waited for it. Without a driver
    /// there is nobody left who waits.
    pub(super) async fn end(mut self, input: Option<Input>) {
        if let Some(ticket) = self.ticket.take() {
            let _ = self.order.end(ticket, input).await;
        }
    }
}

impl Drop for Pending {
    /// A panic has ended it: nobody waits for it for ever.
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let order = self.order.clone();
            self.runtime
                .spawn(async move { order.end(ticket, None).await });
        }
    }
}
