//! One client and its broker: requests that go to it, and the answers that come back.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::frames::{Frames, Head, write};
use super::rules::{Expected, Fate, RequestRules};

/// The most requests that go on before the answer to the first is there.
const UNANSWERED_MAX: usize = 1024;

/// Serves a connection until one side closes it, says what cannot be understood, or is to lose it.
pub(super) async fn serve(
    client: TcpStream,
    upstream: SocketAddr,
    rules: &RequestRules,
) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (expect, expected) = mpsc::channel(UNANSWERED_MAX);
    tokio::select! {
        ended = requests(from_client, to_server, rules, expect) => ended,
        ended = answers(from_server, to_client, rules, expected) => ended,
    }
}

async fn requests(
    client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    rules: &RequestRules,
    expect: mpsc::Sender<Expected>,
) -> io::Result<()> {
    let mut frames = Frames::new(client);
    while let Some(frame) = frames.next().await? {
        let head = Head::of(&frame).ok_or(io::ErrorKind::InvalidData)?;
        rules.wait(&head).await;
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
    server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    rules: &RequestRules,
    mut expected: mpsc::Receiver<Expected>,
) -> io::Result<()> {
    let mut frames = Frames::new(server);
    let mut next: Option<Expected> = None;
    while let Some(frame) = frames.next().await? {
        let correlation = frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
        // It was announced before the broker was asked.
        next = next.or_else(|| expected.try_recv().ok());
        let awaited = |next: &mut Expected| correlation == Some(next.question.correlation);
        let answer = match next.take_if(awaited) {
            Some(expected) => match rules.answer(expected, frame) {
                Some(answer) => answer,
                None => break,
            },
            None => frame,
        };
        write(&mut client, answer).await?;
    }
    Ok(())
}
