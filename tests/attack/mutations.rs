//! Texts that are almost right: pieces of sound programs, conditions, references and cards, cut, doubled and mixed.
//! Nothing may panic, and what is read once is read the same again. `PROPTEST_CASES` makes it longer.

use couler::api::{
    Condition, Duration, Format, References, Template, json_from_str, parse_program, write_program,
};
use couler::cards::read_card;
use proptest::prelude::*;

const PROGRAM: &str = "version: couler/v1\nname: w\nparameters: {p: {default: '1'}}\nsteps:\n  - name: a\n    run: {function: run_script, language: bash, source: 'echo {{item.x}} {{parameters.p}}'}\n    map: {over: {kind: list, items: [{x: no}, {x: 1e309}]}, parallelism: 2}\n    outputs: [{name: v, source: {kind: parameter, path: /tmp/v}}]\n  - name: b\n    when: a.v == 'x' and (parameters.p >= 1 or a.result in [1, 2])\n    run: {function: run_container, image: i, command: [sh, -c, '{{steps.a.v}}']}\n    settings: {retry: {limit: 2, backoff: {duration: 10s, factor: 2}}, timeout: 1h30m, env: {A: $$(B)}}\n";
const CONDITION: &str = "a.b == 'x\\'y' && (parameters.p >= -1.5e3 or item.k in [1, \"two\"]) and item != 3";
const REFERENCES: &str = "{{ item }} {{item.k}}{{parameters.p}}{{{steps.a.result}}} {{ {{ }} }} $$";
const CARD: &str = "---\nkind: dataset\nname: iris\nrows: 150\ncolumns: [{name: a, type: number}]\nlicense: [mit]\n---\n# Text\n| a | b |\n|---|---|\n";

/// Mutations of a text: each cuts a piece out, doubles it, or puts another one in its place.
fn mutated(seed: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        any::<char>().prop_map(|c| c.to_string()),
        "[-\\[\\]{}():,'\"&*!|>%@#$.\\\\0-9\n ]{1,8}",
        Just("\u{0}\u{202e}".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("[".repeat(300)),
        Just("((".repeat(200)),
        Just("{{".repeat(200)),
        Just("&a [*a, *a]".to_owned()),
    ];
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece, any::<bool>());
    prop::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut text: Vec<char> = seed.chars().collect();
        for (from, length, piece, doubled) in changes {
            let from = from.index(text.len().max(1)).min(text.len());
            let to = (from + length.index(40)).min(text.len());
            let mut put: Vec<char> = piece.chars().collect();
            if doubled {
                put.extend(text[from..to].to_vec().repeat(2));
            }
            text.splice(from..to, put);
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn programs(text in mutated(PROGRAM)) {
        if let Ok(program) = parse_program(&text) {
            for format in [Format::Yaml, Format::Json] {
                let written = write_program(&program, format).unwrap();
                prop_assert_eq!(&parse_program(&written).unwrap(), &program);
            }
        }
    }

    #[test]
    fn programs_of_json(text in mutated(r#"{"version": "couler/v1", "name": "w", "steps": [{"name": "a", "map": {"over": {"kind": "range", "start": 0, "end": 9}}, "run": {"function": "run_container", "image": "i", "args": ["{{item}}"]}}]}"#)) {
        let _ = parse_program(&text);
        if let Ok(value) = json_from_str(&text) {
            prop_assert_eq!(&value, &serde_json::from_str::<serde_json::Value>(&text).unwrap());
        }
    }

    #[test]
    fn conditions(text in mutated(CONDITION)) {
        if let Ok(condition) = text.parse::<Condition>() {
            prop_assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
        }
    }

    #[test]
    fn templates_and_durations(text in mutated(REFERENCES), length in "[0-9wdhms ]{0,30}") {
        for references in [References::ValuesAndItem, References::Values] {
            let _ = Template::parse(&text, references).outputs().count();
        }
        if let Ok(duration) = length.parse::<Duration>() {
            prop_assert!((1..=Duration::LONGEST).contains(&duration.seconds()));
            prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }
    }

    #[test]
    fn cards(text in mutated(CARD)) {
        let _ = read_card(&text, "fallback");
    }
}
