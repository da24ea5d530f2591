//! Programs of others that cases run against a cluster, each within a time limit.

use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::micro::now;

/// What one program may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Where the clients are that are not part of this program.
#[derive(Debug)]
pub struct Tools {
    /// A Python that has kafka-python.
    pub python: PathBuf,
    /// The program of the Python cases, `ci/conformance.py`.
    pub python_cases: PathBuf,
    /// The class path of Apache Kafka's console tools.
    pub class_path: String,
    /// The program that is one member of a group, `kafka-group-member`.
    pub member: PathBuf,
    /// The key and the certificate, in PEM, of both clusters' listeners with TLS.
    pub certificate: PathBuf,
}

impl Tools {
    /// What a subcommand of the Python cases notes, one line each.
    pub(crate) fn python(&self, arguments: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut command = Command::new(&self.python);
        command.arg(&self.python_cases).args(arguments);
        let text = output(command, "").with_context(|| format!("python {arguments:?}"))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// What a console tool prints, given these lines to read.
    pub(crate) fn java(
        &self,
        class: &str,
        arguments: &[&str],
        input: &str,
    ) -> anyhow::Result<String> {
        // Each takes a core for a second or two; several at once would take others their time.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut command = Command::new("java");
        command.args(["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
        command.args(["-cp", &self.class_path, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]);
        command.arg(class).args(arguments);
        output(command, input).with_context(|| class.to_owned())
    }
}

/// A child that is killed when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The standard output of a program that must end well in time.
fn output(mut command: Command, input: &str) -> anyhow::Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Killed(command.spawn()?);
    let (out, err) = (gather(child.0.stdout.take()), gather(child.0.stderr.take()));
    if let Some(mut stdin) = child.0.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let start = now();
    let status = loop {
        if let Some(status) = child.0.try_wait()? {
            break status;
        }
        if start.elapsed() > LIMIT {
            bail!("not done within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    let (out, err) = (text(out), text(err));
    ensure!(status.success(), "{status}: {out} {err}");
    Ok(out)
}

fn gather(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
