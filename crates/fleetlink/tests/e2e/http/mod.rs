//! The hub's page and API over real connections.

mod access;
mod audit;
mod client;
mod data;
mod devices;
mod door;
mod drawn_requests;
mod events;
mod logins;
mod metrics;
mod page_types;
mod people;
mod rules;
mod sightings;
mod start;
mod tls;
mod transfers;
mod uploads;

use std::net::SocketAddr;

pub(crate) use client::Call;

use crate::harness::Hub;

/// A hub with these accounts and a page, and the address of the page.
#[track_caller]
pub(crate) fn hub_with_page(accounts: &[&str], options: &[&str]) -> (Hub, SocketAddr) {
    hub(accounts, options)
}

/// The same.
#[track_caller]
fn hub(accounts: &[&str], options: &[&str]) -> (Hub, SocketAddr) {
    let options = [&["--http", "127.0.0.1:0"], options].concat();
    let hub = Hub::start_with(accounts, &options);
    let page = page(&hub);
    (hub, page)
}

/// The address of a hub's page.
#[track_caller]
pub(crate) fn page(hub: &Hub) -> SocketAddr {
    let mut output = hub.output.clone();
    output.expect("page at http");
    let url = output.expect("\n");
    let (_, address) = url.split_once("://").unwrap();
    address.trim().parse().unwrap()
}
