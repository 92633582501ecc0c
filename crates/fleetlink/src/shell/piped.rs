//! The dialogue where no person types: each prompt is a line of its own, so that a program that
//! reads lines sees it, and nothing but text is written.

use tokio::sync::mpsc;

use super::Typed;
use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

pub(super) struct PipedInput {
    wanted: mpsc::Sender<()>,
    typed: mpsc::Receiver<Result<Typed, Failure>>,
    prompt: String,
    output: Output,
}

impl PipedInput {
    pub(super) fn new(lines: Lines, prompt: String, output: Output) -> Self {
        let (wanted, mut requests) = mpsc::channel(1);
        let (answer, typed) = mpsc::channel(1);
        // A task of its own: a line that was read is never lost to something that came first.
        tokio::spawn(async move {
            while requests.recv().await.is_some() {
                let line = lines.next().await;
                let typed = line.map(|line| line.map_or(Typed::End, Typed::Line));
                if answer.send(typed).await.is_err() {
                    return;
                }
            }
        });
        PipedInput {
            wanted,
            typed,
            prompt,
            output,
        }
    }

    pub(super) fn ask(&mut self) -> Result<(), Failure> {
        self.output.ask(&self.prompt, Ask::Stdout);
        self.wanted.try_send(()).map_err(|_| no_longer_read())
    }

    pub(super) async fn answer(&mut self) -> Result<Typed, Failure> {
        self.typed
            .recv()
            .await
            .unwrap_or_else(|| Err(no_longer_read()))
    }
}

fn no_longer_read() -> Failure {
    Failure::General("standard input is no longer read".to_owned())
}
