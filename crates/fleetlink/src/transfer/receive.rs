//! `fleetlink receive`: joined without a shell, to take files into a folder by rules.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fleetlink_client::{
    Client, Closed, ReceivePolicy,
    presence::Link,
    transfer::{Endpoint, Inbox, Listening, SenderRule},
};
use fleetlink_proto::control::{EndReason, Join};
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{self, Reason};
use fleetlink_proto::{Escaped, HubPin};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::arrivals::{Arrivals, Heard};
use super::report::{Event, Report, by, milliseconds};
use super::running::{Direction, Entry, Running};
use super::words;
use crate::attach::HubArguments;
use crate::entrance;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::{duration, size, udp_port};

/// The time that peers are given to hear that this device leaves.
const FAREWELL: Duration = Duration::from_secs(1);

/// The receive policy.
#[derive(Debug, Args)]
pub(crate) struct ReceiveArguments {
    /// The hub and the device.
    #[command(flatten)]
    pub(crate) hub: HubArguments,
    /// The folder for the files; it is made if it is missing.
    #[arg(long, value_name = "DIR")]
    inbox: PathBuf,
    /// Accept files from this device, or from the devices whose names begin so, and from nobody
    /// else; may be given several times. By default from every device of the hub.
    #[arg(long, value_name = "NAME|PREFIX*")]
    from: Vec<SenderRule>,
    /// Accept no file larger than this, such as 500MB, 2GB or 1.5GiB.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_size: Option<u64>,
    /// Accept no file that would make the folder hold more than this.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_total: Option<u64>,
    /// End a transfer in which no byte has moved for this long while its connection lives.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    idle_timeout: Duration,
    /// The UDP port on which this device accepts peers; 0: any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    udp_port: u16,
    /// Time to wait for a hub that cannot be reached yet; 0s: not at all. A host name that nobody has
    /// is tried five times.
    #[arg(long, value_name = "TIME|forever", default_value = "forever",
          value_parser = duration::or_forever)]
    wait: Duration,
    /// End the sessions of another device that uses the name. They end without this option too,
    /// unless that device has replaced this command before: then this command waits until it
    /// leaves.
    #[arg(long)]
    take_over: bool,
    /// Print events as they happen: one JSON object a line on standard output.
    #[arg(long, conflicts_with = "json")]
    events: bool,
}

/// A device that takes files.
struct Receiving {
    client: Client,
    /// The pin of its hub.
    hub: Option<HubPin>,
    udp_port: u16,
    link: watch::Receiver<Link>,
    running: Running,
    arrivals: Arrivals,
    _listening: Listening,
}

/// The number of files and bytes until now.
#[derive(Debug, Default)]
struct Count {
    files: u64,
    failed: u64,
    bytes: u64,
    /// Files that were accepted and not kept, by a fault of this device's own.
    lost: u64,
}

/// Takes files until it is interrupted, or its session ends for good.
pub(crate) async fn receive(
    mut arguments: ReceiveArguments,
    output: &Output,
) -> Result<(), Failure> {
    arguments.hub = arguments.hub.or_chosen()?.waiting(arguments.wait);
    let report = Report::new(arguments.events, arguments.hub.json, output);
    let receiving = async |endpoint| receive_at(endpoint, &arguments, &report, output).await;
    let received = Box::pin(udp_port::with(arguments.udp_port, receiving)).await;
    received.map_err(|failure| match failure {
        told @ Failure::Reported(_) => told,
        failure => report.failed(failure),
    })
}

async fn receive_at(
    endpoint: Endpoint,
    arguments: &ReceiveArguments,
    report: &Report,
    output: &Output,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let joining = Box::pin(join(endpoint, arguments, output));
    let mut receiving = interrupts.unless(joining).await?;
    let device = receiving.client.device().clone();
    let folder = arguments.inbox.display().to_string();
    report.event(&Event::Listening {
        device: device.as_str(),
        udp_port: receiving.udp_port,
        inbox: &Escaped(&folder).to_string(),
    });
    let (port, shown) = (receiving.udp_port, Escaped(&folder));
    report.line(&format!(
        "{device} takes files into {shown}, on UDP port {port}"
    ));
    output.opened(0).await?;
    let running = receiving.running.clone();
    let following = report.follow(&running);
    let mut count = Count::default();
    let ended = tokio::select! {
        ended = receiving.serve(&mut count, report, &mut interrupts) => ended,
        // Whoever started both will want to know.
        () = output.closed() => Err(Failure::OutputClosed),
    };
    if let Err(Failure::Closed(Closed::ByHub { reason, .. })) = &ended
        && *reason == EndReason::Replaced
    {
        // What is not remembered must not change how this ends: the exit code keeps the service
        // from being started again.
        let remembering = entrance::remember_replaced(receiving.hub, &device);
        if let Err(failure) = interrupts.unless(remembering).await {
            report.notice(&format!("cannot remember the replacement: {failure}"));
        }
    }
    running.cancel_all(Reason::Closing, &format!("{device} has left"));
    let draining = async {
        while running.count() > 0
            && let Some(heard) = receiving.arrivals.next().await
        {
            count.tell(heard, report);
        }
    };
    let _ = timeout(FAREWELL, draining).await;
    while let Some(heard) = receiving.arrivals.rest() {
        count.tell(heard, report);
    }
    drop(following);
    if matches!(ended, Ok(()) | Err(Failure::OutputClosed)) {
        receiving.client.leave().await;
    }
    let Count {
        files,
        failed,
        bytes,
        lost,
    } = count;
    report.event(&Event::Finished {
        files,
        failed,
        bytes,
    });
    if ended.is_ok() {
        report.document(&json!({
            "device": device, "inbox": folder, "received": files, "failed": failed, "bytes": bytes,
        }));
    }
    match lost {
        0 => ended,
        lost => ended.and(Err(unkept(lost, report))),
    }
}

fn unkept(lost: u64, report: &Report) -> Failure {
    let text = format!("files that were accepted and could not be stored here: {lost}");
    report.notice(&text);
    Failure::Reported(Box::new(Failure::General(text)))
}

async fn join(
    endpoint: Endpoint,
    arguments: &ReceiveArguments,
    output: &Output,
) -> Result<Receiving, Failure> {
    let inbox = open_inbox(arguments).await?;
    let udp_port = endpoint.port();
    let client = arguments.hub.connect_enrolled(endpoint, output).await?;
    let join = Join {
        udp_port,
        receives: true,
        ..Join::default()
    };
    let joined = entrance::of_service(&client, &join, arguments.take_over, output).await?;
    let deadlines = Deadlines {
        stall: arguments.idle_timeout,
        ..Deadlines::default()
    };
    let (listening, queue, announced) = client.listen(inbox, deadlines).await?;
    announced?;
    let hub = client.session().await?.pin();
    let link = client.stay(&join, &joined, true).await?;
    let running = Running::default();
    let device = client.device().clone();
    Ok(Receiving {
        client,
        hub,
        udp_port,
        link,
        arrivals: Arrivals::among(running.clone(), device, queue),
        running,
        _listening: listening,
    })
}

async fn open_inbox(arguments: &ReceiveArguments) -> Result<Inbox, Failure> {
    let everybody = ReceivePolicy::from_everybody().from;
    let policy = ReceivePolicy {
        from: match arguments.from.is_empty() {
            true => everybody,
            false => arguments.from.clone(),
        },
        max_size: arguments.max_size,
        max_total: arguments.max_total,
    };
    let opened = Inbox::make(&arguments.inbox, policy).await;
    opened.map_err(|error| match error.io().map(io::Error::kind) {
        Some(io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) => {
            Failure::General(format!("{error}; --inbox names a folder"))
        }
        _ => error.into(),
    })
}

impl Receiving {
    async fn serve(
        &mut self,
        count: &mut Count,
        report: &Report,
        interrupts: &mut Interrupts,
    ) -> Result<(), Failure> {
        self.link.mark_unchanged();
        loop {
            tokio::select! {
                heard = self.arrivals.next() => {
                    let stopped = || Failure::General("the device takes no files any more".to_owned());
                    count.tell(heard.ok_or_else(stopped)?, report);
                }
                changed = self.link.changed() => {
                    let stopped = |_| Failure::General("nothing watches the hub any more".to_owned());
                    changed.map_err(stopped)?;
                    tell_link(&self.link.borrow_and_update(), report)?;
                }
                () = interrupts.next() => {
                    report.asked_to_end();
                    return Ok(());
                }
            }
        }
    }
}

fn tell_link(link: &Link, report: &Report) -> Result<(), Failure> {
    match link {
        Link::Up(_) => {
            report.notice("The hub is back.");
            report.event(&Event::HubBack);
        }
        Link::Away(closed) => {
            report.notice(&format!("The hub is away: {closed}. Reconnecting…"));
            let reason = closed.to_string();
            report.event(&Event::HubAway { reason: &reason });
        }
        Link::Over(error) => return Err(Failure::of_device(error)),
    }
    Ok(())
}

impl Count {
    fn tell(&mut self, heard: Heard, report: &Report) {
        match heard {
            Heard::Began { number, transfer } => report.started(number, &transfer),
            Heard::Stored {
                place,
                sender,
                stored,
                took,
            } => {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(stored.bytes);
                let text = words::received(&stored.name, &sender, &stored.stored_as);
                report.line(&text);
                report.event(&Event::Stored {
                    transfer: place.as_ref().map(Entry::number),
                    direction: Direction::In,
                    device: sender.as_str(),
                    sender: Some(sender.as_str()),
                    name: stored.name.as_str(),
                    stored_as: stored.stored_as.as_str(),
                    bytes: stored.bytes,
                    milliseconds: milliseconds(took),
                });
            }
            Heard::Failed {
                place,
                sender,
                offer,
                failure,
            } => {
                self.failed += 1;
                let own_fault = matches!(&failure, transfer::TransferFailure::Here(ended)
                    if ended.reason.is_of_receiver());
                self.lost += u64::from(place.is_some() && own_fault);
                let name = offer.as_ref().map(|offer| offer.name.as_str());
                report.line(&words::not_received(name, &sender, &failure));
                let name = name.map(|name| Escaped(name).to_string());
                report.event(&Event::Failed {
                    transfer: place.as_ref().map(Entry::number),
                    direction: Direction::In,
                    device: sender.as_str(),
                    name: name.as_deref(),
                    size: offer.as_ref().map(|offer| offer.size),
                    code: failure.ended().reason.name(),
                    by: by(&failure),
                    message: failure.to_string(),
                });
            }
            Heard::MoreRefused { sender, codes } => {
                let count = codes.values().sum();
                self.failed += count;
                report.line(&words::more_refused(count, &sender));
                report.event(&Event::MoreRefused {
                    direction: Direction::In,
                    device: sender.as_str(),
                    count,
                    codes: &codes,
                });
            }
        }
    }
}
