//! The hub's options about its page and its API.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fleetlink_hub::{HttpAddress, HttpConfig, HttpListening, HttpTls, PeopleReply, RunningHub};
use ipnet::IpNet;

use super::admin;
use crate::output::Output;

/// The address of the page where none is given.
const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7480);

/// The options of the HTTP door.
#[derive(Debug, clap::Args)]
pub(super) struct HttpArguments {
    /// Address of the page and the API, or off [default: 127.0.0.1:7480, if it is free]. Beyond
    /// loopback only with a certificate, or behind a proxy that is named.
    #[arg(long, value_name = "ADDR", value_parser = parse_choice, env = "FLEETLINK_HTTP")]
    http: Option<Choice>,
    /// Certificate of the page and the API, in PEM, with those that lead to its authority. The file
    /// is read again when it changes.
    #[arg(long, value_name = "FILE", requires = "http_key")]
    http_cert: Option<PathBuf>,
    /// Private key of that certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "http_cert")]
    http_key: Option<PathBuf>,
    /// Network of a proxy in front of the page, as 10.0.0.5/32 or 127.0.0.1. Its X-Forwarded-For
    /// and X-Forwarded-Proto are believed. May be given several times.
    #[arg(long, value_name = "CIDR", value_parser = parse_network)]
    http_proxy: Vec<IpNet>,
    /// Name by which the page is reached, beside localhost, IP addresses and the names of the
    /// certificate. May be given several times.
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    http_host: Vec<String>,
    /// Let everybody who reaches the page's address read the metrics at /metrics; without this they
    /// need a token of a viewer.
    #[arg(long)]
    metrics_public: bool,
    /// Print a one-time link that logs an administrator in to the page, wherever the output goes.
    #[arg(long)]
    print_login: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Off,
    At(SocketAddr),
}

impl HttpArguments {
    /// Whether a one-time link is printed wherever the output goes.
    pub(super) fn prints_login(&self) -> bool {
        self.print_login
    }

    /// The settings of the door; none where it is off.
    pub(super) fn config(self) -> Option<HttpConfig> {
        let address = match self.http {
            Some(Choice::Off) => return None,
            Some(Choice::At(address)) => HttpAddress::Needed(address),
            None => HttpAddress::IfFree(DEFAULT_ADDRESS),
        };
        let files = self.http_cert.zip(self.http_key);
        Some(HttpConfig {
            tls: files.map(|(certificate, key)| HttpTls { certificate, key }),
            proxies: self.http_proxy,
            hosts: self.http_host,
            metrics_are_public: self.metrics_public,
            ..HttpConfig::new(address)
        })
    }
}

fn parse_choice(text: &str) -> Result<Choice, String> {
    if text == "off" {
        return Ok(Choice::Off);
    }
    let address = text.parse().map(Choice::At);
    address.map_err(|_| format!("expected off, or an address such as {DEFAULT_ADDRESS}"))
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    let network = text.parse().ok().or_else(address);
    network.ok_or_else(|| "expected a network such as 10.0.0.0/8, or an address".to_owned())
}

fn parse_host(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err("expected a name without a port, such as hub.example.org".to_owned()),
    }
}

/// The URL of the page.
pub(super) fn page(listening: HttpListening) -> Option<String> {
    listening.page()
}

/// Says how to log in to the page: by a one-time link, which is printed at a terminal and where it was
/// asked for, or by the command that makes one.
pub(super) async fn how_to_log_in(
    hub: &RunningHub,
    (prints_login, data): (bool, &Path),
    say: impl Fn(&str),
) {
    let Some(page) = hub.http_listening().page() else {
        return;
    };
    let is_first = hub.logins() == 0;
    if prints_login || (is_first && std::io::stdout().is_terminal()) {
        match hub.make_link().await {
            Ok(PeopleReply::Link { link, .. }) => {
                let url = admin::url(&page, &link);
                say(&format!(
                    "log in to the page, once, within 15 minutes: {url}"
                ));
            }
            Ok(_) => {}
            Err(why) => say(&format!("no link to the page could be made: {why}")),
        }
    } else if is_first {
        say(&format!(
            "log in to the page by a link: fleetlink admin link --data {}",
            data.display()
        ));
    }
}

/// Says why there is no page that nobody has turned off, and who else reads the metrics.
pub(super) fn explain(listening: HttpListening, metrics_are_public: bool, output: &Output) {
    if let HttpListening::At { address, .. } = listening
        && metrics_are_public
        && !address.ip().is_loopback()
    {
        output.notice(&format!(
            "everybody who reaches {address} can read the metrics of this hub: leave \
             --metrics-public out to ask for a token"
        ));
    }
    if let HttpListening::Taken(address) = listening {
        output.notice(&format!(
            "{address} cannot be listened on, so there is no page and no API: give another address \
             with --http ADDR (port 0 takes any free one), or turn them off with --http off"
        ));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        http: HttpArguments,
    }

    fn config(options: &[&str]) -> Result<Option<HttpConfig>, String> {
        let line = Line::try_parse_from([&["hub"], options].concat());
        line.map(|line| line.http.config())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn an_address_that_was_given_is_needed_and_the_default_is_not() {
        let address = |options: &[&str]| config(options).unwrap().map(|config| config.address);
        assert_eq!(address(&[]), Some(HttpAddress::IfFree(DEFAULT_ADDRESS)));
        assert_eq!(
            address(&["--http", "127.0.0.1:7480"]),
            Some(HttpAddress::Needed(DEFAULT_ADDRESS))
        );
        assert_eq!(address(&["--http", "off"]), None);
    }

    #[test]
    fn what_is_no_address_no_network_and_no_name_is_refused() {
        for wrong in [
            &["--http", "7480"][..],
            &["--http", "localhost"],
            &["--http-cert", "cert.pem"],
            &["--http-key", "key.pem"],
            &["--http-proxy", "proxy"],
            &["--http-proxy", "10.0.0.0/33"],
            &["--http-host", "hub:7480"],
            &["--http-host", ""],
        ] {
            assert!(config(wrong).is_err(), "{wrong:?}");
        }
        let proxied = config(&["--http-proxy", "10.0.0.0/8", "--http-proxy", "::1"]).unwrap();
        assert_eq!(proxied.unwrap().proxies.len(), 2);
    }
}
