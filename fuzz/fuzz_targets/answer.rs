#![no_main]
//! What a model answers: a way, and then its answers, one a line; the last one is repeated.

use std::sync::{LazyLock, Mutex};

use couler::api::{Program, parse_program};
use couler::chat::{Conversation, Session};
use couler::llm::{
    Capabilities, CompletionFuture, Finish, LanguageModel, Request, Response, TokenSink, Usage,
};
use couler::nl::{PipelineOptions, Prompts, Silent, Way};
use libfuzzer_sys::fuzz_target;

mod shared;

static PROMPTS: LazyLock<Prompts> = LazyLock::new(Prompts::built_in);
static BEFORE: LazyLock<Program> =
    LazyLock::new(|| parse_program(include_str!("journal.yaml")).expect("it is a program"));

const TEXTS: [&str; 4] = [
    "Load data/churn.csv, drop duplicate rows, train XGBoost with 200 trees and evaluate the AUC; every night at 2.",
    "run acme/etl:1 for a, b and c, then acme/report:1 if the result is yes; retry twice; at the end notify #ops",
    "add a step that trains a random forest after a, and use 300 trees",
    "replace c by something better",
];

struct Told<'a>(Mutex<std::str::Lines<'a>>, Mutex<&'a str>);

impl LanguageModel for Told<'_> {
    fn id(&self) -> &str {
        "told"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_schema: false, logprobs: false, needs_passes: false, concurrent: false }
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len() / 4
    }

    fn complete<'a>(&'a self, _: &'a Request, _: TokenSink<'a>) -> CompletionFuture<'a> {
        let mut last = self.1.lock().unwrap();
        *last = self.0.lock().unwrap().next().unwrap_or(*last);
        let text = (*last).to_owned();
        let usage = Usage { completion_tokens: u32::MAX, ..Usage::default() };
        Box::pin(async move { Ok(Response { text, finish: Finish::Stop, usage, first_token: Vec::new() }) })
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let first = lines.next().and_then(|line| line.bytes().next()).unwrap_or_default();
    let ways = [Way::Whole, Way::Steps, Way::Passes, Way::Passes];
    let options = PipelineOptions { way: ways[usize::from(first) % 4], ..PipelineOptions::default() };
    let said = TEXTS[usize::from(first >> 2) % 4];
    let model = Told(Mutex::new(lines), Mutex::new(""));
    let mut session = Session::new("fuzz", 0);
    session.settings.auto_apply = true;
    if first & 16 != 0 {
        session.replace(BEFORE.clone());
    }
    let conversation =
        Conversation { model: &model, lake: &shared::LAKE, prompts: &PROMPTS, options, observer: &Silent };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a thread");
    let _ = runtime.block_on(conversation.say(&mut session, said));
    if let Some(program) = session.program() {
        shared::use_program(program);
    }
});
