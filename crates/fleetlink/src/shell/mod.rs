//! The shell of a joined device.

mod actions;
mod announce;
mod command;
mod completion;
mod editor;
mod keys;
mod piped;
mod prompt;
mod roster;
mod transfers;

use fleetlink_client::{Client, Session, presence::Link};
use tokio::sync::watch;

use crate::failure::Failure;
use crate::interrupt::{Heard, Interrupts};
use crate::output::Output;
use crate::stdin::Lines;
use command::Command;
use completion::Completion;
use editor::EditorInput;
use piped::PipedInput;
#[cfg(feature = "hub")]
pub(crate) use prompt::PROMPT;
pub(crate) use prompt::Prompt;
use roster::Roster;
pub(crate) use transfers::Transfers;

/// A joined device's dialogue with a person or a program.
pub(crate) struct Shell {
    client: Client,
    link: watch::Receiver<Link>,
    transfers: Transfers,
    prompt: Prompt,
    output: Output,
}

/// An event of the input.
enum Typed {
    Line(String),
    /// The end of the input, or a key that leaves.
    End,
}

/// The end of a shell that did not fail.
#[derive(PartialEq, Eq)]
enum Left {
    /// Goodbye was said.
    Said,
    /// A signal came while a line was being edited.
    Signalled,
}

/// The input of lines. A line that was asked for stays asked for.
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
    /// The shell of this device, which has joined.
    pub(crate) fn new(
        client: Client,
        link: watch::Receiver<Link>,
        transfers: Transfers,
        prompt: Prompt,
        output: Output,
    ) -> Self {
        Shell {
            client,
            link,
            transfers,
            prompt,
            output,
        }
    }

    /// Runs until the device leaves, or its session ends for good.
    pub(crate) async fn run(self, lines: Lines, mut interrupts: Interrupts) -> Result<(), Failure> {
        let mut input = self.open_input(lines);
        let announcing = tokio::spawn(announce::announce(
            self.link.clone(),
            self.client.device().clone(),
            self.output.clone(),
        ));
        let mut narrating = None;
        if matches!(input, Input::Editor(_)) {
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
        // The editor is gone: what it was given to print might never have been shown.
        let new_line = if behind_prompt { "\n" } else { "" };
        match &ended {
            Err(Failure::Shown(failure)) => {
                let text = format!("{new_line}This session has ended: {failure}");
                self.output.line(&text);
                return ended.map(drop);
            }
            Ok(Left::Signalled) => self.output.line(&format!("{new_line}{}", self.goodbye())),
            _ => {}
        }
        self.client.leave().await;
        ended.map(drop)
    }

    fn goodbye(&self) -> String {
        format!("Bye, {}!", self.client.device())
    }

    /// A line editor where a person types and reads, else line by line.
    fn open_input(&self, lines: Lines) -> Input {
        let prompt = self.prompt.text(self.client.device());
        let roster = Roster::new(self.link.clone());
        let completion = Completion::new(self.client.device().clone(), roster);
        match EditorInput::open(lines, &prompt, completion, &self.output) {
            Ok(editor) => Input::Editor(editor),
            Err(lines) => Input::Piped(PipedInput::new(lines, prompt, self.output.clone())),
        }
    }

    async fn converse(
        &self,
        input: &mut Input,
        interrupts: &mut Interrupts,
    ) -> Result<Left, Failure> {
        let mut link = self.link.clone();
        let at_terminal = matches!(input, Input::Editor(_));
        let mut warned = false;
        loop {
            input.ask()?;
            let typed = tokio::select! {
                typed = input.answer() => typed?,
                over = over(&mut link) => return Err(Failure::Shown(Box::new(over))),
                _ = interrupts.heard() => return ended_by_signal(at_terminal),
            };
            let line = match typed {
                Typed::Line(line) => line,
                Typed::End => "OUT".to_owned(),
            };
            match command::parse(&line) {
                Err(mistake) => self.output.line(&mistake),
                // A person is asked once more; a program's transfers are waited for.
                Ok(Command::Out) if self.transfers.count() > 0 && !warned => {
                    if at_terminal {
                        warned = true;
                        self.output.line(&self.transfers.farewell());
                        continue;
                    }
                    tokio::select! {
                        () = self.transfers.settled() => {}
                        over = over(&mut link) => return Err(Failure::Shown(Box::new(over))),
                        () = interrupts.next() => return Err(Failure::Interrupted),
                    }
                    self.output.line(&self.goodbye());
                    return Ok(Left::Said);
                }
                Ok(Command::Out) => {
                    self.output.line(&self.goodbye());
                    return Ok(Left::Said);
                }
                Ok(command) => {
                    warned = false;
                    tokio::select! {
                        () = Box::pin(self.obey(command)) => {}
                        over = over(&mut link) => return Err(Failure::Shown(Box::new(over))),
                        heard = interrupts.heard() => {
                            if !at_terminal || heard == Heard::End {
                                return ended_by_signal(at_terminal);
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
        Ok(self.client.session_now()?)
    }
}

/// A person who ends the program leaves; a program's dialogue was cut off.
fn ended_by_signal(at_terminal: bool) -> Result<Left, Failure> {
    match at_terminal {
        true => Ok(Left::Signalled),
        false => Err(Failure::Interrupted),
    }
}

/// Waits until the device will not come back by itself.
async fn over(link: &mut watch::Receiver<Link>) -> Failure {
    match link
        .wait_for(|link| matches!(link, Link::Over(_)))
        .await
        .as_deref()
    {
        Ok(Link::Over(error)) => Failure::of_device(error),
        _ => Failure::General("the session is over".to_owned()),
    }
}
