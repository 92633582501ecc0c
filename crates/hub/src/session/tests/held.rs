//! Calls that wait for a commit.

use super::*;

/// Calls about other data files, and about none, do not wait for a commit that is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_commit_holds_up_its_own_data_file_alone() {
    let mut world = World::new(Settings::default(), Duration::from_secs(2)).await;
    let mut device = world.device().await;
    device.call("upload.open", open()).await;
    device.chunk(b"1\n").await;
    let sum = |file: u32| json!({"file": file, "operation": "SUM"});
    let first = device.calls + 1;
    device
        .ask("upload.commit", json!({"upload": 1, "bytes": 2}))
        .await;
    device.ask("file.compute", sum(1)).await;
    device.ask("file.compute", sum(2)).await;
    device.ask("ping", json!({})).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        let answer = device.read().await;
        order.push(answer["id"].as_u64().unwrap() - first);
        if order.last() == Some(&1) {
            assert_eq!(answer["result"]["result"], "1", "{answer}");
        }
    }
    assert_eq!(order, [3, 2, 0, 1]);
}

/// Lists do not wait for calls that are not answered yet, and these go on beside them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_waits_for_no_call_that_is_not_answered() {
    let mut world = World::new(Settings::default(), Duration::from_secs(2)).await;
    let mut device = world.device().await;
    let first = device.calls + 1;
    // The store takes its time for these, one after the other.
    device.ask("file.list", json!({})).await;
    device
        .ask("file.compute", json!({"file": 1, "operation": "SUM"}))
        .await;
    device.ask("ping", json!({})).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(device.read().await["id"].as_u64().unwrap() - first);
    }
    assert_eq!(order, [2, 0, 1]);
    let first = device.calls + 1;
    device
        .ask("file.compute", json!({"file": 1, "operation": "SUM"}))
        .await;
    device.ask("device.list", json!({})).await;
    device.ask("ping", json!({})).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(device.read().await["id"].as_u64().unwrap() - first);
    }
    assert_eq!(order, [1, 2, 0]);
}
