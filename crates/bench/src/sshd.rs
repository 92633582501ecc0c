//! An sshd of our own on loopback, with throw-away keys.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::BenchResult;
use crate::process::childrens_time;

/// The places where distributions install it; its own path must be absolute.
const PROGRAMS: [&str; 2] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
/// A folder that sshd needs when it runs as root.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";
const START_DEADLINE: Duration = Duration::from_secs(10);

/// A running sshd; killed when dropped.
pub(crate) struct Sshd {
    child: Child,
    port: u16,
    key: PathBuf,
}

impl Sshd {
    /// Starts one whose files are in `folder`; `None` where the machine has no sshd.
    pub(crate) fn start(folder: &Path) -> BenchResult<Option<Self>> {
        let Some(program) = PROGRAMS.into_iter().find(|p| Path::new(p).exists()) else {
            return Ok(None);
        };
        if rustix::process::geteuid().is_root() && !Path::new(PRIVILEGE_SEPARATION).exists() {
            fs::create_dir(PRIVILEGE_SEPARATION)?;
        }
        let (host_key, key) = (make_key(folder, "host")?, make_key(folder, "user")?);
        let authorized = key.with_extension("pub");
        // Free until somebody else takes it in between; sshd cannot choose one by itself.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let config = folder.join("sshd_config");
        fs::write(
            &config,
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n",
                host_key.display(),
                authorized.display(),
            ),
        )?;
        let child = Command::new(program)
            .arg("-D")
            .arg("-f")
            .arg(&config)
            .arg("-E")
            .arg(folder.join("sshd.log"))
            .stdin(Stdio::null())
            .spawn()?;
        let sshd = Sshd { child, port, key };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if begun.elapsed() > START_DEADLINE {
                return Err("sshd does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(sshd))
    }

    /// `scp` of a file to a path, over this sshd; with a cipher, or the one that both prefer.
    pub(crate) fn scp(&self, from: &Path, to: &Path, cipher: Option<&str>) -> Command {
        self.scp_with(&[], from, to, cipher)
    }

    /// `scp -r` of a folder.
    pub(crate) fn scp_folder(&self, from: &Path, to: &Path, cipher: &str) -> Command {
        self.scp_with(&["-r"], from, to, Some(cipher))
    }

    fn scp_with(&self, options: &[&str], from: &Path, to: &Path, cipher: Option<&str>) -> Command {
        let mut command = Command::new("scp");
        command.args(options);
        command.args(["-q", "-F", "none", "-o", "StrictHostKeyChecking=no"]);
        command.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
        command.args(["-o", "IdentitiesOnly=yes", "-P", &self.port.to_string()]);
        if let Some(cipher) = cipher {
            command.args(["-c", cipher]);
        }
        command.arg("-i").arg(&self.key).arg(from);
        command.arg(format!("127.0.0.1:{}", to.display()));
        command
    }

    /// `ssh` to it as `rsync -e` wants it: a line.
    pub(crate) fn shell(&self, cipher: &str) -> String {
        format!(
            "ssh -F none -p {} -i {} -c {cipher} -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes",
            self.port,
            self.key.display()
        )
    }

    /// The processor time of all sessions so far, which are over when this returns.
    pub(crate) fn sessions_time(&self) -> BenchResult<Duration> {
        let id = self.child.id();
        let begun = Instant::now();
        while !fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?.is_empty() {
            if begun.elapsed() > START_DEADLINE {
                return Err("an ssh session does not end".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        childrens_time(id)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_key(folder: &Path, name: &str) -> BenchResult<PathBuf> {
    let path = folder.join(name);
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&path)
        .status()?;
    match status.success() {
        true => Ok(path),
        false => Err("ssh-keygen failed".into()),
    }
}
