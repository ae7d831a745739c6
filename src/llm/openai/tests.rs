//! Against a fake server on the loopback interface; the assertions are on what was sent as well as on what
//! came back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::llm::{Finish, LanguageModel, LlmError, Message, OutputSchema, Price, Request, Response};

const KEY: &str = "sk-very-secret";

fn settings(url: &str) -> OpenAiSettings {
    OpenAiSettings {
        base_url: format!("{url}/v1"),
        key: Some(KEY.into()),
        model: "tiny".into(),
        timeout_seconds: 5,
        max_retries: 2,
        price: Some(Price { prompt: 1.0, cached: 0.5, completion: 2.0 }),
        structured: SchemaSupport::Strict,
    }
}

fn model(url: &str) -> OpenAiModel {
    OpenAiModel::new(settings(url)).expect("valid settings").with_backoff(Duration::from_millis(2))
}

fn request(schema: Option<Value>) -> Request {
    Request {
        messages: vec![Message::system("Be brief."), Message::user("Hello")],
        static_messages: 1,
        schema: schema.map(|schema| OutputSchema { name: "my plan".into(), schema }),
        max_tokens: 64,
        temperature: 0.0,
        seed: 7,
        first_token_logprobs: false,
    }
}

fn plan_schema() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "note": {"type": "string", "minLength": 1}},
           "required": ["name"], "additionalProperties": false})
}

/// An event stream with the given pieces of text.
fn stream(pieces: &[&str], finish: Option<&str>) -> ResponseTemplate {
    let mut events: Vec<Value> = pieces
        .iter()
        .map(|piece| json!({"id": "x", "choices": [{"index": 0, "delta": {"content": piece}}], "extra": 1}))
        .collect();
    if let Some(finish) = finish {
        let cached = json!({"cached_tokens": 40});
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": cached});
        events.push(json!({"choices": [{"delta": {"content": null}, "finish_reason": finish}]}));
        events.push(json!({"choices": [], "usage": usage}));
    }
    let end = if finish.is_some() { "data: [DONE]\n\n" } else { "" };
    let body: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let body = format!(": a comment\n\n{}{end}", body.concat());
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

fn refusal(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(json!({"error": {"message": message, "type": "x", "param": null, "code": 5}}))
}

/// Serves the templates in turn; the last one stays.
async fn server(templates: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let last = templates.len() - 1;
    for (at, template) in templates.into_iter().enumerate() {
        let mock = Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(template);
        let mock = mock.with_priority(u8::try_from(at + 1).expect("few templates"));
        if at < last { mock.up_to_n_times(1).mount(&server).await } else { mock.mount(&server).await }
    }
    server
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.expect("recording is on");
    requests.iter().filter(|r| r.method == "POST").map(|r| r.body_json().expect("JSON body")).collect()
}

async fn ask(model: &OpenAiModel, request: &Request) -> (Result<Response, LlmError>, String) {
    let heard = Mutex::new(String::new());
    let sink = |piece: &str| heard.lock().expect("no panic").push_str(piece);
    let outcome = model.complete(request, &sink).await;
    (outcome, heard.into_inner().expect("no panic"))
}

async fn failure(model: &OpenAiModel) -> LlmError {
    ask(model, &request(None)).await.0.expect_err("the server refuses")
}

#[tokio::test]
async fn a_streamed_answer_with_usage_and_cost() {
    let server = server(vec![stream(&["Hel", "lo"], Some("stop"))]).await;
    let (answer, heard) = ask(&model(&server.uri()), &request(None)).await;
    let answer = answer.expect("an answer");
    assert_eq!((answer.text.as_str(), heard.as_str(), answer.finish), ("Hello", "Hello", Finish::Stop));
    assert_eq!(
        (answer.usage.prompt_tokens, answer.usage.cached_tokens, answer.usage.completion_tokens),
        (100, 40, 10)
    );
    assert_eq!(answer.usage.dollars, Some((60.0 + 20.0 + 20.0) / 1e6));

    let requests = server.received_requests().await.expect("recording is on");
    assert_eq!(requests[0].headers["authorization"], format!("Bearer {KEY}"));
    let expected = json!({
        "model": "tiny", "max_tokens": 64, "temperature": 0.0, "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    });
    assert_eq!(bodies(&server).await, vec![expected]);
}

#[tokio::test]
async fn the_schema_is_sent_strictly_and_nulls_are_removed() {
    let server =
        server(vec![stream(&["```json\n{\"name\": \"a\", ", "\"note\": null}\n```"], Some("stop"))]).await;
    let (answer, _) = ask(&model(&server.uri()), &request(Some(plan_schema()))).await;
    assert_eq!(answer.expect("an answer").text, r#"{"name":"a"}"#);
    let expected = json!({"type": "json_schema", "json_schema": {"name": "my_plan", "strict": true, "schema": {
        "type": "object", "required": ["name", "note"], "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "note": {"type": ["string", "null"]}}
    }}});
    assert_eq!(bodies(&server).await[0]["response_format"], expected);
}

#[tokio::test]
async fn schemas_that_strict_mode_cannot_express_are_sent_as_they_are() {
    let server = server(vec![stream(&["{\"answer\": {\"a\": null}}"], Some("stop"))]).await;
    let schema = json!({"anyOf": [{"type": "object", "additionalProperties": {"type": ["string", "null"]}}]});
    let (answer, _) = ask(&model(&server.uri()), &request(Some(schema.clone()))).await;
    assert_eq!(answer.expect("an answer").text, r#"{"a":null}"#);
    let sent = &bodies(&server).await[0]["response_format"]["json_schema"];
    assert_eq!((&sent["strict"], &sent["schema"]["properties"]["answer"]), (&json!(false), &schema));
}

#[tokio::test]
async fn a_refused_response_format_is_weakened_and_remembered() {
    let server = MockServer::start().await;
    let post = || Mock::given(method("POST")).and(path("/v1/chat/completions"));
    let no_schema = refusal(400, "response_format.type json_schema is not supported");
    let format = |kind: &str| body_partial_json(json!({"response_format": {"type": kind}}));
    post().and(format("json_schema")).respond_with(no_schema.clone()).mount(&server).await;
    post().and(format("json_object")).respond_with(no_schema).mount(&server).await;
    post().respond_with(stream(&["Sure: {\"name\": \"a\"}"], Some("stop"))).mount(&server).await;

    let model = model(&server.uri());
    for _ in 0..2 {
        let (answer, _) = ask(&model, &request(Some(plan_schema()))).await;
        assert_eq!(answer.expect("an answer").text, r#"{"name": "a"}"#);
    }
    let bodies = bodies(&server).await;
    let formats: Vec<&str> =
        bodies.iter().map(|b| b["response_format"]["type"].as_str().unwrap_or("none")).collect();
    assert_eq!(formats, ["json_schema", "json_schema", "json_object", "none", "none"]);
    let told = bodies[4]["messages"][1]["content"].as_str().expect("a message");
    assert!(told.contains("\"minLength\":1"), "the prompt tells the schema: {told}");
}

#[tokio::test]
async fn parameters_that_the_server_does_not_know_are_left_out() {
    let refusals = [
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "Unsupported value: 'temperature' does not support 0 with this model.",
        "Unrecognized request argument supplied: logprobs",
    ];
    let mut templates: Vec<_> = refusals.iter().map(|message| refusal(400, message)).collect();
    templates.push(stream(&["yes"], Some("stop")));
    let server = server(templates).await;
    let model = model(&server.uri());
    assert!(model.capabilities().logprobs);
    let wanted = Request { first_token_logprobs: true, ..request(None) };
    assert_eq!(ask(&model, &wanted).await.0.expect("an answer").text, "yes");
    assert!(!model.capabilities().logprobs);
    let last = bodies(&server).await.pop().expect("four requests");
    assert_eq!(
        (&last["max_tokens"], &last["max_completion_tokens"], &last["logprobs"]),
        (&Value::Null, &json!(64), &Value::Null)
    );
}

#[tokio::test]
async fn log_probabilities_and_seed_are_sent_when_wanted() {
    let first = json!({"choices": [{"delta": {"content": "no"}, "logprobs": {"content": [
        {"token": "no", "logprob": -0.2, "top_logprobs": [{"token": "no", "logprob": -0.2}, {"token": "yes", "logprob": -1.5}]}]}}]});
    let end = json!({"choices": [{"delta": {}, "finish_reason": "length"}]});
    let body = format!("data: {first}\n\ndata: {end}\n\ndata: [DONE]\n\n");
    let server =
        server(vec![ResponseTemplate::new(200).set_body_raw(body, "text/event-stream; charset=utf-8")]).await;
    let wanted = Request { first_token_logprobs: true, temperature: 0.5, ..request(None) };
    let answer = ask(&model(&server.uri()), &wanted).await.0.expect("an answer");
    assert_eq!(answer.first_token, vec![("no".into(), -0.2), ("yes".into(), -1.5)]);
    assert_eq!(answer.finish, Finish::Length);
    assert_eq!(
        (answer.usage.prompt_tokens, answer.usage.completion_tokens),
        (3 + 2, 1),
        "estimated: no usage was sent"
    );
    let sent = &bodies(&server).await[0];
    assert_eq!(
        (&sent["logprobs"], &sent["top_logprobs"], &sent["seed"]),
        (&json!(true), &json!(5), &json!(7))
    );
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body =
        json!({"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]});
    let server = server(vec![ResponseTemplate::new(200).set_body_json(body)]).await;
    let (answer, heard) = ask(&model(&server.uri()), &request(None)).await;
    assert_eq!((answer.expect("an answer").text, heard), ("Hi".into(), "Hi".into()));
}

#[tokio::test]
async fn a_429_is_waited_for_as_long_as_the_server_asks() {
    let busy = refusal(429, "slow down").insert_header("Retry-After", "1");
    let server = server(vec![busy, stream(&["ok"], Some("stop"))]).await;
    let started = Instant::now();
    let (answer, _) = ask(&model(&server.uri()), &request(None)).await;
    assert_eq!(answer.expect("an answer").text, "ok");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(bodies(&server).await.len(), 2);
}

#[tokio::test]
async fn errors_are_told_apart_and_counted() {
    type Check = fn(&LlmError) -> bool;
    let cases: [(ResponseTemplate, usize, Check); 8] = [
        (refusal(429, "slow down"), 3, |e| matches!(e, LlmError::RateLimited { attempts: 3, .. })),
        (refusal(429, "x").insert_header("Retry-After", "3600"), 1, |e| {
            matches!(e, LlmError::RateLimited { attempts: 1, .. })
        }),
        (
            refusal(500, "oops"),
            3,
            |e| matches!(e, LlmError::Server { status: 500, message, .. } if message == "oops"),
        ),
        (ResponseTemplate::new(503).set_body_string("<busy>"), 3, |e| {
            matches!(e, LlmError::Server { status: 503, .. })
        }),
        (refusal(401, &format!("Incorrect API key provided: {KEY}")), 1, |e| {
            matches!(e, LlmError::Key { status: 401, .. })
        }),
        (refusal(403, "no"), 1, |e| matches!(e, LlmError::Key { status: 403, .. })),
        (
            refusal(400, &format!("bad {KEY}")),
            1,
            |e| matches!(e, LlmError::Server { message, .. } if message == "bad (key)"),
        ),
        (refusal(422, "no"), 1, |e| matches!(e, LlmError::Server { status: 422, .. })),
    ];
    for (template, attempts, check) in cases {
        let server = server(vec![template]).await;
        let error = failure(&model(&server.uri())).await;
        assert!(check(&error), "{error:?}");
        assert!(!format!("{error:?} {error}").contains(KEY));
        assert_eq!(bodies(&server).await.len(), attempts, "{error:?}");
    }
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_those_that_are_there() {
    let server = server(vec![refusal(404, "The model `tiny` does not exist.")]).await;
    let list =
        ResponseTemplate::new(200).set_body_json(json!({"data": [{"id": "large", "object": "model"}]}));
    Mock::given(method("GET")).and(path("/v1/models")).respond_with(list).mount(&server).await;
    match failure(&model(&server.uri())).await {
        LlmError::UnknownModel { name, available } => {
            assert_eq!((name.as_str(), available), ("tiny", vec!["large".into()]));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_slow_server_times_out_once() {
    let server = server(vec![stream(&["late"], Some("stop")).set_delay(Duration::from_secs(20))]).await;
    let model = OpenAiModel::new(OpenAiSettings { timeout_seconds: 1, ..settings(&server.uri()) })
        .expect("valid settings");
    let error = failure(&model).await;
    assert!(matches!(error, LlmError::Timeout { seconds: 1, .. }), "{error:?}");
    assert_eq!(bodies(&server).await.len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound");
    let error = failure(&model(&format!("http://user:{KEY}@{free}"))).await;
    match &error {
        LlmError::Unreachable { url, reason } => {
            assert_eq!(url, &format!("http://{free}/v1"));
            assert!(reason.to_lowercase().contains("refused"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_truncated_stream_is_tried_again_and_the_sink_hears_each_piece_once() {
    let server =
        server(vec![stream(&["Hel", "lo "], None), stream(&["Hello ", "there"], Some("stop"))]).await;
    let (answer, heard) = ask(&model(&server.uri()), &request(None)).await;
    assert_eq!((answer.expect("an answer").text, heard), ("Hello there".into(), "Hello there".into()));
    assert_eq!(bodies(&server).await.len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_broken_output() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    let breaking = std::thread::spawn(move || {
        for connection in listener.incoming().take(3) {
            let mut connection = connection.expect("a client");
            let _ = connection.read(&mut [0; 4096]);
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let event = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
            let _ = write!(connection, "{head}{:x}\r\n{event}\r\n", event.len());
        }
    });
    let error = failure(&model(&format!("http://{address}"))).await;
    assert!(matches!(error, LlmError::BrokenOutput { .. }), "{error:?}");
    breaking.join().expect("three attempts were made");
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    let idle = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a client");
        connection.set_read_timeout(Some(Duration::from_secs(4))).expect("a positive time");
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
        connection.read(&mut [0; 4096])
    });
    let model = model(&format!("http://{address}"));
    let wanted = request(None);
    let dropped = tokio::time::timeout(Duration::from_millis(200), ask(&model, &wanted)).await;
    assert!(dropped.is_err());
    let seen = tokio::task::spawn_blocking(|| idle.join()).await.expect("not cancelled").expect("no panic");
    assert_eq!(seen.expect("closed before the read timed out"), 0);
}

#[tokio::test]
async fn garbage_is_broken_output_and_not_tried_again() {
    let raw = |body: &str, kind: &str| ResponseTemplate::new(200).set_body_raw(body.to_owned(), kind);
    let cases = [
        (raw("<html>sign in</html>", "text/html"), None),
        (raw("{\"hello\": 1}", "application/json"), None),
        (raw("data: not JSON\n\n", "text/event-stream"), None),
        (stream(&["", " "], Some("stop")), None),
        (stream(&["I would rather not."], Some("stop")), Some(plan_schema())),
    ];
    for (template, schema) in cases {
        let server = server(vec![template]).await;
        let error = ask(&model(&server.uri()), &request(schema)).await.0.expect_err("garbage");
        assert!(
            matches!(&error, LlmError::BrokenOutput { model, .. } if model == "openai:tiny"),
            "{error:?}"
        );
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn a_cut_answer_is_handed_over_as_it_is() {
    let server = server(vec![stream(&["{\"name\": \"a"], Some("length"))]).await;
    let answer = ask(&model(&server.uri()), &request(Some(plan_schema()))).await.0.expect("an answer");
    assert_eq!((answer.text.as_str(), answer.finish), ("{\"name\": \"a", Finish::Length));
}

#[test]
fn the_key_is_never_shown() {
    let model = model("http://user:pass-word@localhost");
    let shown = format!("{model:?} {:?}", settings("http://user:pass-word@localhost"));
    assert!(!shown.contains(KEY) && !shown.contains("pass-word"), "{shown}");
    let error =
        OpenAiModel::new(OpenAiSettings { key: Some("line\nbreak".into()), ..settings("http://localhost") });
    assert!(matches!(error, Err(LlmError::Key { .. })));
}

#[test]
fn tokens_are_exact_for_openai_and_estimated_elsewhere() {
    let named = |model: &str| {
        OpenAiModel::new(OpenAiSettings { model: model.into(), ..settings("http://localhost") })
            .expect("valid")
    };
    assert_eq!(named("gpt-4o").count_tokens("hello world"), 2);
    assert_eq!(named("qwen").count_tokens("hello world"), 3);
    assert_eq!(named("qwen").count_tokens(""), 0);
}
