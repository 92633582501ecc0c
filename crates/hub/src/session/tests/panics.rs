//! Panics in the midst of a transfer: that one fails, and its place is free again.

use std::sync::{Mutex, PoisonError};

use super::*;

/// A panic at one place of the store, once.
#[derive(Clone, Default)]
pub(super) struct Bomb(Arc<Mutex<Option<&'static str>>>);

impl Bomb {
    fn set(&self, at: &'static str) {
        *self.0.lock().unwrap() = Some(at);
    }

    pub(super) fn goes_off(&self, at: &'static str) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *set == Some(at) {
            *set = None;
            drop(set);
            panic!("planted in {at}");
        }
    }
}

/// A hub with a place for one upload.
async fn world() -> World {
    let mut settings = Settings::default();
    settings.capacity.uploads = 1;
    World::new(settings, Duration::ZERO).await
}

/// Uploads two samples by another key each time; their upload has this number in its session.
async fn upload(device: &mut Device, upload: u64) -> Result<(), Value> {
    let key = format!("{upload:032x}");
    let open = json!({"file": 1, "mode": "replace", "key": key});
    device.ask("upload.open", open).await;
    let opened = device.read().await;
    if !opened["error"].is_null() {
        return Err(opened["error"].clone());
    }
    let params = json!({"upload": upload, "bytes": 4});
    let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
    device.send(format!("{line}\n1\n2\n").as_bytes()).await;
    let commit = json!({"upload": upload, "bytes": 4});
    device.ask("upload.commit", commit).await;
    let (mut failed, mut answer) = (None, None);
    // The one or the other, or first the one and then the other.
    while answer.is_none() {
        let said = device.read().await;
        match said["method"] == "upload.failed" {
            true => failed = Some(said["params"]["error"].clone()),
            false => answer = Some(said),
        }
    }
    let answer = answer.unwrap();
    match failed {
        Some(error) => Err(error),
        None if answer["error"].is_null() => Ok(()),
        None => Err(answer["error"].clone()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_panics_fails_alone_and_gives_its_place_back() {
    let mut world = world().await;
    let mut device = world.device().await;
    for (number, at) in (1..)
        .step_by(2)
        .zip(["stage", "read_held", "write", "finish"])
    {
        world.bomb.set(at);
        let error = upload(&mut device, number).await.unwrap_err();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("an upload stopped unexpectedly"),
            "{at}: {message}"
        );
        assert_eq!(error["code"], -32603, "{at}");
        // The place is free, and the session lives.
        let next = upload(&mut device, number + 1).await;
        assert!(next.is_ok(), "after {at}: {next:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_panics_fails_alone() {
    let mut world = world().await;
    let mut device = world.device().await;
    upload(&mut device, 1).await.unwrap();
    world.bomb.set("open_segment");
    device.call("download.open", json!({"file": 1})).await;
    let failed = device.read().await;
    assert_eq!(failed["method"], "download.failed", "{failed}");
    let message = failed["params"]["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("a download stopped unexpectedly"),
        "{message}"
    );
    device.call("download.open", json!({"file": 1})).await;
    let chunk = device.read().await;
    assert_eq!(chunk["method"], "download.chunk", "{chunk}");
}
