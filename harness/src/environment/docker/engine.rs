//! The Docker daemon: what is asked of it, with errors that say what to do.

mod networks;

use super::owner::{NAME, OWNER};
use bollard::Docker;
use bollard::exec::StartExecResults;
use bollard::models::{
    ContainerCreateBody, ContainerStatsResponse, ContainerUpdateBody, ExecConfig,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder, StatsOptionsBuilder,
};
use futures::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Longest that the daemon may take to answer anything, in seconds.
const PATIENCE_S: u64 = 60;
/// How often everything is asked to go, the time in between, and the longest that it may take.
const REMOVALS: usize = 5;
const REMOVE_AGAIN: Duration = Duration::from_secs(1);
const REMOVE_MAX: Duration = Duration::from_secs(2 * PATIENCE_S);

/// Why the daemon did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// There is none, or it does not answer.
    #[error(
        "no Docker daemon answers ({0}); install Docker and start it (`systemctl start docker`, \
         Docker Desktop, or `ci/images/daemon` as root), see to it that you may use its socket, \
         or name another by DOCKER_HOST"
    )]
    NoDaemon(String),
    /// An image is missing.
    #[error(
        "image {image} is not here and cannot be pulled ({reason}); pull or load it, build a \
         stand-in for {} with `ci/images/build`, or name another with --kafka-image",
        super::KAFKA_IMAGE
    )]
    NoImage {
        /// Its name.
        image: String,
        /// What the daemon said.
        reason: String,
    },
    /// A port was taken between finding it and using it.
    #[error("a port that was free is taken ({0}); run it again")]
    PortTaken(String),
    /// Anything else.
    #[error("{0}")]
    Refused(String),
}

impl From<bollard::errors::Error> for EngineError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { message, .. } => {
                let taken = ["port is already allocated", "address already in use"];
                match taken.iter().any(|words| message.contains(words)) {
                    true => Self::PortTaken(message),
                    false => Self::Refused(message),
                }
            }
            Error::SocketNotFoundError(path) => Self::NoDaemon(format!("there is no {path}")),
            Error::HyperLegacyError { err } => Self::NoDaemon(chain(&err)),
            Error::RequestTimeoutError => Self::NoDaemon(format!("silent for {PATIENCE_S} s")),
            other => Self::Refused(chain(&other)),
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A container at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) running: bool,
    pub(super) paused: bool,
    pub(super) oom_killed: bool,
    pub(super) exit_code: i64,
}

/// What a container may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) memory_bytes: i64,
    /// Of a processor in each period; 0 or less for as many as it asks for.
    pub(super) cpu_quota_us: i64,
    pub(super) networks: usize,
}

/// What there is of one owner's environment, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Belongings {
    pub(super) owner: String,
    pub(super) containers: Vec<String>,
    pub(super) networks: Vec<String>,
    pub(super) volumes: Vec<String>,
}

/// A connection to the daemon.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    docker: Docker,
}

impl Engine {
    /// Connects to the daemon that `DOCKER_HOST` names, or else to the one of this machine.
    pub(super) async fn connect() -> Result<Self, EngineError> {
        let silent = |error: bollard::errors::Error| match EngineError::from(error) {
            EngineError::Refused(reason) => EngineError::NoDaemon(reason),
            other => other,
        };
        let docker = Docker::connect_with_defaults().map_err(silent)?;
        let docker = docker.with_timeout(Duration::from_secs(PATIENCE_S));
        // Older daemons know less than this client.
        Ok(Self { docker: docker.negotiate_version().await.map_err(silent)? })
    }

    /// The daemon's version, and the memory of its machine in bytes.
    pub(super) async fn describe(&self) -> Result<(String, u64), EngineError> {
        let info = self.docker.info().await?;
        let memory = info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        Ok((info.server_version.unwrap_or_default(), memory))
    }

    /// Whether an image is here.
    pub(super) async fn has_image(&self, image: &str) -> bool {
        self.docker.inspect_image(image).await.is_ok()
    }

    /// Pulls an image unless it is here, and returns its id.
    pub(super) async fn image(&self, image: &str) -> Result<String, EngineError> {
        if !self.has_image(image).await {
            let options = CreateImageOptionsBuilder::new().from_image(image).build();
            let mut pulled = self.docker.create_image(Some(options), None, None);
            while let Some(step) = pulled.next().await {
                step.map_err(|error| {
                    let reason = EngineError::from(error).to_string();
                    EngineError::NoImage { image: image.to_owned(), reason }
                })?;
            }
        }
        Ok(self.docker.inspect_image(image).await?.id.unwrap_or_default())
    }

    /// Makes a volume in memory, of at most so many bytes, that anybody may write to.
    pub(super) async fn volume(
        &self,
        name: &str,
        bytes: u64,
        labels: HashMap<String, String>,
    ) -> Result<(), EngineError> {
        let options = [
            ("type", "tmpfs".to_owned()),
            ("device", "tmpfs".to_owned()),
            ("o", format!("size={bytes},mode=1777")),
        ];
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some("local".to_owned()),
            driver_opts: Some(options.map(|(key, value)| (key.to_owned(), value)).into()),
            labels: Some(labels),
            ..Default::default()
        };
        Ok(self.docker.create_volume(request).await.map(drop)?)
    }

    /// Makes a container without starting it.
    pub(super) async fn create(
        &self,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<(), EngineError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        Ok(self.docker.create_container(Some(options), body).await.map(drop)?)
    }

    /// Starts a container; one that runs is left running.
    pub(super) async fn start(&self, name: &str) -> Result<(), EngineError> {
        Ok(self.docker.start_container(name, None).await?)
    }

    /// Sends a signal to a container's first process.
    pub(super) async fn kill(&self, name: &str, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        Ok(self.docker.kill_container(name, Some(options)).await?)
    }

    /// Freezes every process of a container.
    pub(super) async fn pause(&self, name: &str) -> Result<(), EngineError> {
        Ok(self.docker.pause_container(name).await?)
    }

    /// Lets the processes of a container go on.
    pub(super) async fn resume(&self, name: &str) -> Result<(), EngineError> {
        Ok(self.docker.unpause_container(name).await?)
    }

    /// Sets the memory that a container may have, in bytes, or its share of a processor.
    pub(super) async fn update(
        &self,
        name: &str,
        limits: ContainerUpdateBody,
    ) -> Result<(), EngineError> {
        Ok(self.docker.update_container(name, limits).await?)
    }

    /// What a container may have.
    pub(super) async fn limits(&self, name: &str) -> Result<Limits, EngineError> {
        let found = self.docker.inspect_container(name, None).await?;
        let config = found.host_config.unwrap_or_default();
        let networks = found.network_settings.and_then(|settings| settings.networks);
        Ok(Limits {
            memory_bytes: config.memory.unwrap_or(0),
            cpu_quota_us: config.cpu_quota.unwrap_or(0),
            networks: networks.map_or(0, |networks| networks.len()),
        })
    }

    /// The memory that a container may have, and what it has and cannot do without, in bytes: pages
    /// of files can be read again.
    pub(super) async fn memory(&self, name: &str) -> Result<(i64, i64), EngineError> {
        let limited = self.limits(name).await?.memory_bytes;
        let memory = self.stats(name).await?.and_then(|stats| stats.memory_stats);
        let memory = memory.unwrap_or_default();
        let details = memory.stats.unwrap_or_default();
        let pages = ["inactive_file", "active_file"].map(|key| details.get(key).unwrap_or(&0));
        let needed = memory.usage.unwrap_or(0).saturating_sub(pages.into_iter().sum());
        Ok((limited, i64::try_from(needed).unwrap_or(i64::MAX)))
    }

    /// In how many periods a container has been held back for its share of processors.
    pub(super) async fn throttled_periods(&self, name: &str) -> Result<u64, EngineError> {
        let cpu = self.stats(name).await?.and_then(|stats| stats.cpu_stats);
        Ok(cpu.and_then(|cpu| cpu.throttling_data?.throttled_periods).unwrap_or(0))
    }

    async fn stats(&self, name: &str) -> Result<Option<ContainerStatsResponse>, EngineError> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut stats = Box::pin(self.docker.stats(name, Some(options)));
        Ok(stats.next().await.transpose()?)
    }

    /// How a container does.
    pub(super) async fn state(&self, name: &str) -> Result<State, EngineError> {
        let state = self.docker.inspect_container(name, None).await?.state.unwrap_or_default();
        Ok(State {
            running: state.running.unwrap_or(false),
            paused: state.paused.unwrap_or(false),
            oom_killed: state.oom_killed.unwrap_or(false),
            exit_code: state.exit_code.unwrap_or(0),
        })
    }

    /// Runs a command in a container and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be run, or it fails.
    pub(super) async fn run(
        &self,
        container: &str,
        command: &[&str],
    ) -> Result<String, EngineError> {
        let config = ExecConfig {
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let id = self.docker.create_exec(container, config).await?.id;
        let mut printed = String::new();
        if let StartExecResults::Attached { mut output, .. } =
            self.docker.start_exec(&id, None).await?
        {
            while let Some(piece) = output.next().await {
                printed.push_str(&piece?.to_string());
            }
        }
        match self.docker.inspect_exec(&id).await?.exit_code {
            Some(0) => Ok(printed),
            _ => Err(EngineError::Refused(format!("{}: {}", command.join(" "), printed.trim()))),
        }
    }

    /// The last lines that a container printed.
    pub(super) async fn last_lines(&self, container: &str, lines: u32) -> String {
        let options = bollard::query_parameters::LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .tail(&lines.to_string())
            .build();
        let pieces = self.docker.logs(container, Some(options));
        let pieces: Vec<String> =
            pieces.filter_map(async |piece| Some(piece.ok()?.to_string())).collect().await;
        pieces.concat()
    }

    /// Everything that this program ever made here and nobody removed, by environment.
    pub(super) async fn belongings(&self) -> Result<BTreeMap<String, Belongings>, EngineError> {
        let ours = HashMap::from([("label", vec![OWNER])]);
        let mut found: BTreeMap<String, Belongings> = BTreeMap::new();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&ours).build();
        for container in self.docker.list_containers(Some(options)).await? {
            let name = container.names.and_then(|names| names.into_iter().next());
            let name = name.map(|name| name.trim_start_matches('/').to_owned()).or(container.id);
            of(&mut found, container.labels).containers.extend(name);
        }
        let options = ListNetworksOptionsBuilder::new().filters(&ours).build();
        for network in self.docker.list_networks(Some(options)).await? {
            of(&mut found, network.labels).networks.extend(network.name);
        }
        let options = ListVolumesOptionsBuilder::new().filters(&ours).build();
        let volumes = self.docker.list_volumes(Some(options)).await?.volumes;
        for volume in volumes.unwrap_or_default() {
            of(&mut found, Some(volume.labels)).volumes.push(volume.name);
        }
        Ok(found)
    }

    /// Removes an environment's containers, then its networks and volumes. What is gone already is
    /// what is wanted; what the daemon is not done with yet is asked for again.
    ///
    /// # Errors
    /// What is left, each with the reason.
    pub(super) async fn remove(&self, belongings: &Belongings) -> Result<(), EngineError> {
        let mut left = Vec::new();
        let removed = async {
            for _ in 0..REMOVALS {
                left = self.remove_once(belongings).await;
                if left.is_empty() {
                    return;
                }
                tokio::time::sleep(REMOVE_AGAIN).await;
            }
        };
        let ended = tokio::time::timeout(REMOVE_MAX, removed).await;
        match ended {
            Err(_) => Err(EngineError::Refused(format!("not removed within {REMOVE_MAX:?}"))),
            Ok(()) if left.is_empty() => Ok(()),
            Ok(()) => Err(EngineError::Refused(left.join("; "))),
        }
    }

    /// Tries to remove everything, and says what is left and why.
    async fn remove_once(&self, belongings: &Belongings) -> Vec<String> {
        let Belongings { owner: _, containers, networks, volumes } = belongings;
        let mut left = Vec::new();
        let mut note = |what: &str, name: &str, removed| {
            if let Err(error) = gone(removed) {
                left.push(format!("{what} {name}: {error}"));
            }
        };
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        for name in containers {
            let removed = self.docker.remove_container(name, Some(options.clone())).await;
            note("container", name, removed);
        }
        for name in networks {
            note("network", name, self.docker.remove_network(name).await);
        }
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        for name in volumes {
            note("volume", name, self.docker.remove_volume(name, Some(options.clone())).await);
        }
        left
    }
}

/// What is known of the environment that these labels name.
fn of(
    found: &mut BTreeMap<String, Belongings>,
    labels: Option<HashMap<String, String>>,
) -> &mut Belongings {
    let labels = labels.unwrap_or_default();
    let label = |key| labels.get(key).cloned().unwrap_or_default();
    let belongings = found.entry(label(NAME)).or_default();
    belongings.owner = label(OWNER);
    belongings
}

fn gone(removed: Result<(), bollard::errors::Error>) -> Result<(), EngineError> {
    use bollard::errors::Error::DockerResponseServerError;
    match removed {
        Err(DockerResponseServerError { status_code: 404, .. }) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
