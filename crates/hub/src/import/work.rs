//! The work of one import.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, GivenLogin, ImportEffect, ImportMemory, ImportOrder,
    PasswordHash,
};
use fleetlink_proto::{DeviceName, Password};
use tokio::task::JoinSet;

use super::lines::Lines;
use super::{Authority, ImportTools, Imported};
use crate::credentials::{Credentials, Secret};
use crate::driver::DriverHandle;
use crate::passwords::{Passwords, Priority};

/// Names that the store is asked about at once.
const NAMES_AT_ONCE: usize = 1_000;

fn by_name(logins: Vec<GivenLogin>) -> HashMap<DeviceName, GivenLogin> {
    let logins = logins.into_iter();
    logins.map(|login| (login.name.clone(), login)).collect()
}

fn names_of(credentials: &Credentials) -> impl Iterator<Item = &DeviceName> {
    credentials.entries.iter().map(|(name, _)| name)
}

/// One import, from the reading of the file on.
pub(crate) struct Work {
    origin: Box<str>,
    authority: Authority,
    file: Secret,
    /// The reason why this file takes nothing away, if there is one.
    keeps: Option<&'static str>,
    names: HashSet<DeviceName>,
    first: Option<DeviceName>,
    lines: Lines,
    /// The hashes that files gave before, by name.
    memory: HashMap<DeviceName, GivenLogin>,
    whole: Option<PasswordHash>,
    /// The accounts of the file's names, and of those that it gave once, when the file was read.
    accounts: HashMap<DeviceName, Option<PasswordHash>>,
    driver: DriverHandle,
    passwords: Passwords,
    imported: Mutex<Imported>,
}

impl Work {
    pub(super) async fn new(
        origin: &Path,
        credentials: Credentials,
        authority: Authority,
        tools: &ImportTools,
    ) -> Result<Self, String> {
        let origin: Box<str> = origin.to_string_lossy().into();
        let store = &tools.store;
        let ImportMemory { whole, logins } = store
            .imports(origin.clone())
            .await
            .map_err(|e| e.to_string())?;
        let mut memory = by_name(logins);
        let names: HashSet<_> = names_of(&credentials).cloned().collect();
        let gone = memory.keys().filter(|name| !names.contains(*name)).cloned();
        let looked_up: Vec<_> = names.iter().cloned().chain(gone).collect();
        let mut accounts = HashMap::new();
        for names in looked_up.chunks(NAMES_AT_ONCE) {
            let known = store.known_names(names.to_vec()).await;
            let known = known.map_err(|e| e.to_string())?;
            memory.extend(by_name(known.given));
            let hashes = known.accounts.into_iter();
            accounts.extend(hashes.map(|account| (account.name, account.password_hash)));
        }
        let keeps = credentials.keeps_logins();
        let Credentials { entries, bytes, .. } = credentials;
        Ok(Work {
            origin,
            authority,
            file: bytes,
            keeps,
            names,
            first: entries.first().map(|(name, _)| name.clone()),
            lines: Lines::new(entries),
            memory,
            whole,
            accounts,
            driver: tools.driver.clone(),
            passwords: tools.passwords.clone(),
            imported: Mutex::default(),
        })
    }

    /// The number of names in the file that have no account yet.
    pub(super) fn new_names(&self) -> usize {
        let has_none = |name: &&DeviceName| !self.accounts.contains_key(*name);
        self.names.iter().filter(has_none).count()
    }

    /// Imports all that waits.
    pub(super) async fn run(self: Arc<Self>) -> Imported {
        let Some(first) = self.first.clone() else {
            // Of the list, it says that nothing was taken away.
            if self.authority == Authority::List {
                self.take_away(&self.superfluous()).await;
            }
            return self.take_result();
        };
        if let Some(whole) = self.whole.clone()
            && self.is_whole(whole).await
        {
            self.lines.finish_all();
            return Imported {
                unchanged: true,
                ..Imported::default()
            };
        }
        let superfluous = self.superfluous();
        if self.authority == Authority::List {
            self.take_away(&superfluous).await;
        }
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let mut working = JoinSet::new();
        for _ in 0..workers {
            let work = Arc::clone(&self);
            working.spawn(async move {
                while let Some((name, password)) = work.lines.next() {
                    work.import(&name, password, Priority::Import).await;
                }
            });
        }
        working.join_all().await;
        // Also those that logins took out of turn.
        if self.lines.all_done().await {
            self.finish(first, superfluous).await;
        }
        self.take_result()
    }

    async fn is_whole(&self, whole: PasswordHash) -> bool {
        self.passwords.check_file(self.file.clone(), whole).await
    }

    /// Names that this file gave once, and that are no longer in it.
    fn superfluous(&self) -> Vec<GivenLogin> {
        let of_file = self
            .memory
            .values()
            .filter(|login| login.origin == self.origin);
        let gone = of_file.filter(|login| !self.names.contains(&login.name));
        let mut gone: Vec<_> = gone.cloned().collect();
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        gone
    }

    /// Takes away the logins that this file gave; first of all, since who is no longer on the list
    /// waits for nobody.
    async fn take_away(&self, superfluous: &[GivenLogin]) {
        let given = superfluous.iter().filter(|login| login.gives);
        let has_login = |login: &&GivenLogin| self.accounts.contains_key(&login.name);
        for login in given.filter(has_login) {
            if let Some(why) = self.keeps {
                self.note(|imported| imported.kept = Some(why.to_owned()));
                return;
            }
            let name = login.name.clone();
            let request = AdminRequest::Change {
                name: name.clone(),
                order: AccountOrder::RemoveLogin {
                    origin: self.origin.clone(),
                },
            };
            match self.driver.admin(request).await {
                Ok(_) => self.note(|imported| imported.removed.push(name)),
                Err(why) => self.note(|imported| imported.refused.push(why)),
            }
        }
    }

    /// Imports the line of a name that tries to log in, or waits for it; `false` where no line of it
    /// waits.
    pub(super) async fn settle(&self, name: &DeviceName) -> bool {
        match self.lines.take(name) {
            Some(password) => {
                self.import(name, password, Priority::Login).await;
                true
            }
            None => self.lines.wait(name).await,
        }
    }

    async fn import(&self, name: &DeviceName, password: Password, priority: Priority) {
        let line = self.lines.under_way(name);
        let outcome = self.apply(name, password, priority).await;
        self.note(|imported| match outcome {
            Ok(ImportEffect::Added) => imported.added.push(name.clone()),
            Ok(ImportEffect::Changed) => imported.changed.push(name.clone()),
            Ok(ImportEffect::Remembered) => {}
            Err(why) => imported.refused.push(format!("{name}: {why}")),
        });
        line.done();
    }

    /// Nothing is imported any more, so nobody waits for a line.
    pub(super) fn end(&self) {
        self.lines.finish_all();
    }

    async fn apply(
        &self,
        name: &DeviceName,
        password: Password,
        priority: Priority,
    ) -> Result<ImportEffect, String> {
        let passwords = &self.passwords;
        let before = self.accounts.get(name).cloned().flatten();
        let given = self.memory.get(name);
        if let Some(given) = given {
            let hash = Some(given.password_hash.clone());
            if passwords.check_at(password.clone(), hash, priority).await {
                return self.keep(given, before).await;
            }
        } else if before.is_some()
            && passwords
                .check_at(password.clone(), before.clone(), priority)
                .await
        {
            // It says what is so already.
            let hash = before.clone().unwrap_or_else(|| PasswordHash::new(""));
            return self.order(name, hash, before).await;
        }
        let hash = passwords.hash_at(password, priority).await;
        self.order(name, hash, before).await
    }

    /// A line that has not changed does nothing. One that another path gave before is this one's.
    async fn keep(
        &self,
        given: &GivenLogin,
        before: Option<PasswordHash>,
    ) -> Result<ImportEffect, String> {
        let is_so = before.as_ref() == Some(&given.password_hash);
        if given.origin == self.origin || !is_so {
            return Ok(ImportEffect::Remembered);
        }
        self.order(&given.name, given.password_hash.clone(), before)
            .await
    }

    async fn order(
        &self,
        name: &DeviceName,
        password_hash: PasswordHash,
        before: Option<PasswordHash>,
    ) -> Result<ImportEffect, String> {
        let order = ImportOrder {
            origin: self.origin.clone(),
            password_hash,
            before,
        };
        let name = name.clone();
        let reply = self
            .driver
            .admin(AdminRequest::Change {
                name,
                order: AccountOrder::Import(order),
            })
            .await?;
        Ok(match reply {
            AdminReply::Imported(outcome) => outcome,
            _ => ImportEffect::Remembered,
        })
    }

    /// Notes the whole file, last of all, unless something of it is not done.
    async fn finish(&self, first: DeviceName, superfluous: Vec<GivenLogin>) {
        let (kept, refused) = {
            let imported = self.imported.lock().unwrap_or_else(PoisonError::into_inner);
            (imported.kept.is_some(), !imported.refused.is_empty())
        };
        if kept || refused {
            return;
        }
        // A name may be missing only because its line is bad.
        let forget = match self.keeps {
            None => superfluous.into_iter().map(|login| login.name).collect(),
            Some(_) => Vec::new(),
        };
        let whole = self.passwords.hash_file(self.file.clone()).await;
        let request = AdminRequest::Change {
            name: first,
            order: AccountOrder::FinishImport {
                origin: self.origin.clone(),
                whole,
                forget,
            },
        };
        if let Err(why) = self.driver.admin(request).await {
            tracing::warn!(why, "the credentials file will be looked through again");
        }
    }

    fn note(&self, note: impl FnOnce(&mut Imported)) {
        note(&mut self.imported.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take_result(&self) -> Imported {
        std::mem::take(&mut *self.imported.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
