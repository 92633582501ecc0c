//! Files from device to device, beside the shell.

use std::path::Path;
use std::time::{Duration, Instant};

use fleetlink_client::{
    Client, Error, ErrorKind, ReceivePolicy,
    transfer::{Control, Inbox, Listening, Outbound, SendEvent, open_file},
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{self, Reason, Receipt};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::failure::Failure;
use crate::output::Output;
use crate::transfer::{
    Arrivals, Direction, Entry, Heard, PatienceArguments, Running, Transfer, list, words,
};

/// The time that the next prompt waits for the end of a transfer. A short transfer is reported like
/// any other command; a longer one goes on beside the shell.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between two lines about the progress of transfers.
const NARRATION: Duration = Duration::from_secs(5);
/// The time that peers are given to hear that this device leaves.
const FAREWELL: Duration = Duration::from_secs(1);

/// The files that this device sends and receives.
pub(crate) struct Transfers {
    device: DeviceName,
    patience: PatienceArguments,
    running: Running,
    listening: Option<Listening>,
    /// The reason why no files are sent or received: the hub does not name this device to others.
    unavailable: Option<String>,
    output: Output,
}

impl Transfers {
    /// Takes files of every device of the hub into the working directory, where there are direct
    /// connections.
    pub(crate) async fn open(
        client: &Client,
        patience: PatienceArguments,
        output: &Output,
    ) -> Self {
        let mut transfers = Transfers {
            device: client.device().clone(),
            patience,
            running: Running::default(),
            listening: None,
            unavailable: None,
            output: output.clone(),
        };
        // A folder that takes no files keeps nobody from sending some.
        if let Err(failure) = transfers.listen(client).await {
            output.notice(&format!("no files are taken: {failure}"));
        }
        transfers
    }

    async fn listen(&mut self, client: &Client) -> Result<(), Failure> {
        let opened = tokio::task::spawn_blocking(|| {
            Inbox::open(Path::new("."), ReceivePolicy::from_everybody())
        });
        let inbox = opened.await.map_err(std::io::Error::other)??;
        let deadlines = Deadlines {
            stall: self.patience.idle_timeout,
            ..Deadlines::default()
        };
        let (listening, queue, announced) = match client.listen(inbox, deadlines).await {
            Ok(listening) => listening,
            // There are no transfers at all, as without TLS; who wants to send is told why.
            Err(error) => {
                self.unavailable = Some(error.to_string());
                return Ok(());
            }
        };
        let (running, output) = (self.running.clone(), self.output.clone());
        tokio::spawn(follow(
            Arrivals::among(running, self.device.clone(), queue),
            output,
        ));
        match announced {
            // It is announced when the hub is back.
            Err(error) if !matches!(error.kind(), ErrorKind::Closed(_)) => {
                self.unavailable = Some(error.to_string());
                Err(error.into())
            }
            _ => {
                self.listening = Some(listening);
                Ok(())
            }
        }
    }

    /// Whether files are taken.
    pub(crate) fn receives(&self) -> bool {
        self.listening.is_some()
    }

    /// The transfers that are under way, for people.
    pub(super) fn list(&self) -> String {
        list(&self.running)
    }

    /// The number of transfers under way.
    pub(super) fn count(&self) -> usize {
        self.running.count()
    }

    /// The notice for a person who wants to leave meanwhile.
    pub(super) fn farewell(&self) -> String {
        let list = self.list();
        format!("{list}\nFiles are under way: wait, or leave with another OUT, which ends them.")
    }

    /// Waits until those that are under way now are over.
    pub(super) async fn settled(&self) {
        self.running.settled().await;
    }

    /// Ends one.
    pub(super) fn cancel(&self, number: u32) -> Result<String, Failure> {
        let why = format!("cancelled by {}", self.device);
        match self.running.cancel(number, &why) {
            Some(transfer) => Ok(format!(
                "cancelling transfer {number}: {}",
                transfer.title()
            )),
            None => Err(Failure::General(format!(
                "there is no transfer {number}; see transfers"
            ))),
        }
    }

    /// Sends a file. What came of it is the answer where it is known soon, and is printed later
    /// where it is not.
    pub(super) async fn send(
        &self,
        client: &Client,
        to: &DeviceName,
        path: &Path,
    ) -> Result<String, Failure> {
        if let Some(why) = &self.unavailable {
            return Err(Failure::General(why.clone()));
        }
        if *to == self.device {
            let text = "a file is sent to another device, not to this one";
            return Err(Failure::Usage(text.to_owned()));
        }
        let missing = |failure| match failure {
            Failure::NoSuchFile(_) => {
                Failure::NoSuchFile("the file to be uploaded does not exist".to_owned())
            }
            failure => failure,
        };
        let source = open_file(path, None).await;
        let offer = source.map_err(|e| missing(e.into()))?.offer();
        client.session_now()?;
        let outbound = client
            .outbound(to.clone(), self.patience.options(None))
            .await;
        let not_sent = |e| Failure::General(words::not_sent(&offer.name, to, &Failure::from(e)));
        let outbound = outbound.map_err(not_sent)?;
        let control = Control::new();
        let entry = self.running.begin(Transfer {
            direction: Direction::Out,
            peer: to.clone(),
            name: offer.name.clone(),
            size: offer.size,
            waits_for_try: false,
            address: None,
            control: control.clone(),
            began: Instant::now(),
        });
        let (name, number) = (offer.name, entry.number());
        let goes_on = format!("{name} is being sent to {to}: transfer {number}");
        let (tell, told) = oneshot::channel();
        let (device, output) = (self.device.clone(), self.output.clone());
        let (path, ending) = (path.to_owned(), control.clone());
        tokio::spawn(async move {
            let text = match deliver(&outbound, &path, (&name, &entry), &control, &output).await {
                Ok(receipt) => words::sent(&name, &device, &receipt.stored_as),
                Err(error) => {
                    let failure = words::advised_failure(error.into(), &device, outbound.to());
                    words::not_sent(&name, outbound.to(), &failure)
                }
            };
            if let Err(text) = tell.send(text) {
                output.line(&text);
            }
            // Only now: who waits for its end has read how it ended.
            drop(entry);
        });
        let mut waiting = CancelOnDrop(Some(ending));
        let waited = timeout(PATIENCE, told).await;
        waiting.0 = None;
        match waited {
            Err(_) => Ok(goes_on),
            Ok(text) => text.map_err(|e| Failure::General(e.to_string())),
        }
    }

    /// Ends what is under way, and tells the peers.
    pub(super) async fn close(&self) {
        let why = format!("{} has left", self.device);
        self.running.cancel_all(Reason::Closing, &why);
        let _ = timeout(FAREWELL, self.running.settled()).await;
    }

    /// Says now and then how far what takes long is; to be dropped at the end.
    pub(super) fn narrate(&self) -> tokio::task::JoinHandle<()> {
        let (running, output) = (self.running.clone(), self.output.clone());
        tokio::spawn(async move {
            let mut ticks = interval(NARRATION);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                for (number, transfer) in running.all() {
                    if transfer.began.elapsed() >= NARRATION {
                        let (title, state) = (transfer.title(), transfer.state());
                        output.line(&format!("{number}; {title}; {state}"));
                    }
                }
            }
        })
    }
}

/// The whole way of a file. What happens to it meanwhile is told.
async fn deliver(
    outbound: &Outbound,
    path: &Path,
    (name, entry): (&str, &Entry),
    control: &Control,
    output: &Output,
) -> Result<Receipt, Error> {
    let tell = |event: SendEvent<'_>| match event {
        SendEvent::Offered { address, .. } => {
            entry.waits_for_try(false);
            entry.reached(address);
        }
        SendEvent::Waits => output.line(&words::waits_its_turn(name, outbound.to())),
        SendEvent::Retries { failure, wait } => {
            output.line(&words::trying_again(Some(name), failure, wait));
            entry.waits_for_try(true);
        }
        _ => {}
    };
    let sent = outbound.deliver(path, control, &tell).await;
    // Said by the connection's end too: what the stream says can be lost with it.
    let reason = match &sent {
        Err(error) => match error.kind() {
            ErrorKind::Transfer(transfer::TransferFailure::Here(ended)) => ended.reason,
            _ => Reason::Closing,
        },
        Ok(_) => Reason::Closing,
    };
    outbound.close(reason).await;
    sent
}

/// Ends the transfer where nobody waits for it any more.
struct CancelOnDrop(Option<Control>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.cancel(Reason::Cancelled, "interrupted");
        }
    }
}

async fn follow(mut arrivals: Arrivals, output: Output) {
    while let Some(heard) = arrivals.next().await {
        match heard {
            Heard::Began { .. } => {}
            Heard::Stored {
                sender,
                stored,
                place: _place,
                ..
            } => {
                output.line(&words::received(&stored.name, &sender, &stored.stored_as));
            }
            Heard::Failed {
                sender,
                offer,
                failure,
                place: _place,
            } => {
                let name = offer.as_ref().map(|offer| offer.name.as_str());
                output.line(&words::not_received(name, &sender, &failure));
            }
            Heard::MoreRefused { sender, codes } => {
                output.line(&words::more_refused(codes.values().sum(), &sender));
            }
        }
    }
}
