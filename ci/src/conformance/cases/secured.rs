//! What applications get that use TLS or authenticate: on kafka-python, on librdkafka (by
//! confluent-kafka, whose build has both) and on the Java client.

use super::{Case, case};
use crate::conformance::context::Context;
use crate::conformance::scram::Scram;

/// A security protocol, and the mechanism or nothing.
type Way = (&'static str, &'static str);

/// The user's name for a mechanism: of PLAIN they are in the settings.
fn user(c: &mut Context<'_>, mechanism: &str) -> anyhow::Result<String> {
    match mechanism {
        "SCRAM-SHA-256" => c.scram_user(Scram::Sha256, "user", "alice-secret"),
        "SCRAM-SHA-512" => c.scram_user(Scram::Sha512, "user", "alice-secret"),
        _ => Ok("alice".to_owned()),
    }
}

fn python(c: &mut Context<'_>, library: &str, (protocol, mechanism): Way) -> anyhow::Result<()> {
    let topic = c.topic("t", 2)?;
    let (user, group) = (user(c, mechanism)?, c.name("g"));
    let bootstrap = c.subject.secured(protocol)?;
    let certificate = c.tools.certificate.display().to_string();
    let way = [protocol, mechanism, &*user, "alice-secret", &certificate];
    let lines = c.tools.python(&[&[library, &*bootstrap, &group, &topic][..], &way].concat())?;
    lines.into_iter().for_each(|line| c.see(line));
    Ok(())
}

/// Settings of a Java client.
fn properties(
    c: &Context<'_>,
    (protocol, mechanism): Way,
    (user, password): (&str, &str),
) -> Vec<String> {
    let mut properties = vec![
        format!("security.protocol={protocol}"),
        "ssl.truststore.type=PEM".to_owned(),
        format!("ssl.truststore.location={}", c.tools.certificate.display()),
    ];
    if !mechanism.is_empty() {
        let scram = mechanism.starts_with("SCRAM");
        let module = if scram { "scram.ScramLoginModule" } else { "plain.PlainLoginModule" };
        let login = format!("username=\"{user}\" password=\"{password}\";");
        properties.push(format!("sasl.mechanism={mechanism}"));
        properties.push(format!(
            "sasl.jaas.config=org.apache.kafka.common.security.{module} required {login}"
        ));
    }
    properties
}

/// Runs a console tool; each setting is given with `option`.
fn tool(
    c: &Context<'_>,
    class: &str,
    (option, properties): (&str, &[String]),
    arguments: &[&str],
    input: &str,
) -> anyhow::Result<String> {
    let properties = properties.iter().flat_map(|property| [option, property]);
    let arguments: Vec<&str> = arguments.iter().copied().chain(properties).collect();
    c.tools.java(class, &arguments, input)
}

const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";

fn java(c: &mut Context<'_>, way: Way) -> anyhow::Result<()> {
    let (topic, user) = (c.topic("t", 1)?, user(c, way.1)?);
    let bootstrap = c.subject.secured(way.0)?;
    let properties = properties(c, way, (&user, "alice-secret"));
    let numbers: String = (0..100).map(|number| format!("{number}\n")).collect();
    let to = ["--bootstrap-server", &*bootstrap, "--topic", &*topic];
    tool(c, PRODUCER, ("--producer-property", &properties), &to, &numbers)?;
    let from = ["--from-beginning", "--max-messages", "100", "--timeout-ms", "60000"];
    let from = [&to[..], &from].concat();
    let read = tool(c, CONSUMER, ("--consumer-property", &properties), &from, "")?;
    c.see(format!("the same messages {}", read == numbers));
    Ok(())
}

/// What a tool of administration says of a wrong password.
fn java_refused(c: &mut Context<'_>, way: Way) -> anyhow::Result<()> {
    let user = user(c, way.1)?;
    let settings = properties(c, way, (&user, "wrong")).join("\n");
    let file = c.tools.certificate.with_file_name(c.name("properties"));
    std::fs::write(&file, settings)?;
    let (bootstrap, file) = (c.subject.secured(way.0)?, file.display().to_string());
    let list = ["--bootstrap-server", &*bootstrap, "--list", "--command-config", &file];
    let listed = c.tools.java("org.apache.kafka.tools.TopicCommand", &list, "");
    let told = listed.err().map(|error| format!("{error:#}")).unwrap_or_default();
    let reason = told.split("SaslAuthenticationException: ").nth(1);
    c.see(reason.and_then(|it| it.lines().next()).unwrap_or(&told).trim());
    Ok(())
}

const TLS: Way = ("SSL", "");
const PLAIN: Way = ("SASL_PLAINTEXT", "PLAIN");
const PLAIN_TLS: Way = ("SASL_SSL", "PLAIN");
const SCRAM_256: Way = ("SASL_PLAINTEXT", "SCRAM-SHA-256");
const SCRAM_512: Way = ("SASL_PLAINTEXT", "SCRAM-SHA-512");
const SCRAM_TLS: Way = ("SASL_SSL", "SCRAM-SHA-512");

const READ: &str = "100 messages sent, 100 read";
const SAME: &[&str] = &["the same messages true"];

/// librdkafka's name for a connection that is refused, and what clients say of a wrong password.
const REFUSED: &str = "_AUTHENTICATION";
const NOT_PLAIN: &str = "Authentication failed: Invalid username or password";
const NOT_256: &str = "Authentication failed during authentication due to invalid credentials with \
                       SASL mechanism SCRAM-SHA-256";
const NOT_512: &str = "Authentication failed during authentication due to invalid credentials with \
                       SASL mechanism SCRAM-SHA-512";

pub(crate) const CASES: &[Case] = &[
    case("kafka-python/TLS", |c| python(c, "secured", TLS), &[READ]),
    case("kafka-python/PLAIN", |c| python(c, "secured", PLAIN), &[READ]),
    case("kafka-python/PLAIN over TLS", |c| python(c, "secured", PLAIN_TLS), &[READ]),
    case("kafka-python/SCRAM-SHA-256", |c| python(c, "secured", SCRAM_256), &[READ]),
    case("kafka-python/SCRAM-SHA-512", |c| python(c, "secured", SCRAM_512), &[READ]),
    case("kafka-python/SCRAM over TLS", |c| python(c, "secured", SCRAM_TLS), &[READ]),
    case("confluent-kafka/TLS", |c| python(c, "confluent", TLS), &[READ]),
    case("confluent-kafka/PLAIN", |c| python(c, "confluent", PLAIN), &[READ, REFUSED, NOT_PLAIN]),
    case(
        "confluent-kafka/PLAIN over TLS",
        |c| python(c, "confluent", PLAIN_TLS),
        &[READ, REFUSED, NOT_PLAIN],
    ),
    case(
        "confluent-kafka/SCRAM-SHA-256",
        |c| python(c, "confluent", SCRAM_256),
        &[READ, REFUSED, NOT_256],
    ),
    case(
        "confluent-kafka/SCRAM-SHA-512",
        |c| python(c, "confluent", SCRAM_512),
        &[READ, REFUSED, NOT_512],
    ),
    case(
        "confluent-kafka/SCRAM over TLS",
        |c| python(c, "confluent", SCRAM_TLS),
        &[READ, REFUSED, NOT_512],
    ),
    case("java/messages over TLS", |c| java(c, TLS), SAME),
    case("java/messages by PLAIN", |c| java(c, PLAIN), SAME),
    case("java/messages by SCRAM", |c| java(c, SCRAM_256), SAME),
    case("java/messages by SCRAM over TLS", |c| java(c, SCRAM_TLS), SAME),
    case("java/a wrong password", |c| java_refused(c, SCRAM_512), &[NOT_512]),
];
