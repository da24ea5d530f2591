//! Fetches that wait on one connection for what another connection brings.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Buf, BufMut};
use embedded_kafka::EmbeddedKafka;

const PRODUCE: u16 = 0;
const FETCH: u16 = 1;
const API_VERSIONS: u16 = 18;

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn request(key: u16, version: u16, correlation: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.put_u32(10 + body.len() as u32);
    frame.put_u16(key);
    frame.put_u16(version);
    frame.put_u32(correlation);
    frame.put_i16(-1);
    frame.put_slice(body);
    frame
}

/// One topic "t" with one partition.
fn put_partition(body: &mut Vec<u8>) {
    body.put_u32(1);
    body.put_slice(&[0, 1, b't']);
    body.put_u32(1);
    body.put_u32(0);
}

/// Fetch, version 4: waits five seconds for a byte at `offset`.
fn fetch(offset: u64) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_i32(-1);
    body.put_u32(5_000);
    body.put_u32(1);
    body.put_u32(1 << 20);
    body.put_u8(0);
    put_partition(&mut body);
    body.put_u64(offset);
    body.put_u32(1 << 20);
    body
}

/// Produce, version 3: one record with this value.
fn produce(value: u64) -> Vec<u8> {
    let mut rest = Vec::new();
    rest.put_slice(&[0; 6]);
    rest.put_slice(&[0; 16]);
    rest.put_slice(&[0xff; 14]);
    rest.put_u32(1);
    // Zigzag: length 14, attributes, two deltas, no key, 8 bytes, no headers.
    rest.put_slice(&[28, 0, 0, 0, 1, 16]);
    rest.put_u64(value);
    rest.put_u8(0);
    let mut body = Vec::new();
    body.put_i16(-1);
    body.put_i16(-1);
    body.put_u32(1_000);
    put_partition(&mut body);
    body.put_u32(21 + rest.len() as u32);
    body.put_u64(0);
    body.put_u32(9 + rest.len() as u32);
    body.put_i32(-1);
    body.put_u8(2);
    body.put_u32(crc32c::crc32c(&rest));
    body.put_slice(&rest);
    body
}

/// The correlation id of the next answer, and the answer.
fn answer(stream: &mut TcpStream) -> (u32, Vec<u8>) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).unwrap();
    let correlation = (&body[..4]).get_u32();
    (correlation, body)
}

/// Whether the fetch is answered while the connection sleeps, while it takes another request, or
/// with others behind it, is up to chance and to `behind`: the answers are the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_fetch_gets_what_another_connection_writes_and_keeps_its_place() {
    let kafka = EmbeddedKafka::start(1).await.unwrap();
    kafka.create_topic("t", 1).unwrap();
    let address = kafka.brokers()[0].address;
    let (mut reader, mut writer) = (connect(address), connect(address));
    let mut next = 0;
    for value in 0..400 {
        let behind = [0, 1, 70][value as usize % 3];
        reader.write_all(&request(FETCH, 4, next, &fetch(value))).unwrap();
        for correlation in next + 1..=next + behind {
            reader.write_all(&request(API_VERSIONS, 0, correlation, &[])).unwrap();
        }
        if value % 2 == 0 {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        writer.write_all(&request(PRODUCE, 3, 1_000_000, &produce(value))).unwrap();
        assert_eq!(answer(&mut writer).0, 1_000_000);
        let (correlation, fetched) = answer(&mut reader);
        assert_eq!(correlation, next);
        assert!(fetched.windows(8).any(|bytes| bytes == value.to_be_bytes()), "value {value}");
        for correlation in next + 1..=next + behind {
            assert_eq!(answer(&mut reader).0, correlation);
        }
        next += behind + 1;
    }
    kafka.shutdown().await;
}
