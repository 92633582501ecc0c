//! Files from device to device, beside the shell.

use std::path::Path;
use std::time::{Duration, Instant};

use fleetlink_client::{Control, Inbox, Link, ReceivePolicy, Session};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::Reason;
use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::delivery::Delivery;
use super::session_of;
use crate::failure::Failure;
use crate::output::Output;
use crate::transfer::{
    Arrivals, Direct, Direction, Heard, Listening, PatienceArguments, Running, Transfer, list,
    open_source, words,
};

/// How long the next prompt waits for the end of a transfer: a short one is answered as any other
/// command is, a longer one goes on beside the shell.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a person is told how far the transfers are.
const NARRATION: Duration = Duration::from_secs(5);
/// How long peers are given to hear that this device leaves.
const FAREWELL: Duration = Duration::from_secs(1);

/// What this device sends and takes.
pub(crate) struct Transfers {
    device: DeviceName,
    /// Without it, why there is none.
    direct: Result<Direct, String>,
    patience: PatienceArguments,
    running: Running,
    listening: Option<Listening>,
    output: Output,
}

impl Transfers {
    /// Takes files of every device of the hub into the working directory, where there are direct
    /// connections.
    pub(crate) async fn open(
        device: &DeviceName,
        direct: Result<Direct, Failure>,
        patience: PatienceArguments,
        session: &Session,
        output: &Output,
    ) -> Self {
        let mut transfers = Transfers {
            device: device.clone(),
            direct: direct
                .map(|direct| direct.idle_after(patience.idle_timeout))
                .map_err(|failure| failure.to_string()),
            patience,
            running: Running::default(),
            listening: None,
            output: output.clone(),
        };
        if let Ok(direct) = transfers.direct.clone()
            && let Err(failure) = transfers.listen(&direct, session).await
        {
            output.notice(&format!("no files are taken: {failure}"));
            // A folder that takes no files keeps nobody from sending some.
            if transfers.listening.take().is_some() {
                transfers.direct = Err(failure.to_string());
            }
        }
        transfers
    }

    async fn listen(&mut self, direct: &Direct, session: &Session) -> Result<(), Failure> {
        let opened = tokio::task::spawn_blocking(|| {
            Inbox::open(Path::new("."), ReceivePolicy::from_everybody())
        });
        let (listening, queue) = direct.listen(opened.await.map_err(std::io::Error::other)??);
        let (running, output) = (self.running.clone(), self.output.clone());
        tokio::spawn(follow(Arrivals::among(running, queue), output));
        self.listening = Some(listening);
        match direct.announce(session).await {
            // It is announced when the hub is back.
            Err(Failure::Closed(_)) => Ok(()),
            announced => announced,
        }
    }

    /// Who this device is to its peers that send files, where it takes any.
    pub(crate) fn direct(&self) -> Option<&Direct> {
        let direct = self.direct.as_ref().ok();
        direct.filter(|_| self.listening.is_some())
    }

    /// The transfers that are under way, for people.
    pub(super) fn list(&self) -> String {
        list(&self.running)
    }

    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.running.count()
    }

    /// What a person is told who wants to leave meanwhile.
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
        link: watch::Receiver<Link>,
        to: &DeviceName,
        path: &Path,
    ) -> Result<String, Failure> {
        let unavailable = |why: &String| Failure::General(why.clone());
        let direct = self.direct.as_ref().map_err(unavailable)?.clone();
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
        let source = open_source(path, None).await.map_err(missing)?;
        let name = source.offer().name;
        let session = session_of(&link.borrow())?;
        let leave = direct.leave_for(&session, to).await;
        let leave = leave.map_err(|e| Failure::General(words::not_sent(&name, to, &e)))?;
        let control = Control::new();
        let entry = self.running.begin(Transfer {
            direction: Direction::Out,
            peer: to.clone(),
            name: name.clone(),
            size: source.offer().size,
            waits_for_try: false,
            address: None,
            control: control.clone(),
            began: Instant::now(),
        });
        let number = entry.number();
        let goes_on = format!("{name} is being sent to {to}: transfer {number}");
        let (tell, told) = oneshot::channel();
        let (device, output) = (self.device.clone(), self.output.clone());
        let delivery = Delivery {
            direct,
            link,
            to: to.clone(),
            path: path.to_owned(),
            name,
            control: control.clone(),
            entry,
            output: output.clone(),
            retry_for: self.patience.retry_for,
        };
        tokio::spawn(async move {
            let text = match delivery.run(leave, source).await {
                Ok(receipt) => words::sent(&delivery.name, &device, &receipt.stored_as),
                Err(failure) => words::not_sent(&delivery.name, &delivery.to, &failure),
            };
            if let Err(text) = tell.send(text) {
                output.line(&text);
            }
            // Only now: who waits for its end has read how it ended.
            drop(delivery);
        });
        let mut waiting = CancelOnDrop(Some(control));
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
