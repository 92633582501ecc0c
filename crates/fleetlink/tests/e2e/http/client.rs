//! A client of the hub's HTTP door.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::harness::{DEADLINE, PASSWORD};

/// The reply to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header's value; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem document, whose form is checked.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        assert!(!document["detail"].as_str().unwrap().is_empty());
        document["code"].as_str().unwrap().to_owned()
    }
}

/// A request that is being made.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    address: SocketAddr,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    trusted: Option<CertificateDer<'static>>,
    from: Option<SocketAddr>,
}

impl Call {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Call {
            address,
            method: method.parse().unwrap(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            trusted: None,
            from: None,
        }
    }

    pub(crate) fn get(address: SocketAddr, path: &str) -> Self {
        Call::new(address, "GET", path)
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With a device's name and password.
    pub(crate) fn by(self, device: &str) -> Self {
        self.with_password(device, PASSWORD)
    }

    pub(crate) fn with_password(self, device: &str, password: &str) -> Self {
        let shown = base64(&format!("{device}:{password}"));
        self.header("authorization", &format!("Basic {shown}"))
    }

    /// Over TLS, to a hub with this certificate.
    pub(crate) fn over_tls(mut self, trusted: &CertificateDer<'static>) -> Self {
        self.trusted = Some(trusted.clone());
        self
    }

    /// From this address of this machine.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.from = Some(SocketAddr::new(address.parse().unwrap(), 0));
        self
    }

    #[track_caller]
    pub(crate) fn send(self) -> Reply {
        let call = format!("{} {}", self.method, self.path);
        self.try_send()
            .unwrap_or_else(|error| panic!("{call}: {error}"))
    }

    /// Makes the request on a connection of its own.
    pub(crate) fn try_send(self) -> Result<Reply, String> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let sent =
            runtime.block_on(async { tokio::time::timeout(DEADLINE, self.exchange()).await });
        sent.map_err(|_| "no reply in time".to_owned())?
    }

    /// Makes the request, and takes its reply piece by piece.
    #[track_caller]
    pub(crate) fn follow(self) -> Follow {
        let (sender, pieces) = mpsc::channel();
        let (told, head) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(async {
                let following = async {
                    let (head, mut body, _driving) = match self.begin().await {
                        Ok(begun) => begun,
                        Err(error) => return drop(told.send(Err(error))),
                    };
                    let _ = told.send(Ok((head.status.as_u16(), head.headers)));
                    while let Some(Ok(frame)) = body.frame().await {
                        let data = frame.into_data().unwrap_or_default();
                        let _ = sender.send(data);
                    }
                };
                tokio::select! {
                    () = following => {}
                    _ = stopped => {}
                }
            });
        });
        let head = head.recv_timeout(DEADLINE).expect("no reply in time");
        let (status, headers) = head.unwrap();
        Follow {
            status,
            headers,
            pieces,
            came: Vec::new(),
            _stop: stop,
        }
    }

    async fn exchange(self) -> Result<Reply, String> {
        let (head, body, driving) = self.begin().await?;
        let body = body.collect().await.map_err(text)?.to_bytes().to_vec();
        driving.abort();
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    async fn begin(self) -> Result<Begun, String> {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        if let Some(from) = self.from {
            socket.bind(from).unwrap();
        }
        let stream = socket.connect(self.address).await.map_err(text)?;
        match self.trusted.clone() {
            None => self.on(stream).await,
            Some(trusted) => self.on_tls(stream, trusted).await,
        }
    }

    async fn on_tls(
        self,
        stream: TcpStream,
        trusted: CertificateDer<'static>,
    ) -> Result<Begun, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector.connect(name, stream).await.map_err(text)?;
        self.on(stream).await
    }

    async fn on(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Begun, String> {
        let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = opened.map_err(text)?;
        let driving = tokio::spawn(connection);
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        let host = self.address.to_string();
        let headers = request.headers_mut();
        headers.entry(HOST).or_insert(host.parse().unwrap());
        let reply = sender.send_request(request).await.map_err(text)?;
        let (parts, body) = reply.into_parts();
        Ok((parts, body, driving))
    }
}

/// A reply that has begun, and the task of its connection.
type Begun = (
    hyper::http::response::Parts,
    hyper::body::Incoming,
    tokio::task::JoinHandle<hyper::Result<()>>,
);

/// A reply that is taken piece by piece. The connection ends when this is dropped.
pub(crate) struct Follow {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pieces: mpsc::Receiver<Bytes>,
    pub(crate) came: Vec<u8>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Follow {
    /// Takes the next piece; `false` at the end.
    #[track_caller]
    pub(crate) fn more(&mut self) -> bool {
        match self.pieces.recv_timeout(DEADLINE) {
            Ok(piece) => {
                self.came.extend_from_slice(&piece);
                true
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => false,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let came = String::from_utf8_lossy(&self.came);
                panic!("nothing more came: {came}")
            }
        }
    }
}

fn text(error: impl std::error::Error) -> String {
    error.to_string()
}

fn base64(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}
