//! A client that asks two things.

use embedded_kafka::{ClusterConfig, EmbeddedKafka};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request with client id "me" and reads the answer.
pub(crate) async fn ask(stream: &mut TcpStream, (api_key, version): (u8, u8), body: &[u8]) {
    let mut frame = vec![0, api_key, 0, version, 0, 0, 0, 7, 0, 2, b'm', b'e'];
    frame.extend_from_slice(body);
    stream.write_all(&(frame.len() as u32).to_be_bytes()).await.unwrap();
    stream.write_all(&frame).await.unwrap();
    let length = stream.read_u32().await.unwrap();
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [0, 0, 0, 7]);
}

const METADATA: (u8, u8) = (3, 0);
const API_VERSIONS: (u8, u8) = (18, 0);
const METADATA_OF_X: &[u8] = &[0, 0, 0, 1, 0, 1, b'x'];

/// A cluster that was asked for its versions and for a topic that there is not.
pub(crate) async fn asked(capture: usize) -> EmbeddedKafka {
    let config = ClusterConfig { capture, ..ClusterConfig::with_brokers(2) };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic("t", 2).unwrap();
    let mut stream = TcpStream::connect(kafka.brokers()[0].address).await.unwrap();
    ask(&mut stream, API_VERSIONS, &[]).await;
    ask(&mut stream, API_VERSIONS, &[]).await;
    ask(&mut stream, METADATA, METADATA_OF_X).await;
    kafka
}
