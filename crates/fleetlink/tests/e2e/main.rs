//! The real binary, from end to end: real processes, real sockets, real terminals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
mod attack;
mod course;
mod crash;
mod credentials;
mod crowd;
mod dialogue;
mod examples;
mod faults;
mod first_steps;
mod harness;
mod hello;
mod keys;
mod left_over;
mod login;
mod logs;
mod names;
mod one_shots;
mod operator_data;
mod output_lost;
mod progress;
mod proofs;
mod rotation;
mod sessions;
mod shares;
mod shell;
mod start;
mod streams;
mod sum;
mod swapped;
mod terminal;
mod tickets;
mod transfer;
mod upload;
mod uploads;
