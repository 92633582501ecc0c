//! The page's types are made from the hub's own description.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{Call, hub};

/// The remedy for a page whose copy is another document.
const REMEDY: &str =
    "start the hub and run `npm --prefix web run openapi -- URL`, then commit web/";

#[test]
fn the_page_is_typed_by_the_description_that_the_hub_serves() {
    let (_hub, page) = hub(&[], &[]);
    let served = Call::get(page, "/api/v1/openapi.json").send().json();
    let copied = document("openapi.json");
    let differing = differing(&served, &copied, "");
    assert!(differing.is_empty(), "{differing:#?}: {REMEDY}");
    let planned = document("planned.json");
    let offered = names(&served["paths"]);
    let both: Vec<_> = offered
        .intersection(&names(&planned["paths"]))
        .cloned()
        .collect();
    assert!(
        both.is_empty(),
        "planned.json has what the hub offers, {both:?}: {REMEDY}"
    );
}

/// A document of the page's source.
fn document(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../web")
        .join(name);
    let text = std::fs::read(&path).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// The places at which two documents differ.
fn differing(one: &Value, other: &Value, at: &str) -> Vec<String> {
    if let (Value::Object(left), Value::Object(right)) = (one, other) {
        let members: BTreeSet<_> = left.keys().chain(right.keys()).collect();
        let differing = members.into_iter().flat_map(|name| {
            let member = |object: &serde_json::Map<_, _>| object.get(name).cloned();
            let (left, right) = (member(left), member(right));
            differing(
                &left.unwrap_or_default(),
                &right.unwrap_or_default(),
                &format!("{at}/{name}"),
            )
        });
        return differing.collect();
    }
    if one == other {
        return Vec::new();
    }
    vec![at.to_owned()]
}
