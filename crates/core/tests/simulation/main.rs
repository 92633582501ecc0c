//! The hub's rules among many devices, in virtual time, drawn from seeds.
//!
//! `FLEETLINK_SEEDS=n` tries n seeds; `FLEETLINK_SEED=s` tries that one alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod behaviour;
mod client;
mod coverage;
mod elsewhere;
mod endings;
mod guesses;
mod imports;
mod keys;
mod limits;
mod nonces;
mod oracle;
mod penalties;
mod presence;
mod rng;
mod sightings;
mod store;
mod tickets;
mod transfers;
mod world;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use coverage::{Coverage, WANTED};
use world::{Trace, World};

const SEEDS: u64 = 2000;
const PARTS: u64 = 4;
const STEPS: u64 = 1500;
/// Some things take long: a transfer is given up a minute after its last report.
const MANY_STEPS: u64 = 6000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// Whether a run writes down all that was done. That takes as long as a quarter of the run itself, so only
/// those do that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Traced {
    Yes,
    No,
}

fn run(seed: u64, traced: Traced) -> (Option<Trace>, Coverage) {
    run_long(seed, traced, STEPS)
}

fn run_long(seed: u64, traced: Traced, steps: u64) -> (Option<Trace>, Coverage) {
    let step = Cell::new(0);
    let run = || {
        let mut world = World::new(seed, traced);
        while step.get() < steps {
            step.set(step.get() + 1);
            world.step();
        }
        world.close();
        (world.trace, world.coverage)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref().copied());
        panic!(
            "seed {seed}, step {}: {}\nto replay it: FLEETLINK_SEED={seed} cargo nextest run -p \
             fleetlink-core --test simulation one_seed",
            step.get(),
            text.unwrap_or("a panic without a text"),
        )
    })
}

fn run_part(part: u64) {
    let seeds = number("FLEETLINK_SEEDS").unwrap_or(SEEDS);
    for seed in (0..seeds).filter(|seed| seed % PARTS == part) {
        run(seed, Traced::No);
    }
}

#[test]
fn first_part() {
    run_part(0);
}

#[test]
fn second_part() {
    run_part(1);
}

#[test]
fn third_part() {
    run_part(2);
}

#[test]
fn fourth_part() {
    run_part(3);
}

#[test]
fn one_seed() {
    run(number("FLEETLINK_SEED").unwrap_or(0), Traced::No);
}

fn trace(seed: u64) -> Trace {
    run(seed, Traced::Yes).0.expect("a trace")
}

#[test]
fn the_same_seed_does_the_same() {
    for seed in 0..10 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
    assert_ne!(trace(0), trace(1));
}

#[test]
fn everything_of_interest_happens() {
    let mut all = Coverage::default();
    for seed in 0..100 {
        let steps = if seed < 20 { MANY_STEPS } else { STEPS };
        all.merge(&run_long(seed, Traced::No, steps).1);
    }
    println!("{:#?}", all.seen);
    for &wanted in WANTED {
        let count = all.seen.get(wanted).copied().unwrap_or_default();
        assert!(count > 5, "{wanted}: {count} times");
    }
}
