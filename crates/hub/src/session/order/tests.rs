//! The log against the rule: of two that concern the same, the later one goes later.

use fleetlink_proto::IdempotencyKey;
use proptest::prelude::*;

use super::log::{Files, Log, Subject};

#[derive(Debug, Clone)]
enum Step {
    Call(Subject),
    Begin(Subject),
    /// Ends one of those that are under way.
    End(prop::sample::Index),
}

fn subject() -> impl Strategy<Value = Subject> {
    let files = prop_oneof![
        Just(Files::None),
        (0..3_u32).prop_map(|number| Files::One(number.into())),
        Just(Files::All),
    ];
    let upload = prop::option::of((0..3_u64).prop_map(Into::into));
    let key = prop::option::weighted(0.2, (0..3_u128).prop_map(IdempotencyKey::from_bits));
    let downloads = prop::bool::weighted(0.2);
    (files, upload, key, downloads).prop_map(|(files, upload, key, downloads)| Subject {
        files,
        upload,
        key,
        downloads,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        subject().prop_map(Step::Call),
        subject().prop_map(Step::Begin),
        any::<prop::sample::Index>().prop_map(Step::End),
    ]
}

proptest! {
    #[test]
    fn what_concerns_the_same_goes_in_its_order_and_nothing_else_waits(
        steps in prop::collection::vec(step(), 0..40)
    ) {
        let mut log = Log::default();
        let (mut asked, mut pending, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let mut steps = steps.into_iter();
        loop {
            let step = match steps.next() {
                Some(step) => step,
                None if pending.is_empty() => break,
                // The rest ends, the last first.
                None => {
                    let (number, ticket) = pending.remove(pending.len() - 1);
                    gone.extend(log.end(ticket, Some(number)));
                    continue;
                }
            };
            match step {
                Step::Call(subject) => {
                    asked.push(subject.clone());
                    gone.extend(log.admit(subject, asked.len() - 1));
                }
                Step::Begin(subject) => {
                    asked.push(subject.clone());
                    pending.push((asked.len() - 1, log.begin(subject)));
                }
                Step::End(which) if !pending.is_empty() => {
                    let (number, ticket) = pending.remove(which.index(pending.len()));
                    gone.extend(log.end(ticket, Some(number)));
                }
                Step::End(_) => {}
            }
            let is_pending = |number: usize| pending.iter().any(|(other, _)| *other == number);
            for (number, subject) in asked.iter().enumerate() {
                // What may hold it up: anything before it that concerns the same and is not gone.
                let before = (0..number).filter(|other| asked[*other].concerns(subject));
                let held = before.clone().any(|other| !gone.contains(&other));
                prop_assert_eq!(gone.contains(&number), !held && !is_pending(number));
                let place = |number| gone.iter().position(|gone| *gone == number);
                for other in before {
                    prop_assert!(place(other) <= place(number) || place(number).is_none());
                }
            }
        }
        prop_assert!(log.is_empty());
        prop_assert_eq!(gone.len(), asked.len());
    }
}
