//! Toxiproxy in a process of its own.

use anyhow::Context;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// A running Toxiproxy with one proxy and no toxic; killed when dropped.
#[derive(Debug)]
pub struct Toxiproxy {
    server: Child,
    address: SocketAddr,
}

impl Toxiproxy {
    /// Starts the program with a proxy to this server.
    ///
    /// # Errors
    /// When it does not start or refuses the proxy.
    pub fn start(program: &Path, upstream: SocketAddr) -> anyhow::Result<Self> {
        let (api, address) = (free_address()?, free_address()?);
        let server = Command::new(program)
            .args(["-host", "127.0.0.1", "-port", &api.port().to_string()])
            .env("LOG_LEVEL", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let started = Self { server, address };
        let body = serde_json::json!({
            "name": "bench",
            "listen": address.to_string(),
            "upstream": upstream.to_string(),
            "enabled": true,
        });
        post(connect(api)?, api, "/proxies", &body.to_string())?;
        Ok(started)
    }

    /// Where its clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ended = self.server.kill().and_then(|()| self.server.wait());
    }
}

/// An address that is free now.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn connect(api: SocketAddr) -> anyhow::Result<TcpStream> {
    let start = crate::micro::now();
    loop {
        match TcpStream::connect(api) {
            Ok(stream) => return Ok(stream),
            Err(error) if start.elapsed() > START_MAX => {
                return Err(error).context("Toxiproxy does not answer");
            }
            Err(_) => sleep(PAUSE),
        }
    }
}

fn post(mut stream: TcpStream, api: SocketAddr, path: &str, body: &str) -> anyhow::Result<()> {
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 201"), "Toxiproxy refused: {answer}");
    Ok(())
}
