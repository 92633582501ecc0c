//! The small fleet of the demo: what its devices measure, send, and when they are away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetlink_client::transfer::Endpoint;
use fleetlink_client::{Arrival, Client, Event, ReceivePolicy, Result};
use fleetlink_proto::HubPin;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::stage::PASSWORD;

/// The time between two measurements.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
/// The time between two measurements of the day before the demo, and their number.
const HISTORY_STEP: i64 = 60;
const HISTORY: i64 = 24 * 60;
/// A device that fails comes back after a pause of this.
const PAUSE: Duration = Duration::from_secs(1);
/// The file that a camera sends: of zeros, so that it takes no room here.
const CLIP_BYTES: u64 = 96 << 20;

/// A device of the demo.
pub(super) struct Device {
    pub(super) name: &'static str,
    series: &'static [Series],
    /// To whom it sends which file, and how often.
    sends: Option<(&'static str, &'static str, Duration)>,
    /// For how long it is present, and then away.
    fails: Option<(Duration, Duration)>,
}

/// A data file: a daily wave, a quicker one on it, and noise.
struct Series {
    file: &'static str,
    mean: f64,
    daily: f64,
    quick: f64,
    noise: f64,
}

const fn series(file: &'static str, mean: f64, daily: f64, quick: f64, noise: f64) -> Series {
    Series {
        file,
        mean,
        daily,
        quick,
        noise,
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The fleet.
pub(super) const DEVICES: [Device; 5] = [
    Device {
        name: "weather-mast",
        series: &[
            series("temperature", 14.0, 6.0, 0.3, 0.1),
            series("wind", 5.0, 2.0, 1.5, 0.8),
        ],
        sends: Some(("greenhouse", "report.csv", seconds(9))),
        fails: None,
    },
    Device {
        name: "greenhouse",
        series: &[
            series("temperature", 24.0, 4.0, 0.5, 0.1),
            series("humidity", 68.0, 9.0, 2.0, 0.5),
        ],
        sends: None,
        fails: None,
    },
    Device {
        name: "boiler",
        series: &[series("pressure", 1.8, 0.1, 0.2, 0.02)],
        sends: None,
        fails: Some((seconds(15), seconds(6))),
    },
    Device {
        name: "porch-camera",
        series: &[series("brightness", 400.0, 380.0, 10.0, 4.0)],
        sends: Some(("gate", "clip.mp4", seconds(12))),
        fails: None,
    },
    Device {
        name: "gate",
        series: &[series("battery", 12.4, 0.3, 0.05, 0.01)],
        sends: None,
        fails: None,
    },
];

impl Series {
    /// The value at this time, in thousandths.
    fn at(&self, unix_seconds: i64) -> i64 {
        use std::f64::consts::TAU;
        let phase = |period: i64| {
            let part = unix_seconds.rem_euclid(period);
            TAU * f64::from(u32::try_from(part).unwrap_or(0))
                / f64::from(u32::try_from(period).unwrap_or(1))
        };
        // The same noise for the same second, whoever asks.
        let drawn =
            fleetlink_proto::ContentHash::of(format!("{}{unix_seconds}", self.file).as_bytes());
        let noise = f64::from(drawn.as_bytes()[0]) / 127.5 - 1.0;
        let value = self.mean
            + self.daily * phase(86_400).sin()
            + self.quick * phase(420).sin()
            + self.noise * noise;
        #[expect(clippy::cast_possible_truncation, reason = "a measurement is small")]
        let thousandths = (value * 1000.0).round() as i64;
        thousandths
    }

    fn line(&self, unix_seconds: i64) -> String {
        let value = self.at(unix_seconds);
        let sign = if value < 0 { "-" } else { "" };
        let (whole, part) = (value.abs() / 1000, value.abs() % 1000);
        format!("{unix_seconds},{sign}{whole}.{part:03}\n")
    }

    /// The day before this time.
    fn history(&self, until: i64) -> String {
        let times = (1..=HISTORY).rev().map(|step| until - step * HISTORY_STEP);
        times.map(|at| self.line(at)).collect()
    }
}

/// The way of the devices to their hub, and their folder.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) hub: String,
    pub(super) pin: Option<HubPin>,
    pub(super) folder: PathBuf,
}

impl Device {
    /// Lives until `ending` has another value: whatever fails, it comes back.
    pub(super) async fn live(&'static self, way: Way, mut ending: watch::Receiver<bool>) {
        let endpoint = loop {
            match Endpoint::bind(0).await {
                Ok(endpoint) => break endpoint,
                Err(error) => tracing::debug!(%error, "there is no UDP port yet"),
            }
            sleep(PAUSE).await;
        };
        tokio::select! {
            () = self.come_and_go(&way, &endpoint) => {}
            _ = ending.changed() => {}
        }
        endpoint.close().await;
    }

    async fn come_and_go(&self, way: &Way, endpoint: &Endpoint) {
        let folder = way.folder.join(self.name);
        let mut has_history = false;
        loop {
            if let Err(error) =
                Box::pin(self.be_present((way, endpoint), &folder, &mut has_history)).await
            {
                tracing::debug!(device = self.name, %error, "a device of the demo comes back");
                sleep(PAUSE).await;
            }
            sleep(self.fails.map_or(PAUSE, |(_, away)| away)).await;
        }
    }

    async fn be_present(
        &self,
        (way, endpoint): (&Way, &Endpoint),
        folder: &Path,
        has_history: &mut bool,
    ) -> Result<()> {
        let mut builder = Client::builder(&way.hub)
            .device(self.name)
            .password(PASSWORD)
            .endpoint(endpoint.clone())
            .state_dir(folder.join("state"));
        if let Some(pin) = way.pin {
            builder = builder.pin(pin);
        }
        let client = builder.connect().await?;
        let inbox = folder.join("inbox");
        let mut events = client
            .join()
            .inbox(inbox, ReceivePolicy::from_everybody())
            .await?;
        if !std::mem::replace(has_history, true) {
            for series in self.series {
                client.upload(series.file, series.history(now())).await?;
            }
        }
        let mut measures = interval(MEASURE_EVERY);
        measures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let until = self.fails.map(|(present, _)| Instant::now() + present);
        let mut sending = JoinSet::new();
        let mut next_file = Instant::now() + seconds(3);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    // The demo keeps no copies.
                    Some(Event::Arrival(Arrival::Stored { stored, .. })) => {
                        let _ = tokio::fs::remove_file(&stored.path).await;
                    }
                    Some(Event::Ended(why)) => return Err(why),
                    Some(_) => {}
                    None => return Ok(()),
                },
                _ = measures.tick() => {
                    for series in self.series {
                        client.upload(series.file, series.line(now())).append().await?;
                    }
                }
                () = sleep_until(next_file) => match self.sends {
                    Some((to, file, every)) => {
                        next_file = Instant::now() + every;
                        // A disk that is full now may have room later.
                        if let Ok(path) = file_to_send(folder, file) {
                            let client = client.clone();
                            sending.spawn(async move { client.send(to, [path]).await.map(drop) });
                        }
                    }
                    None => next_file += Duration::from_secs(86_400),
                },
                Some(_) = sending.join_next() => {}
                // Without a word, as a device that loses its power.
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    return Ok(());
                }
            }
        }
    }
}

/// The file, which is made when it is sent first.
fn file_to_send(folder: &Path, name: &str) -> std::io::Result<PathBuf> {
    let path = folder.join(name);
    if !path.exists() {
        let file = std::fs::File::create(&path)?;
        file.set_len(if name.ends_with(".mp4") {
            CLIP_BYTES
        } else {
            4096
        })?;
    }
    Ok(path)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::samples::SampleParser;

    use super::*;

    #[test]
    fn what_the_devices_measure_is_plausible_and_can_be_read() {
        for device in &DEVICES {
            for series in device.series {
                let history = series.history(1_790_000_000);
                let mut parser = SampleParser::new();
                parser.feed(history.as_bytes()).unwrap();
                let summary = parser.finish().unwrap();
                assert_eq!(summary.count(), u64::try_from(HISTORY).unwrap());
                let reach = series.daily + series.quick + series.noise + 0.001;
                for at in 0..1000 {
                    let value = f64::from(i32::try_from(series.at(at * 97)).unwrap()) / 1000.0;
                    assert!(
                        (value - series.mean).abs() <= reach,
                        "{}: {value}",
                        series.file
                    );
                }
            }
        }
        let quiet = series("x", -0.5, 0.0, 0.0, 0.0);
        assert_eq!(quiet.line(1_790_000_000), "1790000000,-0.500\n");
    }
}
