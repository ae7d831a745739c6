use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::llm::{Finish, Message, OutputSchema, Usage};

/// Answers with the number of the call, so that a repeated live call would be noticed.
#[derive(Default)]
struct Counting(AtomicU32);

impl LanguageModel for Counting {
    fn id(&self) -> &'static str {
        "test:counting"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_schema: true, logprobs: false, concurrent: true, needs_passes: false }
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len() / 3
    }

    fn complete<'a>(&'a self, _: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(async move {
            let text = format!("answer {}", self.0.fetch_add(1, Ordering::SeqCst));
            sink(&text);
            let usage = Usage { prompt_tokens: 3, seconds: 0.25, ..Usage::default() };
            Ok(Response { text, finish: Finish::Stop, usage, first_token: vec![("yes".into(), -0.1)] })
        })
    }
}

fn request(text: &str, temperature: f32, seed: u64) -> Request {
    Request {
        messages: vec![Message::user(text)],
        static_messages: 0,
        schema: Some(OutputSchema {
            name: "x".into(),
            schema: json!({"type": "object", "properties": {"b": {}, "a": {}}}),
        }),
        max_tokens: 8,
        temperature,
        seed,
        first_token_logprobs: true,
    }
}

async fn ask(model: &dyn LanguageModel, request: &Request) -> Result<(Response, String), LlmError> {
    let heard = Mutex::new(String::new());
    let sink = |piece: &str| heard.lock().expect("no panic").push_str(piece);
    let response = model.complete(request, &sink).await?;
    Ok((response, heard.into_inner().expect("no panic")))
}

fn recorder(folder: &Path) -> Recorder {
    Recorder::new(Arc::new(Counting::default()), folder).expect("a writable folder")
}

#[test]
fn the_digest_depends_on_what_matters_and_on_nothing_else() {
    let digest = |request: &Request| RequestDigest::of("m", request);
    let plain = request("a", 0.0, 1);
    assert_eq!(digest(&plain), digest(&request("a", 0.0, 2)), "greedy answers do not depend on the seed");
    assert_ne!(digest(&request("a", 0.5, 1)), digest(&request("a", 0.5, 2)));
    assert_ne!(digest(&plain), RequestDigest::of("other", &plain));
    assert_ne!(digest(&plain), digest(&request("b", 0.0, 1)));
    let mut reordered = plain.clone();
    reordered.schema.as_mut().expect("a schema").schema =
        json!({"properties": {"a": {}, "b": {}}, "type": "object"});
    assert_eq!(digest(&plain), digest(&reordered));
    assert_eq!(digest(&plain).as_str(), "2573e6c256ae64dfdf99abf315fe219c417d8c78df803ec3e294fe12e2120a78");
}

#[tokio::test]
async fn a_replay_gives_the_recorded_answers_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = recorder(folder.path());
    let requests = [request("a", 0.0, 0), request("b", 0.7, 0), request("b", 0.7, 1)];
    let mut live = Vec::new();
    for request in &requests {
        live.push(ask(&recorder, request).await.expect("recorded"));
    }
    assert_eq!(ask(&recorder, &requests[0]).await.expect("again").0.text, "answer 0", "no second live call");
    for _ in 0..2 {
        let replay = Replay::open(folder.path()).expect("recordings");
        assert_eq!((replay.id(), replay.capabilities()), ("test:counting", recorder.capabilities()));
        assert_eq!(replay.count_tokens(SAMPLE), recorder.count_tokens(SAMPLE));
        for (request, expected) in requests.iter().zip(&live) {
            assert_eq!(&ask(&replay, request).await.expect("recorded"), expected);
        }
    }
}

#[tokio::test]
async fn two_recordings_of_the_same_calls_are_the_same_files() {
    let mut contents = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().expect("a folder");
        ask(&recorder(folder.path()), &request("a", 0.3, 5)).await.expect("recorded");
        let mut files: Vec<_> =
            std::fs::read_dir(folder.path()).expect("readable").map(|f| f.expect("a file").path()).collect();
        files.sort();
        let named =
            files.iter().map(|f| (f.file_name().map(ToOwned::to_owned), std::fs::read(f).expect("readable")));
        contents.push(named.collect::<Vec<_>>());
    }
    assert_eq!(contents[0], contents[1]);
    assert_eq!(contents[0].len(), 2, "no temporary files stay");
}

#[tokio::test]
async fn a_missing_recording_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(recorder(folder.path()));
    let error = ask(&Replay::open(folder.path()).expect("a header"), &request("a", 0.0, 0))
        .await
        .expect_err("missing");
    assert!(matches!(error, LlmError::MissingRecording { .. }), "{error:?}");
    let error = Replay::open(folder.path().join("nowhere")).expect_err("no header");
    assert!(matches!(error, LlmError::Io { .. }), "{error:?}");
}

#[tokio::test]
async fn damaged_and_exchanged_recordings_are_bad_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = recorder(folder.path());
    let [one, two] = [request("a", 0.0, 0), request("b", 0.0, 0)];
    ask(&recorder, &one).await.expect("recorded");
    let file = |request: &Request| file_of(folder.path(), recorder.id(), request);
    std::fs::copy(file(&one), file(&two)).expect("copied");
    std::fs::write(file(&one), "{\"version\": 1").expect("written");
    let replay = Replay::open(folder.path()).expect("a header");
    for request in [one, two] {
        let error = ask(&replay, &request).await.expect_err("damaged");
        assert!(matches!(error, LlmError::BadFile { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_folder_belongs_to_one_model() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(recorder(folder.path()));
    let header = folder.path().join(HEADER);
    let text = std::fs::read_to_string(&header).expect("readable").replace("counting", "other");
    std::fs::write(&header, text).expect("written");
    let error =
        Recorder::new(Arc::new(Counting::default()), folder.path()).map(|_| ()).expect_err("another model");
    assert!(matches!(error, LlmError::BadFile { .. }), "{error:?}");
}

#[test]
fn without_a_better_estimate_a_token_has_the_measured_number_of_characters() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = recorder(folder.path()).header;
    assert_eq!((header.count_tokens(""), header.count_tokens("a")), (0, 1));
    assert!((header.characters_per_token - 3.0).abs() < 0.2, "{}", header.characters_per_token);
}
