//! From a pod's container to a process to start.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use rustix::fs::{Access, access};

use super::environment;

/// The annotation that delays a container's first start on a node: image pull and boot.
pub(super) const START_DELAY: &str = "embedded-kube.dev/start-delay";
/// What a container has from its node instead of from an image.
const INHERITED: [&str; 10] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LLVM_PROFILE_FILE",
];
/// Where every pod of a real cluster has a volume that it seldom needs.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The pod's one container.
pub(super) fn first(pod: &Pod) -> Option<&Container> {
    pod.spec.as_ref()?.containers.first()
}

/// What of the pod a process on this machine cannot give it; none when all is well.
pub(super) fn unsupported(pod: &Pod) -> Option<String> {
    let default = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&default);
    if spec.containers.len() != 1 {
        let count = spec.containers.len();
        return Some(format!("spec.containers: an emulated node runs exactly one, not {count}"));
    }
    if spec.init_containers.iter().flatten().next().is_some() {
        return Some("spec.initContainers: not emulated".to_owned());
    }
    let container = &spec.containers[0];
    let mut mounts = container.volume_mounts.iter().flatten();
    if let Some(mount) = mounts.find(|mount| mount.mount_path != SERVICE_ACCOUNT) {
        return Some(format!("volumeMounts {:?}: volumes are not emulated", mount.name));
    }
    if container.liveness_probe.is_some() || container.startup_probe.is_some() {
        return Some("livenessProbe, startupProbe: only readinessProbe is emulated".to_owned());
    }
    if container.command.as_ref().is_none_or(Vec::is_empty) {
        return Some("command: empty, and an emulated node runs no images".to_owned());
    }
    None
}

/// How long the pod's first start waits.
///
/// # Errors
/// The sentence says what the annotation should be.
pub(super) fn start_delay(pod: &Pod) -> Result<Duration, String> {
    let annotations = pod.metadata.annotations.as_ref();
    let Some(text) = annotations.and_then(|all| all.get(START_DELAY)) else {
        return Ok(Duration::ZERO);
    };
    parse_duration(text)
        .ok_or_else(|| format!("annotation {START_DELAY}: {text:?} is not like `300ms` or `1.5s`"))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

/// Program, arguments and environment of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: BTreeMap<OsString, OsString>,
}

/// Puts `prefix` before the container's command and arguments, in which references to `variables`
/// are expanded.
///
/// # Errors
/// The sentence says which program is missing or cannot be executed.
pub(super) fn invocation(
    container: &Container,
    variables: &BTreeMap<String, String>,
    prefix: &[OsString],
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, String> {
    let mut environment: BTreeMap<OsString, OsString> = INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), inherited(name)?)))
        .collect();
    environment.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
    let words = container.command.iter().flatten().chain(container.args.iter().flatten());
    let mut words: Vec<OsString> =
        words.map(|word| environment::expand(word, variables).into()).collect();
    if words.is_empty() {
        return Err("command: empty".to_owned());
    }
    // Behind a prefix the system would not say that the program is missing.
    let path = environment.get(OsStr::new("PATH"));
    words[0] = find_program(&words[0], path.map(OsString::as_os_str))?.into_os_string();
    let mut words = prefix.iter().cloned().chain(words);
    let program = words.next().unwrap_or_default();
    Ok(Invocation { program, arguments: words.collect(), environment })
}

fn find_program(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, String> {
    let executable = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    if name.as_encoded_bytes().contains(&b'/') {
        let file = PathBuf::from(name);
        return if executable(&file) {
            Ok(file)
        } else {
            Err(format!("command {name:?}: not an executable file"))
        };
    }
    let directories = std::env::split_paths(path.unwrap_or_default());
    let mut files = directories.map(|directory| directory.join(name));
    files
        .find(|file| executable(file))
        .ok_or_else(|| format!("command {name:?}: executable file not found in $PATH"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(spec: Value) -> Pod {
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    #[test]
    fn what_a_process_cannot_give_is_named() {
        let fine = json!({"name": "c", "command": ["sleep"], "volumeMounts": [
            {"name": "token", "mountPath": SERVICE_ACCOUNT}]});
        assert_eq!(unsupported(&pod(json!({"containers": [fine]}))), None);
        for (spec, part) in [
            (json!({"containers": []}), "exactly one, not 0"),
            (json!({"containers": [fine, fine]}), "exactly one, not 2"),
            (json!({"containers": [fine], "initContainers": [fine]}), "initContainers"),
            (json!({"containers": [{"name": "c"}]}), "no images"),
            (json!({"containers": [{"name": "c", "command": []}]}), "no images"),
            (
                json!({"containers": [{"name": "c", "command": ["x"], "volumeMounts": [
                    {"name": "data", "mountPath": "/data"}]}]}),
                "\"data\"",
            ),
            (
                json!({"containers": [{"name": "c", "command": ["x"], "livenessProbe": {}}]}),
                "livenessProbe",
            ),
        ] {
            let problem = unsupported(&pod(spec.clone())).unwrap();
            assert!(problem.contains(part), "{spec}: {problem}");
        }
    }

    #[test]
    fn a_start_delay_is_a_number_with_a_unit() {
        for (text, expected) in [
            ("300ms", Some(300)),
            ("1.5s", Some(1500)),
            ("1m", Some(60_000)),
            ("0s", Some(0)),
            ("5", None),
            ("s", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("99999999999999999999999s", None),
        ] {
            let mut pod = pod(json!({"containers": []}));
            pod.metadata.annotations = Some([(START_DELAY.to_owned(), text.to_owned())].into());
            let delay = start_delay(&pod).ok().map(|delay| delay.as_millis());
            assert_eq!(delay, expected, "{text}");
        }
    }

    #[test]
    fn a_command_is_found_expanded_and_prefixed() {
        let container: Container = serde_json::from_value(json!({
            "name": "c", "command": ["sh", "-c"], "args": ["echo $(GREETING) $$(GREETING)"]
        }))
        .unwrap();
        let variables = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
        let system = |name: &str| (name == "PATH").then(|| OsString::from("/nowhere:/bin"));
        let prefix = [OsString::from("/shim"), OsString::from("run")];
        let found = invocation(&container, &variables, &prefix, system).unwrap();
        assert_eq!(found.program, "/shim");
        assert_eq!(found.arguments, ["run", "/bin/sh", "-c", "echo hello $(GREETING)"]);
        let names: Vec<_> = found.environment.keys().collect();
        assert_eq!(names, ["GREETING", "PATH"]);
    }

    #[test]
    fn a_missing_program_is_noticed_before_the_prefix_runs() {
        for (name, part) in [
            ("no-such-program", "not found in $PATH"),
            ("/no/such/program", "not an executable file"),
            ("/etc/passwd", "not an executable file"),
            ("/", "not an executable file"),
        ] {
            let container =
                Container { command: Some(vec![name.to_owned()]), ..Container::default() };
            let system = |_: &str| Some(OsString::from("/bin"));
            let problem = invocation(&container, &BTreeMap::new(), &[], system).unwrap_err();
            assert!(problem.contains(part) && problem.contains(name), "{problem}");
        }
    }
}
