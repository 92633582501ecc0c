//! The steps of the clients and of the operator, drawn from the seed.

use std::net::{IpAddr, SocketAddr};

use fleetlink_core::{
    AccountOrder, AdminRequest, Caller, Door, Input, PasswordHash, Possession, SessionChoice,
    SessionId,
};
use fleetlink_proto::control::{
    AnnounceEndpoint, Compute, DeleteFile, EnrolKey, Hello, Join, ListDevices, ListFiles, Login,
    OpenDownload, OpenTransfer, OpenUpload, ReplaceKey, Request, RequestId, UploadMode,
    UploadNumber,
};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::transfer::{
    Addresses, EndpointCertificate, EndpointId, Party, SignedCertificate,
};
use fleetlink_proto::{DataFile, DeviceName, HubPin, HubRun, HubTime, IdempotencyKey, Signature};

use crate::client::{Change, Client, Connection, Stage, Wants};
use crate::world::{Event, World};

/// The simulated hub is told what a signature shows; nobody looks at it.
pub(crate) fn signature() -> Signature {
    Signature::from_bytes([0; 64])
}

const UNKNOWN_NAMES: [&str; 4] = ["ghost", "b\u{f6}se \u{1b}[2J", "", ".hidden"];

impl World {
    pub(crate) fn act(&mut self, client: usize) {
        let keep_alive = u64::try_from(self.keep_alive.as_millis()).unwrap();
        let stall = self.rng.percent(1);
        let next = match stall {
            true => self.rng.millis(keep_alive, keep_alive * 4),
            false => self.rng.millis(10, keep_alive / 2),
        };
        self.schedule(next, Event::Act(client));
        let Some(connection) = &self.clients[client].connection else {
            return self.connect(client);
        };
        let stage = connection.stage;
        match self.rng.below(100) {
            0..2 => self.lose(client),
            2..4 => self.call(client, Request::Leave, Wants::Other),
            4..6 => self.any_call(client),
            6..12 => self.call(client, Request::Ping, Wants::Other),
            12..14 => self.send_alive(client),
            _ => self.go_on(client, stage),
        }
    }

    fn go_on(&mut self, client: usize, stage: Stage) {
        match stage {
            Stage::Connected => {}
            Stage::Greeted => self.try_login(client),
            Stage::LoggedIn if self.rng.percent(60) => {
                let rejoin = self.clients[client].joined;
                let join = Join {
                    udp_port: 5000 + u16::try_from(client).unwrap(),
                    rejoin,
                    receives: self.clients[client].receives,
                    only_if_free: rejoin.is_none() && self.rng.percent(30),
                };
                self.call(client, Request::Join(join), Wants::Other);
            }
            Stage::LoggedIn | Stage::Joined => {
                if self.rng.percent(60) {
                    self.transfer_command(client);
                    for _ in 0..4 {
                        self.report(client);
                    }
                }
                if self.rng.percent(12) {
                    self.key_command(client);
                }
                for _ in 0..=self.rng.below(3) {
                    self.command(client);
                }
            }
        }
    }

    fn connect(&mut self, client: usize) {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        self.clients[client].connection = Some(Connection::new(session));
        let peer = SocketAddr::from((self.address(client), 40_000));
        self.send(client, Input::Connected { session, peer });
        if self.rng.percent(95) {
            let versions = if self.rng.percent(3) {
                vec![7]
            } else {
                vec![9, 1]
            };
            let client_text = "simulated".to_owned();
            let hello = Hello {
                versions,
                client: client_text,
                ..Hello::default()
            };
            self.call(client, Request::Hello(hello), Wants::Other);
        }
    }

    /// Guessers come from a few addresses, which they share with devices; one is the hub's own, and
    /// some have another address of the same customer each time.
    pub(crate) fn address(&mut self, client: usize) -> IpAddr {
        let host = u8::try_from(client).unwrap();
        match client % 4 {
            0 => [127, 0, 0, 1 + host % 3].into(),
            1 => {
                let low = u16::try_from(self.rng.below(0x10000)).unwrap();
                [0x2001, 0xdb8, 0, low % 256, 0, 0, 0, low].into()
            }
            2 => [192, 0, 2, 1].into(),
            _ => [192, 0, 2, host].into(),
        }
    }

    /// The connection is gone; the hub hears of it soon, very late, or never.
    pub(crate) fn lose(&mut self, client: usize) {
        let Some(connection) = self.clients[client].connection.take() else {
            return;
        };
        let session = connection.session;
        let left = connection.last_arrival.saturating_sub(self.now.monotonic);
        let after = match self.rng.below(3) {
            0 => self.rng.millis(1, 100),
            1 => self.rng.millis(5_000, 60_000),
            _ => return,
        };
        let gone = Event::Arrive(Input::Disconnected { session });
        self.schedule(left + after, gone);
    }

    /// Sends something over the client's connection, where nothing overtakes.
    pub(crate) fn send(&mut self, client: usize, input: Input) {
        let delay = self.rng.millis(1, 60);
        let now = self.now.monotonic;
        let Some(connection) = &mut self.clients[client].connection else {
            return;
        };
        connection.last_arrival = connection.last_arrival.max(now + delay);
        let after = connection.last_arrival - now;
        self.schedule(after, Event::Arrive(input));
    }

    fn call(&mut self, client: usize, request: Request, wants: Wants) {
        self.call_with(client, request, wants, Possession::Unproven);
    }

    fn call_with(&mut self, client: usize, request: Request, wants: Wants, possession: Possession) {
        let Some(connection) = &mut self.clients[client].connection else {
            return;
        };
        let (session, id) = (connection.session, connection.call(wants));
        let input = Input::Call {
            session,
            id,
            request,
            possession,
        };
        self.send(client, input);
    }

    fn send_alive(&mut self, client: usize) {
        if let Some(connection) = &self.clients[client].connection {
            let session = connection.session;
            self.send(client, Input::Alive { session });
        }
    }

    fn try_login(&mut self, client: usize) {
        let connection = self.clients[client].connection.as_ref();
        if connection.is_some_and(Connection::waits_for_login) {
            return;
        }
        if self.rng.percent(15)
            && let Some((redeem, possession)) = self.redemption(client)
        {
            return self.call_with(client, redeem, Wants::Login, possession);
        }
        if self.rng.percent(40) {
            let (login, possession) = self.key_login(client);
            return self.call_with(client, Request::Login(login), Wants::Login, possession);
        }
        let login = self.login(client);
        self.call(client, Request::Login(login), Wants::Login);
    }

    fn login(&mut self, client: usize) -> Login {
        let (name, password) = self.password(client);
        Login::by_password(name, password)
    }

    /// A name and a password that a client tries.
    pub(crate) fn password(&mut self, client: usize) -> (String, String) {
        self.last_password += 1;
        let number = self.last_password;
        let name = self.clients[client].name.clone();
        let (name, version) = if !self.clients[client].guesses && self.rng.percent(85) {
            let account = self.store.accounts.get(&name.parse().unwrap());
            let hash = account.and_then(|account| account.password_hash.as_ref());
            let hash = hash.map(|hash| hash.as_str().to_owned());
            let version = hash.and_then(|hash| hash.split('|').nth(1).map(str::to_owned));
            (name, version.unwrap_or_else(|| "none".to_owned()))
        } else if self.rng.percent(30) {
            let unknown = *self.rng.pick(&UNKNOWN_NAMES);
            (unknown.to_owned(), "wrong".to_owned())
        } else {
            let names = self.names.clone();
            (self.rng.pick(&names).clone(), "wrong".to_owned())
        };
        let password = format!("{name}|{version}|{number}");
        (name, password)
    }

    /// A login by key: as itself, under another name with its own key, or as another device with a
    /// signature that was heard elsewhere.
    fn key_login(&mut self, client: usize) -> (Login, Possession) {
        let nonce = self.nonce(client);
        let other = usize::try_from(self.rng.below(self.clients.len() as u64)).unwrap();
        let (own, other) = (&self.clients[client], &self.clients[other]);
        let (name, key, possession) = match self.rng.below(20) {
            0 => (UNKNOWN_NAMES[0], own.key, Possession::Proven),
            1..3 => (other.name.as_str(), own.key, Possession::Proven),
            3..5 => (other.name.as_str(), other.key, Possession::Unproven),
            _ => (own.name.as_str(), own.key, Possession::Proven),
        };
        let login = match nonce {
            None => Login::by_key(name, key, signature()),
            Some(nonce) => Login::by_nonce(name, key, signature(), nonce),
        };
        match self.rng.percent(5) {
            true => (login, Possession::NoChannel),
            false => (login, possession),
        }
    }

    fn possession(&mut self) -> Possession {
        match self.rng.below(20) {
            0 => Possession::Unproven,
            1 => Possession::NoChannel,
            _ => Possession::Proven,
        }
    }

    /// Something about the device's key.
    fn key_command(&mut self, client: usize) {
        let name = match self.rng.percent(95) {
            true => self.clients[client].name.clone(),
            false => self.rng.pick(&self.names).clone(),
        };
        let (name, key) = (name.parse().unwrap(), self.clients[client].key);
        let signature = signature();
        let request = match self.rng.below(10) {
            0..5 => Request::EnrolKey(EnrolKey {
                name,
                key,
                signature,
            }),
            5..7 => Request::ReplaceKey(ReplaceKey {
                name,
                key,
                signature,
            }),
            7..9 => Request::RevokeKey,
            _ => Request::ListKeys,
        };
        let possession = self.possession();
        self.call_with(client, request, Wants::Other, possession);
    }

    /// Says how this process is reached, or asks to send a file to somebody.
    fn transfer_command(&mut self, client: usize) {
        let name = &self.clients[client].name;
        if self.rng.percent(50) {
            let to = self.rng.pick(&self.names).parse().unwrap();
            let certificate = None;
            let open = Request::OpenTransfer(OpenTransfer { to, certificate });
            return self.call(client, open, Wants::Other);
        }
        let party = Party {
            name: name.parse().unwrap(),
            key: self.clients[client].key,
            endpoint: EndpointId::from_bytes([u8::try_from(client).unwrap(); 32]),
        };
        let certificate = EndpointCertificate {
            party,
            hub: HubPin::from_sha256([0; 32]),
            expires: HubTime {
                run: HubRun::default(),
                ms: 0,
            },
        };
        let signature = signature();
        let announce = Request::AnnounceEndpoint(AnnounceEndpoint {
            certificate: Box::new(SignedCertificate {
                certificate,
                signature,
            }),
            addresses: Addresses::default(),
        });
        let possession = self.possession();
        self.call_with(client, announce, Wants::Other, possession);
    }

    fn file(&mut self) -> DataFile {
        DataFile::numbered(u32::try_from(self.rng.below(3)).unwrap())
    }

    fn command(&mut self, client: usize) {
        let file = self.file();
        let request = match self.rng.below(10) {
            0..5 => return self.change(client),
            5..7 => Request::Compute(Compute {
                file,
                operation: *self.rng.pick(&Operation::ALL),
            }),
            7 => Request::ListFiles(ListFiles::default()),
            8 => Request::OpenDownload(OpenDownload {
                file,
                download: None,
            }),
            _ => Request::ListDevices(ListDevices::default()),
        };
        self.call(client, request, Wants::Other);
    }

    /// Begins a change, or asks again for one whose outcome is not known.
    fn change(&mut self, client: usize) {
        let connection = self.clients[client].connection.as_ref();
        if connection.is_some_and(Connection::waits_for_change) && self.rng.percent(90) {
            return;
        }
        if self.clients[client].change.is_none() {
            let (file, key) = (self.file(), self.next_key());
            let change = if self.rng.percent(25) {
                Change::Delete(DeleteFile { file, key })
            } else {
                let mode = *self.rng.pick(&[UploadMode::Replace, UploadMode::Append]);
                let count = 1 + self.rng.below(4);
                let samples = (0..count)
                    .map(|_| i64::try_from(self.rng.below(2000)).unwrap() - 1000)
                    .collect();
                let open = OpenUpload {
                    file,
                    mode,
                    key,
                    upload: None,
                };
                Change::Upload { open, samples }
            };
            self.clients[client].change = Some(change);
        }
        let change = self.clients[client].change.as_ref().expect("is set");
        let wants = Wants::Change(change.key());
        let request = match change {
            Change::Upload { open, .. } => Request::OpenUpload(open.clone()),
            Change::Delete(delete) => Request::DeleteFile(delete.clone()),
        };
        self.call(client, request, wants);
    }

    /// The hub waits for an upload's bytes.
    pub(crate) fn upload(
        &mut self,
        session: SessionId,
        opened: &RequestId,
        upload: UploadNumber,
        key: IdempotencyKey,
    ) {
        let Some(client) = self.client_of(session) else {
            return;
        };
        let samples = match &self.clients[client].change {
            Some(Change::Upload { open, samples }) if open.key == key && !self.rng.percent(10) => {
                samples.clone()
            }
            _ => {
                let after = self.rng.millis(1, 300);
                let ended = Input::UploadEnded { session, upload };
                if let (RequestId::Number(id), Some(connection)) =
                    (opened, &mut self.clients[client].connection)
                {
                    connection.waiting.remove(id);
                }
                return self.schedule(after, Event::Arrive(ended));
            }
        };
        let Some(connection) = &mut self.clients[client].connection else {
            return;
        };
        if let RequestId::Number(id) = opened {
            connection.waiting.remove(id);
        }
        let id = connection.call(Wants::Change(key));
        let after = self.rng.millis(1, 600);
        let staged = Event::Stage {
            session,
            id,
            upload,
            samples,
        };
        self.schedule(after, staged);
    }

    /// A call that nobody in its senses would make now.
    fn any_call(&mut self, client: usize) {
        let login = self.login(client);
        if self.rng.percent(20) {
            return self.key_command(client);
        }
        let calls = [
            Request::Join(Join {
                udp_port: 0,
                rejoin: None,
                ..Join::default()
            }),
            Request::ListDevices(ListDevices::default()),
            Request::ListFiles(ListFiles::default()),
            Request::Login(login),
            Request::Hello(Hello {
                versions: vec![1],
                client: String::new(),
                ..Hello::default()
            }),
        ];
        let request = self.rng.pick(&calls).clone();
        self.call(client, request, Wants::Other);
    }

    /// A session that is probably open.
    fn some_session(&mut self) -> SessionId {
        let client = usize::try_from(self.rng.below(self.clients.len() as u64)).unwrap();
        let connection = self.clients[client].connection.as_ref();
        connection.map_or(SessionId(0), |connection| connection.session)
    }

    pub(crate) fn operate(&mut self) {
        let next = self.rng.millis(500, 6000);
        self.schedule(next, Event::Operator);
        let names = self.names.clone();
        let name = self.rng.pick(&names);
        self.last_password += 1;
        let hash = PasswordHash::new(format!("{name}|v{}", self.last_password));
        let name: DeviceName = name.parse().unwrap();
        if self.rng.percent(15) {
            let under_way = self.rng.percent(50);
            self.input(Input::Importing { under_way });
        }
        let request = match self.rng.below(25) {
            21..23 => self.import(name, hash),
            23 => AdminRequest::Change {
                name,
                order: AccountOrder::RemoveLogin {
                    origin: "credentials".into(),
                },
            },
            24 => AdminRequest::Change {
                name,
                order: AccountOrder::FinishImport {
                    origin: "credentials".into(),
                    whole: hash,
                    forget: Vec::new(),
                },
            },
            18 => AdminRequest::Change {
                name,
                order: AccountOrder::SetPassword(hash),
            },
            19 => AdminRequest::ListSessions,
            20 => AdminRequest::EndSessions(match self.rng.percent(50) {
                true => SessionChoice::OfDevice(name),
                false => SessionChoice::Number(self.some_session()),
            }),
            12..18 => self.ticket_request(),
            10 => {
                let of_name = |client: &&Client| client.name == name.as_str();
                let mut keys = self.clients.iter().filter(of_name).map(|c| c.key);
                match keys.next() {
                    Some(key) => AdminRequest::SetKey { name, key },
                    None => AdminRequest::RevokeKey { name },
                }
            }
            11 => AdminRequest::RevokeKey { name },
            0..4 => AdminRequest::Change {
                name,
                order: AccountOrder::Add(hash),
            },
            4 => AdminRequest::Change {
                name,
                order: AccountOrder::SetPassword(hash),
            },
            5 | 6 => AdminRequest::Change {
                name,
                order: AccountOrder::Remove {
                    with_data: self.rng.percent(60),
                    key: self.next_key(),
                },
            },
            7 => AdminRequest::Change {
                name: name.as_str().to_uppercase().parse().unwrap(),
                order: AccountOrder::Add(hash),
            },
            8 => AdminRequest::Unlock { name },
            _ => AdminRequest::ListAccounts { after: None },
        };
        let admin = self.next_admin();
        self.input(Input::Admin {
            admin,
            door: Door::Socket,
            caller: Caller::Operator,
            request,
        });
    }
}
