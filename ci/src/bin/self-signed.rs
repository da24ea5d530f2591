//! Prints a new key and its self-signed certificate for loopback, in PEM.

use std::io::Write as _;

use embedded_kafka::Tls;

fn main() -> anyhow::Result<()> {
    let tls = Tls::self_signed()?;
    write!(std::io::stdout(), "{}{}", tls.key_pem, tls.certificate_pem)?;
    Ok(())
}
