//! `--baseline-rev`: a program built from a revision.

use super::program::{stormgauge, text};
use harness::duet::revision;
use harness::progress::Progress;
use std::fs;
use std::path::Path;
use std::process::Command;
use tokio_util::sync::CancellationToken;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let output = Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// A repository whose program prints `words`.
fn repository(words: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"harness\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                    [[bin]]\nname = \"stormgauge\"\npath = \"main.rs\"\n[workspace]\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join("main.rs"), format!("fn main() {{ print!(\"{words}\") }}"))
        .unwrap();
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "one"]);
    folder
}

#[tokio::test]
async fn a_revision_is_built_in_a_tree_of_its_own_that_is_removed_and_used_again() {
    let (repository, cache) = (repository("one"), tempfile::tempdir().unwrap());
    fs::write(repository.path().join("main.rs"), "not even Rust").unwrap();
    let (progress, cancel) = (Progress::new(true), CancellationToken::new());
    let build = || revision::build("HEAD", repository.path(), cache.path(), &progress, &cancel);
    let program = build().await.unwrap();
    let output = Command::new(&program).output().unwrap();
    assert_eq!(text(&output.stdout), "one");
    assert_eq!(git(repository.path(), &["worktree", "list"]).lines().count(), 1);
    let built = fs::metadata(&program).unwrap().modified().unwrap();
    assert_eq!(build().await.unwrap(), program);
    assert_eq!(fs::metadata(&program).unwrap().modified().unwrap(), built);
}

#[tokio::test]
async fn gates_that_build_at_once_wait_for_each_other_and_build_once() {
    let (repository, cache) = (repository("one"), tempfile::tempdir().unwrap());
    let (progress, cancel) = (Progress::new(true), CancellationToken::new());
    let build = || revision::build("HEAD", repository.path(), cache.path(), &progress, &cancel);
    let (one, other) = tokio::join!(build(), build());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(fs::read_dir(cache.path().join("programs")).unwrap().count(), 1);
    // Whoever waits heeds an interrupt.
    let lock = fs::File::open(cache.path().join("lock")).unwrap();
    lock.lock().unwrap();
    cancel.cancel();
    let error = build().await.unwrap_err();
    assert!(error.to_string().contains("another gate"), "{error}");
}

#[tokio::test]
async fn a_revision_that_does_not_build_is_an_error_and_leaves_no_tree() {
    let (repository, cache) = (repository("\" + 1 + \""), tempfile::tempdir().unwrap());
    let (progress, cancel) = (Progress::new(true), CancellationToken::new());
    let error = revision::build("HEAD", repository.path(), cache.path(), &progress, &cancel).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("cargo cannot build"), "{error}");
    assert_eq!(git(repository.path(), &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn no_repository_and_no_such_revision_are_said() {
    let nowhere = tempfile::tempdir().unwrap();
    let output = stormgauge(nowhere.path(), &["gate", "--duet", "--baseline-rev", "HEAD"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is in no git repository"), "{}", text(&output.stderr));
    let repository = repository("one");
    for name in ["no-such", "--help"] {
        let name = format!("--baseline-rev={name}");
        let output = stormgauge(repository.path(), &["gate", "--duet", &name]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("there is no revision"), "{}", text(&output.stderr));
    }
}
