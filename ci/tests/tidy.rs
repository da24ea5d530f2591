//! Rules of the repository that the compiler does not know.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 100;
const LINE_COLUMNS_MAX: usize = 120;

/// Crates that may use none of the others.
const POINTS_OF_THE_STAR: [&str; 6] =
    ["operator", "workloads", "chaos", "results", "embedded-kafka", "embedded-kube"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files that git tracks or would track, relative to the root.
fn files(ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "stormgauge-out"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let relative = path.strip_prefix(root()).unwrap();
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn assert_none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn dependencies_form_a_star() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let own = dependencies
            .filter(|dependency| dependency["path"].is_string())
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned());
        uses.insert(package["name"].as_str().unwrap().to_owned(), own.collect());
    }
    for point in POINTS_OF_THE_STAR {
        assert_eq!(uses[point], Vec::<String>::new(), "{point} must not use another crate here");
    }
    assert_eq!(uses["harness"].len(), POINTS_OF_THE_STAR.len());
}

#[test]
fn files_and_lines_stay_short() {
    let mut offenders = Vec::new();
    for file in files(".rs") {
        let text = text(&file);
        if text.lines().count() > FILE_LINES_MAX {
            offenders.push(format!("{file}: {} lines", text.lines().count()));
        }
        let long = (1..).zip(text.lines()).filter(|(_, l)| l.chars().count() > LINE_COLUMNS_MAX);
        offenders.extend(long.map(|(number, _)| format!("{file}:{number}: too wide")));
    }
    assert_none("at most 500 lines a file and 120 columns a line", &offenders);
}

#[test]
fn functions_stay_short() {
    let mut offenders = Vec::new();
    for file in files(".rs") {
        let text = text(&file);
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let indent = line.len() - code.len();
            let words = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "pub(super) async fn ",
                "pub(crate) async fn ",
            ];
            if !words.iter().any(|word| code.starts_with(word)) {
                continue;
            }
            let close = format!("{}}}", " ".repeat(indent));
            let length = lines[start..].iter().position(|l| *l == close || l.ends_with("{}"));
            if let Some(length) = length.filter(|length| *length > FUNCTION_LINES_MAX) {
                offenders.push(format!("{file}:{}: {length} lines", start + 1));
            }
        }
    }
    assert_none("at most 100 lines a function", &offenders);
}

#[test]
fn every_source_file_belongs_to_a_module() {
    let sources = files(".rs");
    let mut offenders = Vec::new();
    for file in &sources {
        let path = Path::new(file);
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().unwrap();
        let roots = ["lib", "main", "build"];
        let standalone = ["tests", "examples", "benches", "bin"];
        let parent = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_root = roots.contains(&stem.as_str())
            || parent.as_deref().is_some_and(|name| {
                let above = folder.parent().is_some_and(|up| up.join("Cargo.toml").exists())
                    || root().join(folder.parent().unwrap()).join("Cargo.toml").exists();
                standalone.contains(&name) && (above || name == "bin")
            });
        if is_root {
            continue;
        }
        // What several tests share is a folder beside them, which each of them declares.
        let shared = sources.iter().map(PathBuf::from).filter(|it| it.parent() == folder.parent());
        let (stem, owners) = match (stem.as_str(), parent) {
            ("mod", Some(parent)) => (parent, shared.collect()),
            _ => {
                let owners = ["lib.rs", "main.rs", "mod.rs"].map(|name| folder.join(name));
                (stem, [&owners[..], &[folder.with_extension("rs")]].concat())
            }
        };
        let declared = owners.iter().filter(|owner| root().join(owner).is_file()).any(|owner| {
            let text = text(&owner.to_string_lossy());
            text.lines().any(|line| line.trim_end().ends_with(&format!("mod {stem};")))
        });
        if !declared {
            offenders.push(file.clone());
        }
    }
    assert_none("each file is declared by `mod` in its parent", &offenders);
}

#[test]
fn nothing_is_silenced_or_left_open() {
    // Put together here, so that this file does not offend itself.
    let words = [
        ["#[", "ignore"],
        ["#[", "allow("],
        ["#![", "allow("],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["FIX", "ME"],
    ]
    .map(|halves| halves.concat());
    let mut offenders = Vec::new();
    for file in files(".rs") {
        for (number, line) in (1..).zip(text(&file).lines()) {
            if words.iter().any(|word| line.contains(word)) {
                offenders.push(format!("{file}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none("no ignored tests, blanket allows or open ends", &offenders);
}

#[test]
fn no_file_names_one_machine() {
    let paths = [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"]].map(|halves| halves.concat());
    let mut offenders = Vec::new();
    for ending in [".rs", ".md", ".yaml", ".toml", ".py", ".sh"] {
        for file in files(ending) {
            for (number, line) in (1..).zip(text(&file).lines()) {
                if paths.iter().any(|path| line.contains(path)) {
                    offenders.push(format!("{file}:{number}: {}", line.trim()));
                }
            }
        }
    }
    assert_none("no paths of one machine", &offenders);
}
