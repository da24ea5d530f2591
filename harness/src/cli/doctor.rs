//! `stormgauge doctor`

use super::options::EnvironmentOptions;
use crate::environment::Place;
use crate::environment::docker::{groups, ready};
use crate::exit::{Exit, Failure};
use clap::Args;
use std::net::{Ipv4Addr, TcpListener};

/// Free memory below which 24 workers may not fit, in bytes.
const MEMORY_BYTES_MIN: u64 = 2 << 30;
/// Open files that brokers, proxies and clients may need.
const FILES_MIN: u64 = 1024;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  stormgauge doctor --env docker")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    environment: EnvironmentOptions,
}

/// One thing that was looked at.
struct Check {
    what: &'static str,
    found: String,
    /// What to do, where something is wrong.
    fix: Option<String>,
}

impl DoctorArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut checks = vec![processors(), memory(), files(), loopback(), folder(), program()];
        if let Place::Docker(settings) = self.environment.place() {
            checks.extend(docker(&settings.image)?);
        }
        for check in &checks {
            let mark = if check.fix.is_none() { "ok  " } else { "FIX " };
            let fix = check.fix.as_ref().map_or_else(String::new, |fix| format!(" -> {fix}"));
            super::print(&format!("{mark} {}: {}{fix}", check.what, check.found))?;
        }
        let ready = checks.iter().all(|check| check.fix.is_none());
        Ok(if ready { Exit::Pass } else { Exit::NotReady })
    }
}

fn processors() -> Check {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let fix = (count < 2).then(|| "give the machine two processors or scale rates down".to_owned());
    Check { what: "processors", found: count.to_string(), fix }
}

fn memory() -> Check {
    let available = ready::memory_available();
    let found = available
        .map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MiB available", bytes >> 20));
    let short = available.is_some_and(|bytes| bytes < MEMORY_BYTES_MIN);
    Check {
        what: "memory",
        found,
        fix: short.then(|| "free 2 GiB or lower max_replicas".to_owned()),
    }
}

fn files() -> Check {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let found = limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let short = limit.is_some_and(|limit| limit < FILES_MIN);
    Check { what: "open files", found, fix: short.then(|| "run `ulimit -n 4096` first".to_owned()) }
}

fn loopback() -> Check {
    let bind = |address: Ipv4Addr| TcpListener::bind((address, 0)).is_ok();
    let (plain, other) = (bind(Ipv4Addr::LOCALHOST), bind(Ipv4Addr::new(127, 64, 1, 1)));
    let (found, fix) = match (plain, other) {
        (true, true) => ("127.0.0.0/8 can be bound", None),
        (true, false) => {
            ("only 127.0.0.1 can be bound: nodes share it, with ports of their own", None)
        }
        (false, _) => {
            ("127.0.0.1 cannot be bound", Some("bring the loopback interface up".to_owned()))
        }
    };
    Check { what: "loopback", found: found.to_owned(), fix }
}

fn folder() -> Check {
    let probe = std::path::Path::new(".stormgauge-doctor");
    let written = std::fs::write(probe, b"probe").and_then(|()| std::fs::remove_file(probe));
    let (found, fix) = match written {
        Ok(()) => ("this folder can be written".to_owned(), None),
        Err(error) => {
            (error.to_string(), Some("change to a folder you can write, or use --out".to_owned()))
        }
    };
    Check { what: "results", found, fix }
}

fn program() -> Check {
    match std::env::current_exe() {
        Ok(path) => Check { what: "program", found: path.display().to_string(), fix: None },
        Err(error) => Check {
            what: "program",
            found: error.to_string(),
            fix: Some("start it by its path: it runs itself as operator and worker".to_owned()),
        },
    }
}

/// The daemon and the image. A registry is not asked: pulling is left to a run.
fn docker(image: &str) -> Result<Vec<Check>, Failure> {
    let runtime = super::options::runtime()?;
    let (version, has_image) = match runtime.block_on(ready::look(image)) {
        Ok(found) => found,
        Err(error) => {
            let (found, fix) = ("no daemon".to_owned(), Some(error.to_string()));
            return Ok(vec![Check { what: "docker", found, fix }]);
        }
    };
    let found = match has_image {
        true => format!("{image} is here"),
        false => format!("{image} is not here: a run pulls it"),
    };
    Ok(vec![
        Check { what: "docker", found: version, fix: None },
        Check { what: "image", found, fix: None },
        Check { what: "limits of workers", found: groups::look(), fix: None },
    ])
}
