//! `fleetlink status`: how a running hub and its devices are, at one look.

mod text;

use std::time::Duration;

use fleetlink_hub::{CountsInfo, DeviceInfo, Operator, StatusInfo};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::Output;

/// The time over which rates are measured.
const MEASURED: Duration = Duration::from_secs(1);

/// Show how a running hub is, and a line for each of its devices. Exit code 0: a hub runs and replies;
/// 5: none runs on these data.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    /// Only devices that are present.
    #[arg(long)]
    present: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

/// Events of each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Rates {
    uploads: u64,
    uploaded_samples: u64,
    received_bytes: u64,
    sent_bytes: u64,
}

impl StatusArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Shows the hub that runs on the data.
pub(crate) async fn run(arguments: StatusArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    let Some(mut operator) = Operator::connect_to_running(&folder)? else {
        let message = format!("no hub runs on the data in {}", folder.display());
        return Err(Failure::Unreachable(message));
    };
    let shown = look(&mut operator, arguments.present).await;
    operator.finish().await;
    let (status, rates, devices) = shown?;
    let text = text::page(&status, rates, &devices, text::columns());
    let document = json!({ "hub": status, "rates": rates, "devices": devices });
    output.result(&text, &document);
    Ok(())
}

async fn look(
    operator: &mut Operator,
    only_present: bool,
) -> Result<(StatusInfo, Rates, Vec<DeviceInfo>), Failure> {
    let (before, began) = (operator.status().await?, Instant::now());
    let mut devices = operator.devices().await?;
    devices.retain(|device| !only_present || device.joined.is_some());
    sleep(MEASURED).await;
    let after = operator.status().await?;
    let rates = Rates::between(&before.counts, &after.counts, began.elapsed());
    Ok((after, rates, devices))
}

impl Rates {
    fn between(before: &CountsInfo, after: &CountsInfo, time: Duration) -> Self {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = |of: fn(&CountsInfo) -> u64| {
            let more = of(after).saturating_sub(of(before));
            more.saturating_mul(1000) / ms
        };
        Rates {
            uploads: rate(|counts| counts.uploads),
            uploaded_samples: rate(|counts| counts.uploaded_samples),
            received_bytes: rate(|counts| counts.received_bytes),
            sent_bytes: rate(|counts| counts.sent_bytes),
        }
    }
}
