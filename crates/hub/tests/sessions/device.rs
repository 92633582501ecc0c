//! A device that speaks the protocol by hand.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use super::fixture::{DEADLINE, Fixture};

/// The address of most devices.
pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A device that speaks the protocol by hand.
pub(crate) struct Device {
    pub(crate) stream: BufReader<TcpStream>,
    calls: u64,
}

impl Device {
    pub(crate) async fn log_in(fixture: &Fixture) -> Self {
        let mut device = Device::connect(fixture, LOCAL).await;
        device.call("hello", json!({"versions": [1]})).await;
        device.log_in_as("supersmartwatch").await.unwrap();
        device
    }

    /// A connection from this address of loopback.
    pub(crate) async fn connect(fixture: &Fixture, from: Ipv4Addr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(fixture.hub.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Device {
            stream: BufReader::new(stream),
            calls: 0,
        }
    }

    /// Returns the hub's first line: the reply to `hello`, or what it sends before any call.
    pub(crate) async fn greet(&mut self) -> Value {
        let hello =
            json!({"jsonrpc": "2.0", "id": 0, "method": "hello", "params": {"versions": [1]}});
        // A hub that has closed already has said why.
        let _ = self
            .stream
            .get_mut()
            .write_all(format!("{hello}\n").as_bytes())
            .await;
        self.read().await
    }

    /// Logs in by the password of every account; the error of the answer, if it is one.
    pub(crate) async fn log_in_as(&mut self, name: &str) -> Result<Value, Value> {
        self.ask("login", json!({"name": name, "password": "comp9331"}))
            .await
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.ask(method, params).await.unwrap()
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let id = self.calls;
        let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(format!("{call}\n").as_bytes()).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], id, "{answer}");
        match answer["error"].is_null() {
            true => Ok(answer["result"].clone()),
            false => Err(answer["error"].clone()),
        }
    }

    /// Makes these calls in one flight; their answers in the order of the calls.
    pub(crate) async fn flight(&mut self, calls: &[(&str, Value)]) -> Vec<Value> {
        let first = self.calls + 1;
        self.fly(calls).await;
        let mut answers = vec![Value::Null; calls.len()];
        while answers.iter().any(Value::is_null) {
            let answer = self.read().await;
            if let Some(id) = answer["id"].as_u64() {
                answers[usize::try_from(id - first).unwrap()] = answer;
            }
        }
        answers
    }

    /// Makes these calls in one flight.
    pub(crate) async fn fly(&mut self, calls: &[(&str, Value)]) {
        let mut flight = Vec::new();
        for (method, params) in calls {
            self.calls += 1;
            let id = self.calls;
            let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            flight.extend(format!("{call}\n").into_bytes());
        }
        self.send(&flight).await;
    }

    /// Reads a line; `false` at the end.
    pub(crate) async fn hears(&mut self) -> bool {
        let mut line = String::new();
        let read = tokio::time::timeout(DEADLINE, self.stream.read_line(&mut line));
        read.await.expect("an end in time").unwrap() > 0
    }

    pub(crate) async fn chunk(&mut self, upload: &Value, bytes: &[u8]) {
        let params = json!({"upload": upload, "bytes": bytes.len()});
        let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
        self.send(format!("{line}\n").as_bytes()).await;
        self.send(bytes).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    pub(crate) async fn read(&mut self) -> Value {
        let mut line = String::new();
        let read = tokio::time::timeout(DEADLINE, self.stream.read_line(&mut line));
        read.await.expect("an answer in time").unwrap();
        serde_json::from_str(&line).unwrap()
    }
}
