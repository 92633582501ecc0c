//! The shell of a joined device.

mod actions;
mod announce;
mod command;
mod completion;
mod editor;
mod piped;
mod transfers;

use std::sync::{Arc, Mutex, PoisonError};

use fleetlink_device::{Link, Session, Supervisor};
use fleetlink_proto::{DeviceName, FileId};
use tokio::sync::watch;

use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::stdin::Lines;
use command::Command;
#[cfg(feature = "hub")]
pub(crate) use command::PROMPT;
use editor::EditorInput;
use piped::PipedInput;
pub(crate) use transfers::Transfers;

/// The file IDs that the hub has of this device, as far as this shell knows.
type KnownFiles = Arc<Mutex<Vec<FileId>>>;

/// A joined device's dialogue with a person or a program.
pub(crate) struct Shell {
    device: DeviceName,
    supervisor: Supervisor,
    transfers: Transfers,
    output: Output,
    files: KnownFiles,
}

/// What came from whoever types.
enum Typed {
    Line(String),
    /// Ctrl-C at the prompt.
    Interrupted,
    End,
}

/// Where lines come from. A line that was asked for stays asked for.
enum Input {
    Editor(EditorInput),
    Piped(PipedInput),
}

impl Input {
    fn ask(&mut self) -> Result<(), Failure> {
        match self {
            Input::Editor(editor) => editor.ask(),
            Input::Piped(piped) => piped.ask(),
        }
    }

    async fn answer(&mut self) -> Result<Typed, Failure> {
        match self {
            Input::Editor(editor) => editor.answer().await,
            Input::Piped(piped) => piped.answer().await,
        }
    }
}

impl Shell {
    /// The shell of this device.
    pub(crate) fn new(
        device: DeviceName,
        supervisor: Supervisor,
        transfers: Transfers,
        output: Output,
    ) -> Self {
        Shell {
            device,
            supervisor,
            transfers,
            output,
            files: KnownFiles::default(),
        }
    }

    /// Runs until the device leaves, or its session ends for good.
    pub(crate) async fn run(self, lines: Lines, mut interrupts: Interrupts) -> Result<(), Failure> {
        let mut input = self.open_input(lines);
        let announcing = tokio::spawn(announce::announce(
            self.supervisor.link(),
            self.device.clone(),
            self.output.clone(),
        ));
        let mut narrating = None;
        if matches!(input, Input::Editor(_)) {
            self.learn_files().await;
            narrating = Some(self.transfers.narrate());
        }
        let ended = self.converse(&mut input, &mut interrupts).await;
        announcing.abort();
        if let Some(narrating) = narrating {
            narrating.abort();
        }
        self.transfers.close().await;
        let behind_prompt = matches!(input, Input::Editor(_));
        drop(input);
        self.output.print_plainly();
        match &ended {
            // The editor is gone: what it was given to print might never have been shown.
            Err(Failure::Shown(failure)) => {
                let new_line = if behind_prompt { "\n" } else { "" };
                self.output
                    .line(&format!("{new_line}This session has ended: {failure}"));
            }
            _ => self.supervisor.leave().await,
        }
        ended
    }

    /// A line editor where a person types and reads, else line by line.
    fn open_input(&self, lines: Lines) -> Input {
        match EditorInput::open(&self.device, Arc::clone(&self.files), &self.output) {
            Some(editor) => Input::Editor(editor),
            None => Input::Piped(PipedInput::new(lines, self.output.clone())),
        }
    }

    async fn converse(
        &self,
        input: &mut Input,
        interrupts: &mut Interrupts,
    ) -> Result<(), Failure> {
        let mut link = self.supervisor.link();
        let mut warned = false;
        loop {
            input.ask()?;
            let typed = tokio::select! {
                typed = input.answer() => typed?,
                over = over(&mut link) => return Err(Failure::Shown(Box::new(over))),
                () = interrupts.next() => return Err(Failure::Interrupted),
            };
            let line = match typed {
                Typed::Line(line) => line,
                Typed::Interrupted => {
                    self.output.line("OUT or Ctrl-D leaves.");
                    continue;
                }
                Typed::End => "OUT".to_owned(),
            };
            match command::parse(&line) {
                Err(mistake) => self.output.line(&mistake),
                // A person is asked once more; a program's transfers are waited for.
                Ok(Command::Out) if self.transfers.count() > 0 && !warned => {
                    if matches!(input, Input::Editor(_)) {
                        warned = true;
                        self.output.line(&self.transfers.farewell());
                        continue;
                    }
                    tokio::select! {
                        () = self.transfers.settled() => {}
                        over = over(&mut link) => return Err(Failure::Shown(Box::new(over))),
                        () = interrupts.next() => return Err(Failure::Interrupted),
                    }
                    self.output.line(&format!("Bye, {}!", self.device));
                    return Ok(());
                }
                Ok(Command::Out) => {
                    self.output.line(&format!("Bye, {}!", self.device));
                    return Ok(());
                }
                Ok(command) => {
                    warned = false;
                    let piped = matches!(input, Input::Piped(_));
                    tokio::select! {
                        () = Box::pin(self.obey(command)) => {}
                        over = over(&mut link) => return Err(Failure::Shown(Box::new(over))),
                        () = interrupts.next() => {
                            if piped {
                                return Err(Failure::Interrupted);
                            }
                            self.output.line("Interrupted.");
                        }
                    }
                }
            }
        }
    }

    /// The session, where the hub is there.
    fn session(&self) -> Result<Session, Failure> {
        match &*self.supervisor.link().borrow() {
            Link::Up(session) => match session.is_closed() {
                None => Ok(session.clone()),
                Some(closed) => Err(Failure::Closed(closed)),
            },
            Link::Away(closed) => Err(Failure::Closed(closed.clone())),
            Link::Over(over) => Err(Failure::from(&**over)),
        }
    }

    /// Keeps the file IDs for completion; without them it only completes less.
    async fn learn_files(&self) {
        let Ok(session) = self.session() else { return };
        if let Ok(files) = session.all_files().await {
            let ids = files.iter().map(|entry| entry.file).collect();
            *self.files.lock().unwrap_or_else(PoisonError::into_inner) = ids;
        }
    }

    fn has_file(&self, file: FileId, has: bool) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|&known| known != file);
        if has {
            files.push(file);
        }
    }
}

/// Waits until the device will not come back by itself.
async fn over(link: &mut watch::Receiver<Link>) -> Failure {
    let over = match link.wait_for(|link| matches!(link, Link::Over(_))).await {
        Ok(link) => match &*link {
            Link::Over(over) => Arc::clone(over),
            _ => return Failure::General("the session is over".to_owned()),
        },
        Err(_) => return Failure::General("the session is over".to_owned()),
    };
    Failure::from(&*over)
}
