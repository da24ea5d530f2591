//! A proxy that reads requests, in front of a broker that cannot be told to fail.
//!
//! What [`EmbeddedKafka`](crate::EmbeddedKafka) does to requests by itself is done here on their
//! way to a broker, Apache Kafka say: they get an error in place of being carried out, they are
//! carried out and not answered, or they wait. It counts the answers that tell a client to pause,
//! too. Both sides speak without TLS and SASL.
//!
//! A broker answers the requests of a connection in their order, and so must the proxy. What it
//! refuses it does not answer by itself, therefore: it asks the broker for its versions instead,
//! which no broker refuses, and puts the refusal in the place of that answer.

mod answer;
mod connection;
mod frames;
mod rules;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use rules::RequestRules;

/// The most connections of one proxy; later clients wait until one is closed.
const CONNECTIONS_MAX: usize = 4096;
/// Time until the next client is taken after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A proxy in front of one listener of one broker. Dropping it cuts every connection.
#[derive(Debug)]
pub struct RequestProxy {
    address: SocketAddr,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl RequestProxy {
    /// Listens, and passes on to `upstream` what these rules let pass. All proxies in front of one
    /// broker share its rules.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(
        listen: SocketAddr,
        upstream: SocketAddr,
        rules: Arc<RequestRules>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let accepting = accept(listener, upstream, rules, cancel.clone(), tasks.clone());
        tasks.spawn(cancel.clone().run_until_cancelled_owned(accepting));
        Ok(Self { address, cancel, tasks })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection and waits until nothing is left of them.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for RequestProxy {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    rules: Arc<RequestRules>,
    cancel: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Nobody closes the semaphore.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::debug!(%error, "a client could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let rules = Arc::clone(&rules);
        let serving = async move {
            if let Err(reason) = connection::serve(client, upstream, &rules).await {
                tracing::debug!(%reason, %upstream, "closed");
            }
            drop(place);
        };
        tasks.spawn(cancel.clone().run_until_cancelled_owned(serving));
    }
}
