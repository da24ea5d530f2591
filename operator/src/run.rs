//! The program: arguments, connection, controller, shutdown. Another program can run it as a
//! subcommand.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::DeserializeGuard;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Config, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::context::Context;
use crate::crd::{StreamingJob, crd};
use crate::leader::Election;
use crate::observe::KafkaOffsets;
use crate::reconcile::build::MANAGED_LABEL;
use crate::reconcile::{FIELD_MANAGER, reconcile, retry};
use crate::server;

/// Longest that the operator waits for passes under way when it stops.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// Longest that a watch lasts, in seconds: one that is silent for five more is taken for dead.
const WATCH_S: u32 = 15;
/// Longest that an answer may keep silent.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Longest that a new definition may take to be served.
const ESTABLISH_MAX: u32 = 100;
const ESTABLISH_LOOK: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "\
Examples:
  operator --install-crds                         install the CRD and serve the current cluster
  operator --kubeconfig ./kubeconfig --namespace trading --listen 0.0.0.0:8080
  operator --once                                 one pass over every job, then exit
  kubectl get streamingjobs                       what the operator reports";

/// Allocates workers to StreamingJobs.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Kubeconfig file; without it the environment's, or the service account in a pod
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Serve this namespace only
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Make one pass over every job and exit; fails if a pass failed
    #[arg(long)]
    pub once: bool,
    /// Address of /metrics, /readyz and /healthz; port 0 takes a free one and logs it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Install the StreamingJob definition first
    #[arg(long)]
    pub install_crds: bool,
    /// Serve jobs only while holding the Lease `stormgauge-operator` in the own namespace
    #[arg(long)]
    pub leader_elect: bool,
    /// A Lease that is not renewed for so long is free for others; at least 1s
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = lease_duration)]
    pub lease_duration: Duration,
    /// Form of the log on standard error
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Runs the operator by this clock until `shutdown` is cancelled, or once.
///
/// # Errors
/// If the cluster cannot be reached, the address is taken, or, with `once`, a pass failed.
pub async fn run(args: Args, clock: Clock, shutdown: CancellationToken) -> anyhow::Result<()> {
    start_log(args.log_format);
    let client = connect(args.kubeconfig.as_deref()).await?;
    if args.install_crds {
        install_crds(&client).await?;
    }
    let context = Arc::new(Context::new(client, Arc::new(KafkaOffsets::default()), clock));
    if args.once {
        return once(&context, args.namespace.as_deref()).await;
    }
    let ready = Arc::new(AtomicBool::new(false));
    let stop_server = shutdown.child_token();
    let address = server::serve(args.listen, context.clone(), ready.clone(), stop_server.clone())
        .await
        .with_context(|| format!("listening on {} (--listen)", args.listen))?;
    tracing::info!(%address, "listening");
    let namespace = args.namespace.as_deref();
    if args.leader_elect {
        let election =
            Election::new(context.client.clone(), identity(&context), args.lease_duration, clock);
        // Who waits for the lease is as ready as it gets.
        ready.store(true, Ordering::Relaxed);
        lead(&election, context, namespace, shutdown).await;
    } else {
        control(context, namespace, ready, shutdown).await;
    }
    stop_server.cancel();
    tracing::info!("stopped");
    Ok(())
}

/// A token that SIGTERM and SIGINT cancel.
///
/// # Errors
/// If the signals cannot be listened for.
pub fn shutdown_on_signals() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}

fn start_log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("the program around the operator logs already");
    }
}

async fn connect(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let mut config = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("reading {} (--kubeconfig)", path.display()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .with_context(|| format!("using {} (--kubeconfig)", path.display()))?
        }
        None => Config::infer().await.context("finding a cluster; give --kubeconfig")?,
    };
    // A server that takes a request and never answers is given up on; watches end before.
    config.read_timeout = Some(ANSWER_MAX);
    config.reset_reader_on_write = true;
    Client::try_from(config).context("connecting to the cluster")
}

async fn install_crds(client: &Client) -> anyhow::Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    let definition = crd();
    let name = definition.name_any();
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    definitions
        .patch(&name, &parameters, &Patch::Apply(&definition))
        .await
        .with_context(|| format!("installing {name}"))?;
    for _ in 0..ESTABLISH_MAX {
        let found = definitions.get_opt(&name).await?;
        let conditions = found.and_then(|found| found.status).and_then(|status| status.conditions);
        let established = conditions.unwrap_or_default().into_iter();
        if established.into_iter().any(|c| c.type_ == "Established" && c.status == "True") {
            tracing::info!(name, "definition installed");
            return Ok(());
        }
        tokio::time::sleep(ESTABLISH_LOOK).await;
    }
    bail!("{name} was installed but is not served after 10 s");
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// One pass over every job.
async fn once(context: &Arc<Context>, namespace: Option<&str>) -> anyhow::Result<()> {
    let jobs: Api<DeserializeGuard<StreamingJob>> = api(&context.client, namespace);
    let jobs = jobs.list(&ListParams::default()).await.context("listing StreamingJobs")?.items;
    let count = jobs.len();
    let mut failed = Vec::new();
    for job in jobs {
        let name = job.name_any();
        if reconcile(Arc::new(job), context.clone()).await.is_err() {
            failed.push(name);
        }
    }
    tracing::info!(count, failed = failed.len(), "one pass over every job");
    if failed.is_empty() { Ok(()) } else { bail!("passes failed for {}", failed.join(", ")) }
}

/// A name that no other operator has.
fn identity(context: &Context) -> String {
    let process =
        || format!("{}-{}", std::process::id(), context.clock.timestamp().as_nanosecond());
    std::env::var("POD_NAME").unwrap_or_else(|_| process())
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_secs(1)..=Duration::from_hours(1);
    allowed.contains(&duration).then_some(duration).ok_or_else(|| "allowed: 1s to 1h".to_owned())
}

/// Serves jobs whenever it holds the lease, until `shutdown` is cancelled.
pub async fn lead(
    election: &Election,
    context: Arc<Context>,
    namespace: Option<&str>,
    shutdown: CancellationToken,
) {
    loop {
        tokio::select! {
            () = election.win() => {}
            () = shutdown.cancelled() => return,
        }
        tracing::info!("holding the lease");
        context.metrics.leads(true);
        let serving = control(context.clone(), namespace, Arc::default(), shutdown.clone());
        tokio::select! {
            () = serving => {
                election.resign().await;
                return;
            }
            // Passes under way are cut off: whoever holds the lease now may make the same.
            lost = election.keep() => tracing::warn!(%lost, "the lease is lost"),
        }
        context.metrics.leads(false);
        context.forget_all();
    }
}

/// Serves jobs until `shutdown` is cancelled; `ready` is set once they are listed.
///
/// No generation predicate stands between the watches and the passes: it would hide the deletion
/// of an owned object, which has no newer generation.
pub async fn control(
    context: Arc<Context>,
    namespace: Option<&str>,
    ready: Arc<AtomicBool>,
    shutdown: CancellationToken,
) {
    let client = &context.client;
    let watched = watcher::Config::default().timeout(WATCH_S);
    let managed = watched.clone().labels(&format!("{}={}", MANAGED_LABEL.0, MANAGED_LABEL.1));
    let jobs: Api<DeserializeGuard<StreamingJob>> = api(client, namespace);
    let controller = Controller::new(jobs, watched)
        .owns(api::<Deployment>(client, namespace), managed.clone())
        .owns(api::<Service>(client, namespace), managed.clone())
        .owns(api::<ConfigMap>(client, namespace), managed)
        .graceful_shutdown_on(shutdown.clone().cancelled_owned());
    let store = controller.store();
    tokio::spawn(async move {
        if store.wait_until_ready().await.is_ok() {
            ready.store(true, Ordering::Relaxed);
            tracing::info!("ready");
        }
    });
    let passes = controller.run(reconcile, retry, context).for_each(|result| async {
        if let Err(error) = result {
            // Failed passes are logged where they fail; this is about the queue and watches.
            tracing::debug!(%error, "controller");
        }
    });
    let late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(SHUTDOWN_MAX).await;
    };
    tokio::select! {
        () = passes => {}
        () = late => tracing::warn!("passes under way were cut off"),
    }
}
