//! Importing a credentials file in the background: logins go before it, and nothing waits for it
//! but a login of a name whose line has not had its turn.
//!
//! One hash of the whole file tells whether it is the one that was applied last. If not, each line
//! is held against the hash that the file gave for its name before: a line that has not changed does
//! nothing, whatever has been done with the account since.

mod lines;
mod work;

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fleetlink_proto::{DeviceName, Password};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use self::work::Work;
use crate::credentials::Credentials;
use crate::driver::DriverHandle;
use crate::passwords::Passwords;
use crate::store::Store;

/// The meaning of a credentials file for a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// A source of accounts: its lines add them and change their passwords.
    Import,
    /// The list of who may log in: a line that is taken out takes the login away.
    List,
}

/// The result of importing a credentials file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// It is the one that was applied before: nothing else was looked at.
    pub unchanged: bool,
    /// Names that are new.
    pub added: Vec<DeviceName>,
    /// Names whose password is another one now.
    pub changed: Vec<DeviceName>,
    /// Names that may no longer log in.
    pub removed: Vec<DeviceName>,
    /// The reason why names that are no longer in the file keep their login; none if there are no
    /// such names.
    pub kept: Option<String>,
    /// Lines that could not be applied and why, a sentence each.
    pub refused: Vec<String>,
}

/// The import that is under way, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Imports(Arc<Mutex<Option<Arc<Work>>>>);

/// An import under way; it ends where this is dropped.
pub type ImportHandle = AbortOnDropHandle<Imported>;

/// The parts that an import needs.
#[derive(Clone)]
pub(crate) struct ImportTools {
    pub(crate) driver: DriverHandle,
    pub(crate) passwords: Passwords,
    pub(crate) store: Arc<dyn Store>,
}

impl Imports {
    /// Has the line of this name imported before its turn, if it waits. For every other name as
    /// much is computed: time does not tell whether there is a line.
    pub(crate) async fn settle(&self, name: &str, passwords: &Passwords) {
        let work = self.current();
        let name = name.parse::<DeviceName>().ok();
        let settled = match work.zip(name) {
            Some((work, name)) => work.settle(&name).await,
            None => false,
        };
        if !settled {
            passwords.check(Password::from(""), None).await;
        }
    }

    fn current(&self) -> Option<Arc<Work>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, work: Option<Arc<Work>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = work;
    }
}

/// Begins an import. When this returns, logins wait for the lines of their names. Also tells how many
/// of these have no account yet.
///
/// # Errors
/// The store cannot be read, or the hub has ended.
pub(crate) async fn begin(
    path: &Path,
    credentials: Credentials,
    authority: Authority,
    tools: ImportTools,
) -> Result<(ImportHandle, usize), String> {
    let origin = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let origin = origin.canonicalize().unwrap_or(origin);
    let work = Work::new(&origin, credentials, authority, &tools).await?;
    let new_names = work.new_names();
    let work = Arc::new(work);
    let imports = tools.driver.imports().clone();
    imports.set(Some(Arc::clone(&work)));
    tools.driver.importing(true).await?;
    let running = async move {
        let ran = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&work).run())).await;
        // Also where it has died: logins must not wait for it for ever.
        work.end();
        // The core first: a login that it had to be settled finds the work.
        let _ = tools.driver.importing(false).await;
        imports.set(None);
        match ran.map_err(JoinError::try_into_panic) {
            Ok(imported) => imported,
            Err(Ok(panic)) => resume_unwind(panic),
            // The hub's runtime ends.
            Err(Err(_)) => Imported::default(),
        }
    };
    Ok((AbortOnDropHandle::new(tokio::spawn(running)), new_names))
}
