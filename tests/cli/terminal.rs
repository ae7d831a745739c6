//! The prompt in a real pseudo-terminal.

use std::time::{Duration, Instant};

use expectrl::session::OsSession;
use expectrl::{ControlCode, Eof, Expect, Session};

use crate::chat::{PROGRAM, model};
use crate::harness::Dir;

type Terminal = OsSession;

/// A conversation about the program in a terminal of `columns`, with a model that cannot be opened.
fn terminal(dir: &Dir, columns: u16, arguments: &[&str], variables: &[(&str, &str)]) -> Terminal {
    dir.write("churn.yaml", PROGRAM);
    dir.write("config.toml", "max_retries = 0\n");
    let mut process = dir.process();
    process
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .env("COULER_CONFIG", dir.path().join("config.toml"))
        .args(["chat"])
        .args(arguments);
    for (name, value) in variables {
        process.env(name, value);
    }
    let mut session = Session::spawn(process).unwrap();
    session.get_process_mut().set_window_size(columns, 30).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session
}

fn seen(session: &mut Terminal, text: &str) -> String {
    let found = session.expect(text).unwrap_or_else(|error| panic!("{text:?} was not seen: {error}"));
    String::from_utf8_lossy(found.before()).into_owned()
}

fn leave(mut session: Terminal) {
    // Only the prompt reads keys.
    seen(&mut session, "> ");
    session.send(ControlCode::EndOfTransmission).unwrap();
    session.expect(Eof).unwrap();
}

#[test]
fn a_change_is_proposed_applied_with_enter_and_taken_back() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[]);
    seen(&mut session, "churn> ");
    session.send_line("retry train 3 times").unwrap();
    seen(&mut session, "retry limit: 3");
    seen(&mut session, "churn*> ");
    session.send_line("").unwrap();
    seen(&mut session, "it counts now");
    session.send_line("/undo").unwrap();
    seen(&mut session, "taken back");
    session.send_line("/redo").unwrap();
    seen(&mut session, "done again");
    session.send_line("/quit").unwrap();
    session.expect(Eof).unwrap();
}

#[test]
fn commands_steps_and_files_are_completed_and_hinted() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[]);
    seen(&mut session, "churn> ");
    // The hint shows what is left of the command.
    session.send("/exp").unwrap();
    seen(&mut session, "lain");
    session.send("l\t").unwrap();
    session.send_line("").unwrap();
    seen(&mut session, "waits for");
    session.send("retry evalu\t").unwrap();
    session.send_line(" twice").unwrap();
    seen(&mut session, "evaluate  retry limit: 2");
    session.send("/load chur\t").unwrap();
    session.send_line("").unwrap();
    seen(&mut session, "3 steps from churn.yaml");
    session.send("/engine tek\t").unwrap();
    session.send_line("").unwrap();
    seen(&mut session, "engine tekton");
    leave(session);
}

#[test]
fn history_is_kept_and_searched() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[]);
    seen(&mut session, "churn> ");
    session.send_line("how many steps are there?").unwrap();
    seen(&mut session, "3 steps");
    leave(session);
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[]);
    seen(&mut session, "churn> ");
    session.send("\x12").unwrap();
    session.send("how m").unwrap();
    seen(&mut session, "how many steps");
    session.send_line("").unwrap();
    seen(&mut session, "3 steps");
    leave(session);
}

#[test]
fn lines_can_go_on_and_pasted_lines_stay_together() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[]);
    seen(&mut session, "churn> ");
    session.send_line("retry train \\").unwrap();
    session.send_line("4 times").unwrap();
    seen(&mut session, "retry limit: 4");
    session.send("\x1b[200~retry load 2 times\nretry evaluate 6 times\x1b[201~").unwrap();
    session.send_line("").unwrap();
    seen(&mut session, "evaluate  retry limit: 6");
    leave(session);
}

#[test]
fn ctrl_c_drops_the_line_and_stops_the_model() {
    let dir = Dir::new();
    let url = model(Vec::new());
    let served = [("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", "k")];
    let mut session = terminal(&dir, 100, &["churn.yaml"], &served);
    seen(&mut session, "churn> ");
    session.send("half a li").unwrap();
    session.send(ControlCode::EndOfText).unwrap();
    seen(&mut session, "the line was dropped");
    seen(&mut session, "churn> ");
    // The server never answers.
    session.send_line("add a slack message to #ml if it fails").unwrap();
    seen(&mut session, "edit");
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    session.send(ControlCode::EndOfText).unwrap();
    seen(&mut session, "stopped; nothing changed");
    seen(&mut session, "churn> ");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    session.send_line("/explain").unwrap();
    seen(&mut session, "waits for");
    leave(session);
}

#[test]
fn colours_can_be_turned_off() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[]);
    session.send_line("retry train 3 times").unwrap();
    let colored = seen(&mut session, "drops it");
    assert!(colored.contains("\x1b[3"), "{colored:?}");
    leave(session);
    let mut session = terminal(&dir, 100, &["churn.yaml"], &[("NO_COLOR", "1")]);
    session.send_line("retry train 3 times").unwrap();
    let plain = seen(&mut session, "drops it");
    assert!(!plain.contains("\x1b[3") && !plain.contains("\x1b[1;"), "{plain:?}");
    leave(session);
}

#[test]
fn a_narrow_terminal_gets_a_list() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 9, &["churn.yaml"], &[("NO_COLOR", "1")]);
    seen(&mut session, "churn> ");
    session.send_line("/show graph").unwrap();
    seen(&mut session, "evaluate");
    leave(session);
    let mut session = terminal(&dir, 20, &["churn.yaml"], &[("NO_COLOR", "1")]);
    seen(&mut session, "churn> ");
    session.send_line("/show graph").unwrap();
    seen(&mut session, "│ evaluate");
    leave(session);
}

#[test]
fn resuming_shows_what_was_said() {
    let dir = Dir::new();
    let mut session = terminal(&dir, 100, &["churn.yaml", "--apply"], &[]);
    seen(&mut session, "churn> ");
    session.send_line("retry train 3 times").unwrap();
    seen(&mut session, "retry limit: 3");
    leave(session);
    let mut session = terminal(&dir, 100, &["--resume"], &[]);
    seen(&mut session, "> retry train 3 times");
    seen(&mut session, "retry limit: 3");
    seen(&mut session, "churn> ");
    session.send_line("/sessions").unwrap();
    seen(&mut session, "1 turns, churn");
    leave(session);
}
