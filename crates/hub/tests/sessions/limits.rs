//! The share of a hub that one device or one client network can take.

use std::net::Ipv4Addr;

use fleetlink_hub::{Capacity, Settings};
use serde_json::json;

use super::device::{Device, LOCAL};
use super::fixture;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn settings(capacity: Capacity) -> Settings {
    Settings {
        capacity,
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_with_all_its_sessions_is_refused_another_and_others_are_not() {
    let capacity = Capacity {
        sessions_per_device: 3,
        ..Capacity::default()
    };
    let fixture = fixture::hub_with(&["cam", "uav"], settings(capacity)).await;
    let mut sessions = Vec::new();
    for n in 0..4 {
        let mut device = Device::connect(&fixture, LOCAL).await;
        device.call("hello", json!({"versions": [1]})).await;
        let answer = device.log_in_as("cam").await;
        if n < 3 {
            answer.unwrap();
        } else {
            let error = answer.unwrap_err();
            assert_eq!(error["data"]["reason"], "busy");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("cam has 3 sessions open"), "{message}");
            device.log_in_as("uav").await.unwrap();
        }
        sessions.push(device);
    }
    sessions.remove(0).call("leave", json!({})).await;
    let mut device = Device::connect(&fixture, LOCAL).await;
    device.call("hello", json!({"versions": [1]})).await;
    device.log_in_as("cam").await.unwrap();
    fixture.hub.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_has_half_of_the_hub_at_most_and_is_told_so() {
    let capacity = Capacity {
        sessions: 12,
        ..Capacity::default()
    };
    let fixture = fixture::hub_with(&["cam"], settings(capacity)).await;
    let mut taken = Vec::new();
    let refusal = loop {
        let mut device = Device::connect(&fixture, LOCAL).await;
        let said = device.greet().await;
        if said["method"] == "session.end" {
            break said;
        }
        taken.push(device);
    };
    assert_eq!(taken.len(), 6);
    assert_eq!(refusal["params"]["reason"], "busy");
    let message = refusal["params"]["message"].as_str().unwrap();
    assert!(message.contains("6 connections"), "{message}");

    let mut other = Device::connect(&fixture, ELSEWHERE).await;
    other.call("hello", json!({"versions": [1]})).await;
    other.log_in_as("cam").await.unwrap();
    fixture.hub.close().await;
}
