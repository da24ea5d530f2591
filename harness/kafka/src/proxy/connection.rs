//! One client and its broker: requests that go to it, and the answers that come back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::frames::{Frames, Head, write};
use super::rules::{Expected, Fate, RequestRules};

/// The most requests that go on before the answer to the first is there.
const UNANSWERED_MAX: usize = 1024;
/// The longest that a broker may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Serves a connection until one side closes it, says what cannot be understood, or is to lose it.
pub(super) async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    rules: &RequestRules,
) -> io::Result<()> {
    let mut server = timeout(CONNECT_MAX, TcpStream::connect(upstream)).await??;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let (expect, mut expected) = mpsc::channel(UNANSWERED_MAX);
    let ended = tokio::select! {
        ended = requests(from_client, to_server, rules, expect) => ended,
        ended = answers(from_server, to_client, rules, &mut expected) => ended,
    };
    // Before the client learns that the connection is closed.
    while let Ok(unanswered) = expected.try_recv() {
        rules.give_up(&unanswered);
    }
    ended
}

async fn requests(
    client: ReadHalf<'_>,
    mut server: WriteHalf<'_>,
    rules: &RequestRules,
    expect: mpsc::Sender<Expected>,
) -> io::Result<()> {
    let mut frames = Frames::new(client);
    while let Some(frame) = frames.next().await? {
        let head = Head::of(&frame).ok_or(io::ErrorKind::InvalidData)?;
        tokio::select! {
            // What a client has said is passed on even if it has gone.
            biased;
            () = rules.wait(&head) => {}
            () = frames.gone() => break,
        }
        let frame = match rules.meet(&head, frame) {
            Fate::Pass(frame) => frame,
            Fate::Ask(frame, answer) => {
                // Whoever reads answers ends together with this.
                expect.send(answer).await.map_err(io::Error::other)?;
                frame
            }
            Fate::Close => break,
        };
        write(&mut server, frame).await?;
    }
    Ok(())
}

async fn answers(
    server: ReadHalf<'_>,
    mut client: WriteHalf<'_>,
    rules: &RequestRules,
    expected: &mut mpsc::Receiver<Expected>,
) -> io::Result<()> {
    let mut frames = Frames::new(server);
    while let Some(frame) = frames.next().await? {
        let correlation = frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
        // It was announced before the broker was asked, and answers keep the order of requests.
        let next = expected.try_recv().map_err(io::Error::other)?;
        if correlation != Some(next.correlation) {
            return Err(io::Error::other("the answer to another request"));
        }
        match rules.answer(next, frame) {
            Some(answer) => write(&mut client, answer).await?,
            None => break,
        }
    }
    Ok(())
}
